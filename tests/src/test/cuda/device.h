// What a .cu file sees when the stand-in compiles it with g++: CUDA's keywords, index variables, barriers, warp functions, atomics and the
// fragments of mma.sync, each as a call into the machine that runs the block (machine.cpp). Included before the program's first line.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JEMMA_STANDIN 1
#ifndef STANDIN_REAL_HEADERS  // there these names are NVIDIA's
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __constant__ static
#define __shared__ static __attribute__((section("standin_shared")))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
struct float2 { float x, y; } __attribute__((aligned(8)));
struct float4 { float x, y, z, w; } __attribute__((aligned(16)));
struct int2 { int x, y; } __attribute__((aligned(8)));
struct int4 { int x, y, z, w; } __attribute__((aligned(16)));
struct uint2 { unsigned x, y; } __attribute__((aligned(8)));
struct uint4 { unsigned x, y, z, w; } __attribute__((aligned(16)));
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

#endif

namespace standin {
// The border between the machine and a compiled program; both sides include this.
struct Thread { uint3 thread, block; dim3 blockSize, gridSize; unsigned lane; };
struct Machine {
  Thread* current;       // the thread that runs now
  void* dynamicShared;   // the block's dynamic shared memory
  void (*barrier)(int line);
  // every lane of mask gives `bytes` bytes and gets those of all lanes, lane after lane
  void (*exchange)(unsigned mask, const void* mine, unsigned bytes, void* all, int line);
  // asynchronous copies of the running thread: they land no sooner than the thread waits for their group
  void (*copyLater)(void* to, const void* from, unsigned bytes);
  void (*commitCopies)();
  void (*awaitCopies)(unsigned groupsLeft);
};
struct Kernel {
  const char* name;
  void (*call)(void** parameters);
  int maxThreads, count;
  const unsigned *sizes, *offsets;
};
#ifndef STANDIN_MACHINE
static Machine* machine;
template <auto F> struct Caller;
template <class... A, void (*F)(A...)> struct Caller<F> {
  static constexpr int count = sizeof...(A);
  struct Layout { unsigned sizes[count + 1], offsets[count + 1]; };
  static constexpr Layout make() {
    Layout l{};
    unsigned at = 0;
    int i = 0;
    ((at = (at + alignof(A) - 1) / alignof(A) * alignof(A), l.sizes[i] = sizeof(A), l.offsets[i] = at, at += sizeof(A), i++), ...);
    return l;
  }
  static constexpr Layout layout = make();
  template <size_t... I> struct Indices {};
  template <size_t N, size_t... I> struct Make : Make<N - 1, N - 1, I...> {};
  template <size_t... I> struct Make<0, I...> { using type = Indices<I...>; };
  template <size_t... I> static void spread(void** p, Indices<I...>) { F(*(A*)p[I]...); }
  static void call(void** p) { spread(p, typename Make<sizeof...(A)>::type{}); }
};
#endif
}  // namespace standin

#ifndef STANDIN_MACHINE
#define STANDIN_KERNEL(name, threads)                                                                    \
  {#name, standin::Caller<&name>::call, threads, standin::Caller<&name>::count,                          \
   standin::Caller<&name>::layout.sizes, standin::Caller<&name>::layout.offsets}

#define threadIdx (standin::machine->current->thread)
#define blockIdx (standin::machine->current->block)
#define blockDim (standin::machine->current->blockSize)
#define gridDim (standin::machine->current->gridSize)
static const int warpSize = 32;

