// Sums, three ways: a tree in shared memory, warp shuffles, and atomics; and votes.
#ifndef BLOCK
#define BLOCK 256
#endif

extern "C" __global__ void __launch_bounds__(BLOCK) sum_tree(const float* x, float* sums, int n) {
  __shared__ float part[BLOCK];
  int t = threadIdx.x, i = blockIdx.x * BLOCK + t;
  part[t] = i < n ? x[i] : 0.0f;
  __syncthreads();
  for (int half = BLOCK / 2; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  if (t == 0) sums[blockIdx.x] = part[0];
}

extern "C" __global__ void sum_warps(const float* x, float* total, int n) {
  extern __shared__ float warps[];
  int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
  float v = i < n ? x[i] : 0.0f;
  for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(0xffffffffu, v, d);
  if (t % 32 == 0) warps[t / 32] = v;
  __syncthreads();
  if (t < 32) {
    v = t < blockDim.x / 32 ? warps[t] : 0.0f;
    for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffffu, v, d);
    if (t == 0) atomicAdd(total, v);
  }
}

// out[0] lanes with a positive value, out[1] whether any is, out[2] whether all are, out[3] the value one lane up from lane 7, out[4] of lane 3
extern "C" __global__ void votes(const int* x, int* out) {
  int v = x[threadIdx.x];
  unsigned positive = __ballot_sync(0xffffffffu, v > 0);
  int any = __any_sync(0xffffffffu, v > 0), all = __all_sync(0xffffffffu, v > 0);
  int up = __shfl_up_sync(0xffffffffu, v, 1), third = __shfl_sync(0xffffffffu, v, 3);
  if (threadIdx.x == 7) {
    out[0] = __popc(positive);
    out[1] = any;
    out[2] = all;
    out[3] = up;
    out[4] = third;
  }
}

extern "C" __global__ void extremes(const int* x, int* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  atomicMax(&out[0], x[i]);
  atomicMin(&out[1], x[i]);
  atomicAdd(&out[2], 1);
  atomicCAS(&out[3], 0, x[i]);
}
