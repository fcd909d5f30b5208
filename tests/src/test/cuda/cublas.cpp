// cublasLt and cuBLAS over a plain loop in double precision, with attribute sizes and memory ranges checked.
#include "driver.h"

#include <cmath>
#include <cstring>
#include <set>

using namespace standin;
#define API extern "C" __attribute__((visibility("default")))
#define BLAS(status) return (cublasStatus_t)(status)
#define ENTER                                                \
  std::lock_guard<std::recursive_mutex> guard(device.lock);  \
  if (int status = injected(__func__)) BLAS(status)
enum { kUninitialised = 1, kInvalid = 7, kExecution = 13, kUnsupported = 15 };
enum { F32 = 0, F16 = 2, I8 = 3, I32 = 10, BF16 = 14 };

struct Desc { int compute, scale; int64_t values[40]; };
struct Layout { int type; int64_t rows, columns, ld; int batch; int64_t stride; };

static int bytesOf(int type) { return type == I8 ? 1 : type == F16 || type == BF16 ? 2 : 4; }
static float load(const void* base, int64_t i, int type) {
  switch (type) {
    case F32: return ((const float*)base)[i];
    case F16: { _Float16 h; memcpy(&h, (const char*)base + 2 * i, 2); return (float)h; }
    case BF16: { uint32_t u = (uint32_t)((const uint16_t*)base)[i] << 16; float f; memcpy(&f, &u, 4); return f; }
    case I8: return ((const int8_t*)base)[i];
    default: return (float)((const int32_t*)base)[i];
  }
}
static void store(void* base, int64_t i, int type, double v) {
  switch (type) {
    case F32: ((float*)base)[i] = (float)v; break;
    case F16: { _Float16 h = (_Float16)(float)v; memcpy((char*)base + 2 * i, &h, 2); break; }
    case BF16: {
      float f = (float)v;
      uint32_t u;
      memcpy(&u, &f, 4);
      ((uint16_t*)base)[i] = (u & 0x7fffffff) > 0x7f800000 ? 0x7fff : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
      break;
    }
    case I8: ((int8_t*)base)[i] = (int8_t)std::fmax(-128, std::fmin(127, std::nearbyint(v))); break;
    default: ((int32_t*)base)[i] = (int32_t)v;
  }
}
static double gelu(double x) { return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }
static double dgelu(double x) {
  double t = std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
}

struct Product {
  bool transA, transB;
  int64_t m, n, k;
  Layout a, b, d;
  uintptr_t A, B, C, D, bias = 0, aux = 0;
  int64_t auxLd = 0;
  int epilogue = 1, biasType = 0;
  double alpha, beta;
};
static size_t span(const Layout& l) { return ((l.batch - 1) * l.stride + (l.columns - 1) * l.ld + l.rows) * bytesOf(l.type); }
static int multiply(const Product& p) {  // column-major, as the library's own
  bool reach = reachable(p.A, span(p.a), "matmul A") && reachable(p.B, span(p.b), "matmul B") && reachable(p.D, span(p.d), "matmul D") &&
               (p.beta == 0 || reachable(p.C, span(p.d), "matmul C")) &&
               (!(p.epilogue & 4) || reachable(p.bias, p.m * bytesOf(p.biasType), "matmul bias")) &&
               (!(p.epilogue & 128) || reachable(p.aux, ((p.n - 1) * p.auxLd + p.m) * bytesOf(p.d.type), "matmul aux"));
  if (!reach) return kIllegalAddress;
  std::vector<float> a(p.m * p.k), b(p.k * p.n);
  for (int batch = 0; batch < p.d.batch; batch++) {
    for (int64_t i = 0; i < p.m; i++)
      for (int64_t l = 0; l < p.k; l++) a[i * p.k + l] = load((void*)p.A, batch * p.a.stride + (p.transA ? l + i * p.a.ld : i + l * p.a.ld), p.a.type);
    for (int64_t j = 0; j < p.n; j++)
      for (int64_t l = 0; l < p.k; l++) b[j * p.k + l] = load((void*)p.B, batch * p.b.stride + (p.transB ? j + l * p.b.ld : l + j * p.b.ld), p.b.type);
    for (int64_t j = 0; j < p.n; j++)
      for (int64_t i = 0; i < p.m; i++) {
        double sum = 0;
        for (int64_t l = 0; l < p.k; l++) sum += (double)a[i * p.k + l] * b[j * p.k + l];
        int64_t at = batch * p.d.stride + i + j * p.d.ld;
        double v = p.alpha * sum + (p.beta == 0 ? 0 : p.beta * load((void*)p.C, at, p.d.type));
        if (p.epilogue & 4) v += load((void*)p.bias, i, p.biasType);
        if (p.epilogue == 192) v *= dgelu(load((void*)p.aux, i + j * p.auxLd, p.d.type));
        else {
          if (p.epilogue & 128) store((void*)p.aux, i + j * p.auxLd, p.d.type, v);
          if (p.epilogue & 32) v = gelu(v);
        }
        store((void*)p.D, at, p.d.type, v);
      }
  }
  return 0;
}
static double factor(const void* p, int type) { return type == I32 ? *(const int32_t*)p : *(const float*)p; }