inline void __syncthreads(int line = __builtin_LINE()) { standin::machine->barrier(line); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

// ---- warp functions: all of them are one exchange
template <class T> inline T standin_from(unsigned mask, T value, int lane, int line) {
  T all[32];
  standin::machine->exchange(mask, &value, sizeof(T), all, line);
  return all[lane & 31];
}
inline unsigned standin_lane() { return standin::machine->current->lane; }
template <class T> inline T __shfl_sync(unsigned m, T v, int src, int width = 32, int line = __builtin_LINE()) {
  return standin_from(m, v, (int)(standin_lane() & ~(width - 1)) + (src & (width - 1)), line);
}
template <class T> inline T __shfl_xor_sync(unsigned m, T v, int x, int width = 32, int line = __builtin_LINE()) {
  int me = standin_lane(), to = me ^ x;
  return standin_from(m, v, to / width > me / width ? me : to, line);
}
template <class T> inline T __shfl_down_sync(unsigned m, T v, unsigned d, int width = 32, int line = __builtin_LINE()) {
  int me = standin_lane(), to = me + (int)d;
  return standin_from(m, v, to / width != me / width ? me : to, line);
}
template <class T> inline T __shfl_up_sync(unsigned m, T v, unsigned d, int width = 32, int line = __builtin_LINE()) {
  int me = standin_lane(), to = me - (int)d;
  return standin_from(m, v, to < me / width * width ? me : to, line);
}
inline unsigned __ballot_sync(unsigned m, int p, int line = __builtin_LINE()) {
  int mine = p != 0, all[32];
  unsigned bits = 0;
  standin::machine->exchange(m, &mine, sizeof mine, all, line);
  for (int i = 0; i < 32; i++) if (m >> i & 1) bits |= (unsigned)all[i] << i;
  return bits;
}
inline int __any_sync(unsigned m, int p, int line = __builtin_LINE()) { return __ballot_sync(m, p, line) != 0; }
inline int __all_sync(unsigned m, int p, int line = __builtin_LINE()) { return __ballot_sync(m, p, line) == m; }
inline void __syncwarp(unsigned m = 0xffffffffu, int line = __builtin_LINE()) { __ballot_sync(m, 1, line); }

// ---- atomics: threads change only at barriers and exchanges, so plain code is atomic
template <class T> inline T atomicAdd(T* p, T v) { T old = *p; *p = old + v; return old; }
inline int atomicAdd(int* p, int v) { int old = *p; *p = (int)((unsigned)old + (unsigned)v); return old; }
template <class T> inline T atomicMax(T* p, T v) { T old = *p; if (v > old) *p = v; return old; }
template <class T> inline T atomicMin(T* p, T v) { T old = *p; if (v < old) *p = v; return old; }
template <class T> inline T atomicExch(T* p, T v) { T old = *p; *p = v; return old; }
template <class T> inline T atomicOr(T* p, T v) { T old = *p; *p = old | v; return old; }
template <class T> inline T atomicAnd(T* p, T v) { T old = *p; *p = old & v; return old; }
template <class T> inline T atomicCAS(T* p, T expected, T v) { T old = *p; if (old == expected) *p = v; return old; }

// ---- numbers
template <class T> inline T standin_bits(const void* p) { T t; memcpy(&t, p, sizeof t); return t; }
inline float __uint_as_float(unsigned u) { return standin_bits<float>(&u); }
inline unsigned __float_as_uint(float f) { return standin_bits<unsigned>(&f); }
inline float __int_as_float(int i) { return standin_bits<float>(&i); }
inline int __float_as_int(float f) { return standin_bits<int>(&f); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
template <class T> inline T __ldg(const T* p) { return *p; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }

// ---- the bodies that intrinsics.cuh leaves to the stand-in
inline float bf16_to_float(unsigned short h) { return __uint_as_float((unsigned)h << 16); }
inline unsigned short float_to_bf16(float f) {
  unsigned u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return 0x7fff;  // the canonical NaN of cvt.rn.bf16
  return (unsigned short)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
inline float f16_to_float(unsigned short h) { return (float)standin_bits<_Float16>(&h); }
inline unsigned short float_to_f16(float f) { _Float16 h = (_Float16)f; return standin_bits<unsigned short>(&h); }

// PTX ISA, "Matrix fragments for mma.m16n8k16": group g = lane / 4, t = lane % 4. A: a0 (g, 2t..), a1 (g+8, 2t..), a2 (g, 2t+8..), a3 (g+8, 2t+8..);
// B: b0 (2t.., g), b1 (2t+8.., g); C: c0, c1 (g, 2t..), c2, c3 (g+8, 2t..). A register holds two elements, the lower first.
template <float (*Widen)(unsigned short)>
inline void standin_mma_16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const float (&c)[4], int line) {
  struct { unsigned a[4], b[2]; } mine, all[32];
  memcpy(mine.a, a, sizeof mine.a);
  memcpy(mine.b, b, sizeof mine.b);
  standin::machine->exchange(0xffffffffu, &mine, sizeof mine, all, line);
  int g = standin_lane() / 4, t = standin_lane() % 4;
  float sum[4];
  for (int i = 0; i < 4; i++) {
    int row = g + (i / 2) * 8, column = 2 * t + i % 2;
    double s = c[i];
    for (int k = 0; k < 16; k++) {
      unsigned av = all[row % 8 * 4 + k % 8 / 2].a[row / 8 + k / 8 * 2];
      unsigned bv = all[column * 4 + k % 8 / 2].b[k / 8];
      s += (double)Widen((unsigned short)(av >> 16 * (k % 2))) * (double)Widen((unsigned short)(bv >> 16 * (k % 2)));
    }
    sum[i] = (float)s;
  }
  memcpy(d, sum, sizeof sum);
}
inline void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const float (&c)[4], int line = __builtin_LINE()) {
  standin_mma_16816<bf16_to_float>(d, a, b, c, line);
}
inline void mma_m16n8k16_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const float (&c)[4], int line = __builtin_LINE()) {
  standin_mma_16816<f16_to_float>(d, a, b, c, line);
}
// ldmatrix.x4: lane i gives the address of row i % 8 of matrix i / 8; register r of lane l is elements 2(l % 4).. of row l / 4 of matrix r
inline void ldmatrix_x4(unsigned (&r)[4], const void* row, int line = __builtin_LINE()) {
  uint64_t mine = (uint64_t)row, all[32];
  standin::machine->exchange(0xffffffffu, &mine, sizeof mine, all, line);
  for (int m = 0; m < 4; m++) memcpy(&r[m], (const char*)all[m * 8 + standin_lane() / 4] + standin_lane() % 4 * 4, 4);
}
inline void cp_async_16(void* shared, const void* global) { standin::machine->copyLater(shared, global, 16); }
inline void cp_async_commit() { standin::machine->commitCopies(); }
template <int N> inline void cp_async_wait() { standin::machine->awaitCopies(N); }
#endif
