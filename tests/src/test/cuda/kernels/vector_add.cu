extern "C" __global__ void vector_add(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

extern "C" __global__ void scale(float* x, float by, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] *= by;
}

// one parameter of each width, with the gaps that C leaves between them
extern "C" __global__ void widths(double* out, signed char b, short s, int i, long long l, float f, double d) {
  out[0] = b;
  out[1] = s;
  out[2] = i;
  out[3] = (double)l;
  out[4] = f;
  out[5] = d;
}