API const char* cublasLtGetStatusString(cublasStatus_t s) {
  switch ((int)s) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
    case 7: return "CUBLAS_STATUS_INVALID_VALUE";
    case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "unknown status";
  }
}
API const char* cublasGetStatusString(cublasStatus_t s) { return cublasLtGetStatusString(s); }
API size_t cublasLtGetVersion() { return 130101; }
API cublasStatus_t cublasLtCreate(cublasLtHandle_t* h) {
  ENTER;
  if (!ready()) BLAS(kUninitialised);
  *h = (cublasLtHandle_t) new int(0);
  device.handles++;
  BLAS(0);
}
API cublasStatus_t cublasLtDestroy(cublasLtHandle_t h) { ENTER; delete (int*)h; device.handles--; BLAS(0); }
API cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* d, cublasComputeType_t compute, cudaDataType_t scale) {
  ENTER;
  Desc* desc = new Desc{(int)compute, (int)scale, {}};
  desc->values[7] = 1;
  desc->values[26] = -1;
  *d = (cublasLtMatmulDesc_t)desc;
  device.handles++;
  BLAS(0);
}
static int setting(int64_t* values, int count, int attribute, const void* buf, size_t bytes, const std::set<int>& eight, const std::set<int>& four) {
  if (attribute < 0 || attribute >= count || (bytes == 8 ? !eight.count(attribute) : bytes == 4 ? !four.count(attribute) : true)) {
    report("attribute " + std::to_string(attribute) + " with " + std::to_string(bytes) + " bytes");
    return kInvalid;
  }
  int64_t v = 0;
  if (bytes == 8) memcpy(&v, buf, 8);
  else { int32_t w; memcpy(&w, buf, 4); v = w; }
  values[attribute] = v;
  return 0;
}
API cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a, const void* buf, size_t bytes) {
  ENTER;
  BLAS(setting(((Desc*)d)->values, 40, (int)a, buf, bytes, {8, 10, 11, 12, 13}, {2, 3, 4, 5, 7, 22, 26}));
}
API cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) { ENTER; delete (Desc*)d; device.handles--; BLAS(0); }
API cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* l, cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
  ENTER;
  if ((uint64_t)ld < rows) BLAS(kInvalid);
  *l = (cublasLtMatrixLayout_t) new Layout{(int)type, (int64_t)rows, (int64_t)columns, ld, 1, 0};
  device.handles++;
  BLAS(0);
}
API cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t a, const void* buf, size_t bytes) {
  ENTER;
  int64_t values[8] = {};
  if (int status = setting(values, 8, (int)a, buf, bytes, {4, 6}, {0, 1, 5})) BLAS(status);
  Layout& layout = *(Layout*)l;
  if ((int)a == 5) layout.batch = (int)values[5];
  else if ((int)a == 6) layout.stride = values[6];
  else if ((int)a == 4) layout.ld = values[4];
  else if ((int)a == 1 && values[1] != 0) BLAS(kUnsupported);
  BLAS(0);
}
API cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) { ENTER; delete (Layout*)l; device.handles--; BLAS(0); }
API cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* p) { ENTER; *p = (cublasLtMatmulPreference_t) new int64_t[12](); device.handles++; BLAS(0); }
API cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p, cublasLtMatmulPreferenceAttributes_t a, const void* buf, size_t bytes) {
  ENTER;
  BLAS(setting((int64_t*)p, 12, (int)a, buf, bytes, {1}, {0, 3, 5, 6, 7, 8}));
}
API cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) { ENTER; delete[] (int64_t*)p; device.handles--; BLAS(0); }

