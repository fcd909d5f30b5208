// D [16, 8] = A [16, 16] B [16, 8] by one warp, A row-major and B as [8, 16]: registers filled by hand, and by ldmatrix from shared memory.
#include "intrinsics.cuh"

extern "C" __global__ void fragment_bf16(const unsigned short* a, const unsigned short* b, float* d) {
  int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  const unsigned* a2 = (const unsigned*)a;
  const unsigned* b2 = (const unsigned*)b;
  unsigned fa[4] = {a2[g * 8 + t], a2[(g + 8) * 8 + t], a2[g * 8 + t + 4], a2[(g + 8) * 8 + t + 4]};
  unsigned fb[2] = {b2[g * 8 + t], b2[g * 8 + t + 4]};
  float acc[4] = {0, 0, 0, 0};
  mma_m16n8k16_bf16(acc, fa, fb, acc);
  for (int i = 0; i < 4; i++) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = acc[i];
}

extern "C" __global__ void fragment_f16(const unsigned short* a, const unsigned short* b, float* d) {
  __shared__ __align__(16) unsigned short s[16 * 16];
  int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  cp_async_16(&s[lane * 8], &a[lane * 8]);
  cp_async_commit();
  cp_async_wait<0>();
  __syncwarp();
  unsigned fa[4];
  int matrix = lane / 8;  // rows 0-7 and 8-15 of columns 0-7, then of columns 8-15
  ldmatrix_x4(fa, &s[(lane % 8 + matrix % 2 * 8) * 16 + matrix / 2 * 8]);
  const unsigned* b2 = (const unsigned*)b;
  unsigned fb[2] = {b2[g * 8 + t], b2[g * 8 + t + 4]};
  float acc[4] = {0, 0, 0, 0};
  mma_m16n8k16_f16(acc, fa, fb, acc);
  for (int i = 0; i < 4; i++) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = acc[i];
}

extern "C" __global__ void round_trip(const float* x, unsigned short* bf16, unsigned short* f16, float* back, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  bf16[i] = float_to_bf16(x[i]);
  f16[i] = float_to_f16(x[i]);
  back[2 * i] = bf16_to_float(bf16[i]);
  back[2 * i + 1] = f16_to_float(f16[i]);
}
