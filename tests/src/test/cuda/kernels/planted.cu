// Kernels with one fault each. They compile everywhere; the stand-in must find every fault.
#include "intrinsics.cuh"

// no barrier between writing and reading shared memory
extern "C" __global__ void missing_barrier(const float* x, float* y) {
  __shared__ float s[128];
  int t = threadIdx.x;
  s[t] = x[t];
  y[t] = s[127 - t];
}

// writes one element too far
extern "C" __global__ void out_of_bounds(float* x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) x[i] = 1.0f;
}

extern "C" __global__ void fill_ones(float* x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = 1.0f;
}

// half of the block never comes to the barrier
extern "C" __global__ void divergent_barrier(float* x) {
  if (threadIdx.x < 32) {
    __syncthreads();
    x[threadIdx.x] = 0.0f;
  }
}

// the mask names lanes that do not come
extern "C" __global__ void divergent_shuffle(float* x) {
  if (threadIdx.x < 16) x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1);
  __syncthreads();
}

// reads what an asynchronous copy has not brought yet
extern "C" __global__ void missing_copy_wait(const float* x, float* y) {
  __shared__ __align__(16) float s[128];
  int t = threadIdx.x;
  cp_async_16(&s[4 * t], &x[4 * t]);
  cp_async_commit();
  y[t] = s[4 * t];
}

extern "C" __global__ void misaligned(float* x) {
  float4* v = (float4*)(x + 1);
  v[0].x = 1.0f;
}