static int shape(const Desc& d, const Layout& a, const Layout& b, const Layout& c, Product& p) {
  p.transA = d.values[3] == 1;
  p.transB = d.values[4] == 1;
  p.m = p.transA ? a.columns : a.rows;
  p.k = p.transA ? a.rows : a.columns;
  p.n = p.transB ? b.rows : b.columns;
  if ((p.transB ? b.columns : b.rows) != p.k || c.rows != p.m || c.columns != p.n) return kInvalid;
  if ((a.type == I8) != (d.compute == 72)) return kUnsupported;
  if (a.type == I8 && (!p.transA || p.transB || p.k % 4 || p.m % 4)) return kUnsupported;  // as the library: bytes only in TN form
  p.a = a, p.b = b, p.d = c;
  p.epilogue = (int)d.values[7];
  static const std::set<int> known = {1, 4, 32, 36, 160, 164, 192};
  if (!known.count(p.epilogue)) return kUnsupported;
  if (p.epilogue & 128 && (d.values[12] < p.m || d.values[12] % 8)) return kInvalid;
  return 0;
}
// An algorithm is chosen for the alignment that it was promised: by the preference for matrices, by the pointers' values for bias and aux.
static uint64_t promised(int64_t alignment) { return alignment ? alignment & -alignment : 256; }
static bool aligned(uintptr_t address, uint64_t promise, const char* what) {
  if (address % promise == 0) return true;
  report(std::string("matmul ") + what + ": the address is no multiple of " + std::to_string(promise) + ", for which its algorithm was chosen");
  return false;
}
API cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
    cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t results[], int* found) {
  ENTER;
  Product p;
  *found = 0;
  if (int status = shape(*(Desc*)d, *(Layout*)a, *(Layout*)b, *(Layout*)c, p)) BLAS(status);
  for (int i = 0; i < wanted && i < 2; i++, ++*found) {
    memset(&results[i], 0, sizeof results[i]);
    results[i].algo.data[0] = i + 1;
    for (int m = 0; m < 4; m++) results[i].algo.data[1 + m] = promised(((int64_t*)preference)[5 + m]);
    results[i].algo.data[5] = promised(((Desc*)d)->values[8]);
    results[i].algo.data[6] = promised(((Desc*)d)->values[11]);
    results[i].wavesCount = 1;
  }
  BLAS(0);
}
API cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, const void* alpha, const void* A, cublasLtMatrixLayout_t a, const void* B,
    cublasLtMatrixLayout_t b, const void* beta, const void* C, cublasLtMatrixLayout_t, void* D, cublasLtMatrixLayout_t dl,
    const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t bytes, cudaStream_t stream) {
  ENTER;
  if (algorithm && (algorithm->data[0] < 1 || algorithm->data[0] > 2)) BLAS(kInvalid);
  const Desc& desc = *(Desc*)d;
  Product p;
  if (int status = shape(desc, *(Layout*)a, *(Layout*)b, *(Layout*)dl, p)) BLAS(status);
  if (bytes && !reachable((uintptr_t)workspace, bytes, "workspace")) BLAS(kInvalid);
  p.A = (uintptr_t)A, p.B = (uintptr_t)B, p.C = (uintptr_t)C, p.D = (uintptr_t)D;
  p.alpha = factor(alpha, desc.scale), p.beta = factor(beta, desc.scale);
  p.bias = (uintptr_t)desc.values[8], p.aux = (uintptr_t)desc.values[11], p.auxLd = desc.values[12];
  p.biasType = desc.values[26] < 0 ? p.d.type : (int)desc.values[26];
  if (algorithm) {
    const uint64_t* promise = algorithm->data + 1;
    if (!aligned(p.A, promise[0], "A") || !aligned(p.B, promise[1], "B") || !aligned(p.C, promise[2], "C") || !aligned(p.D, promise[3], "D") ||
        (p.epilogue & 4 && !aligned(p.bias, promise[4], "bias")) || (p.epilogue & 128 && !aligned(p.aux, promise[5], "aux")))
      BLAS(kInvalid);
  }
  BLAS(submit((CUstream)stream, "matmul", [p] { return multiply(p); }) ? kExecution : 0);
}

