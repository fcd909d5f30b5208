// The ABI that the stand-in exports. With STANDIN_REAL_HEADERS the declarations are NVIDIA's own, so that a compiler compares the two.
#pragma once
#include <cstddef>
#include <cstdint>

#ifdef STANDIN_REAL_HEADERS
#include <cuda.h>
#include <cublasLt.h>
#include <cublas_v2.h>
#include <nvrtc.h>
// the headers map plain names to versioned ones; the stand-in defines the versioned ones by name
#else
typedef int CUresult, CUdevice, CUdevice_attribute, CUfunction_attribute, CUstreamCaptureMode, CUstreamCaptureStatus, CUjit_option,
    CUlibraryOption, CUmemPool_attribute, CUgraphExecUpdateResult;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st* CUcontext;
typedef struct CUstream_st* CUstream;
typedef struct CUevent_st* CUevent;
typedef struct CUmod_st* CUmodule;
typedef struct CUfunc_st* CUfunction;
typedef struct CUlib_st* CUlibrary;
typedef struct CUkern_st* CUkernel;
typedef struct CUgraph_st* CUgraph;
typedef struct CUgraphExec_st* CUgraphExec;
typedef struct CUgraphNode_st* CUgraphNode;
typedef struct CUmemPoolHandle_st* CUmemoryPool;
typedef struct CUuuid_st { char bytes[16]; } CUuuid;
typedef struct CUgraphExecUpdateResultInfo_st { CUgraphExecUpdateResult result; CUgraphNode errorNode, errorFromNode; } CUgraphExecUpdateResultInfo;
typedef struct CUlaunchAttribute_st { int id; char pad[4]; union { char pad[64]; int cooperative; } value; } CUlaunchAttribute;
typedef struct CUlaunchConfig_st {
  unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute* attrs;
  unsigned numAttrs;
} CUlaunchConfig;
typedef int nvrtcResult;
typedef struct _nvrtcProgram* nvrtcProgram;
typedef int cublasStatus_t, cublasComputeType_t, cudaDataType_t, cudaDataType, cublasOperation_t, cublasGemmAlgo_t, cublasMath_t,
    cublasLtMatmulDescAttributes_t, cublasLtMatrixLayoutAttribute_t, cublasLtMatmulPreferenceAttributes_t;
typedef struct cublasLtContext* cublasLtHandle_t;
typedef struct cublasContext* cublasHandle_t;
typedef struct cublasLtMatmulDescOpaque_t* cublasLtMatmulDesc_t;
typedef struct cublasLtMatrixLayoutOpaque_t* cublasLtMatrixLayout_t;
typedef struct cublasLtMatmulPreferenceOpaque_t* cublasLtMatmulPreference_t;
typedef struct { uint64_t data[8]; } cublasLtMatmulAlgo_t;
typedef struct { cublasLtMatmulAlgo_t algo; size_t workspaceSize; cublasStatus_t state; float wavesCount; int reserved[4]; } cublasLtMatmulHeuristicResult_t;
typedef CUstream cudaStream_t;
#endif

// Statuses are ints inside, whatever the headers call them.
enum {
  kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 100, kInvalidDevice = 101, kInvalidImage = 200, kInvalidContext = 201,
  kNoBinaryForGpu = 209, kInvalidHandle = 400, kNotFound = 500, kNotReady = 600, kIllegalAddress = 700, kLaunchFailed = 719, kNotSupported = 801,
  kCaptureUnsupported = 900, kCaptureInvalidated = 901, kCaptureUnjoined = 904, kGraphUpdateFailure = 910
};