// ---- classic cuBLAS
struct Handle { CUstream stream; };
API cublasStatus_t cublasCreate_v2(cublasHandle_t* h) { ENTER; if (!ready()) BLAS(kUninitialised); *h = (cublasHandle_t) new Handle(); device.handles++; BLAS(0); }
API cublasStatus_t cublasDestroy_v2(cublasHandle_t h) { ENTER; delete (Handle*)h; device.handles--; BLAS(0); }
API cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* v) { ENTER; *v = 130101; BLAS(0); }
API cublasStatus_t cublasSetStream_v2(cublasHandle_t h, cudaStream_t s) { ENTER; ((Handle*)h)->stream = (CUstream)s; BLAS(0); }
API cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void* w, size_t n) { ENTER; BLAS(reachable((uintptr_t)w, n, "workspace") ? 0 : kInvalid); }
API cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { ENTER; BLAS(0); }
API cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void* alpha,
    const void* A, cudaDataType at, int lda, long long sa, const void* B, cudaDataType bt, int ldb, long long sb, const void* beta, void* C,
    cudaDataType ct, int ldc, long long sc, int batch, cublasComputeType_t compute, cublasGemmAlgo_t) {
  ENTER;
  Product p;
  p.transA = (int)ta == 1, p.transB = (int)tb == 1;
  p.m = m, p.n = n, p.k = k;
  p.a = {(int)at, p.transA ? k : m, p.transA ? m : k, lda, batch, sa};
  p.b = {(int)bt, p.transB ? n : k, p.transB ? k : n, ldb, batch, sb};
  p.d = {(int)ct, m, n, ldc, batch, sc};
  if (lda < p.a.rows || ldb < p.b.rows || ldc < m) BLAS(kInvalid);
  int scale = (int)compute == 72 ? I32 : F32;
  p.A = (uintptr_t)A, p.B = (uintptr_t)B, p.C = p.D = (uintptr_t)C;
  p.alpha = factor(alpha, scale), p.beta = factor(beta, scale);
  BLAS(submit(((Handle*)h)->stream, "gemm", [p] { return multiply(p); }) ? kExecution : 0);
}
API cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void* alpha, const void* A,
    cudaDataType at, int lda, const void* B, cudaDataType bt, int ldb, const void* beta, void* C, cudaDataType ct, int ldc, cublasComputeType_t compute,
    cublasGemmAlgo_t algorithm) {
  ENTER;
  return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, alpha, A, at, lda, 0, B, bt, ldb, 0, beta, C, ct, ldc, 0, 1, compute, algorithm);
}
