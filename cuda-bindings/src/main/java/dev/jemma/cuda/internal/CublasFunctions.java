package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The functions of cuBLAS; matrices, workspace and stream are device addresses, alpha and beta host addresses. Status
 * codes are returned as they are.
 */
public final class CublasFunctions {
    private static final NativeLibrary CUBLAS = Libraries.cublas();

    private CublasFunctions() {}

    private static final MethodHandle CREATE = CUBLAS.function("cublasCreate_v2", JAVA_INT, ADDRESS);

    @Prototype("cublasStatus_t cublasCreate_v2(cublasHandle_t *handle)")
    public static int cublasCreate_v2(MemorySegment handle) {
        try {
            return (int) CREATE.invokeExact(handle);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DESTROY = CUBLAS.function("cublasDestroy_v2", JAVA_INT, JAVA_LONG);

    @Prototype("cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)")
    public static int cublasDestroy_v2(long handle) {
        try {
            return (int) DESTROY.invokeExact(handle);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_VERSION =
            CUBLAS.function("cublasGetVersion_v2", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version)")
    public static int cublasGetVersion_v2(long handle, MemorySegment version) {
        try {
            return (int) GET_VERSION.invokeExact(handle, version);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_STATUS_STRING = CUBLAS.function("cublasGetStatusString", ADDRESS, JAVA_INT);

    @Prototype("const char *cublasGetStatusString(cublasStatus_t status)")
    public static MemorySegment cublasGetStatusString(int status) {
        try {
            return (MemorySegment) GET_STATUS_STRING.invokeExact(status);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle SET_STREAM =
            CUBLAS.function("cublasSetStream_v2", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t streamId)")
    public static int cublasSetStream_v2(long handle, long streamId) {
        try {
            return (int) SET_STREAM.invokeExact(handle, streamId);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle SET_WORKSPACE =
            CUBLAS.function("cublasSetWorkspace_v2", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t workspaceSizeInBytes)")
    public static int cublasSetWorkspace_v2(long handle, long workspace, long workspaceSizeInBytes) {
        try {
            return (int) SET_WORKSPACE.invokeExact(handle, workspace, workspaceSizeInBytes);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle SET_MATH_MODE =
            CUBLAS.function("cublasSetMathMode", JAVA_INT, JAVA_LONG, JAVA_INT);

    @Prototype("cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode)")
    public static int cublasSetMathMode(long handle, int mode) {
        try {
            return (int) SET_MATH_MODE.invokeExact(handle, mode);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GEMM_EX = CUBLAS.function(
            "cublasGemmEx",
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT);

    @Prototype(
            "cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const void *alpha, const void *A, cudaDataType Atype, int lda, const void *B, cudaDataType Btype, int ldb, const void *beta, void *C, cudaDataType Ctype, int ldc, cublasComputeType_t computeType, cublasGemmAlgo_t algo)")
    public static int cublasGemmEx(
            long handle,
            int transa,
            int transb,
            int m,
            int n,
            int k,
            MemorySegment alpha,
            long a,
            int atype,
            int lda,
            long b,
            int btype,
            int ldb,
            MemorySegment beta,
            long c,
            int ctype,
            int ldc,
            int computeType,
            int algo) {
        try {
            return (int) GEMM_EX.invokeExact(
                    handle,
                    transa,
                    transb,
                    m,
                    n,
                    k,
                    alpha,
                    a,
                    atype,
                    lda,
                    b,
                    btype,
                    ldb,
                    beta,
                    c,
                    ctype,
                    ldc,
                    computeType,
                    algo);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GEMM_STRIDED_BATCHED_EX = CUBLAS.function(
            "cublasGemmStridedBatchedEx",
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT);

    @Prototype(
            "cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const void *alpha, const void *A, cudaDataType Atype, int lda, long long int strideA, const void *B, cudaDataType Btype, int ldb, long long int strideB, const void *beta, void *C, cudaDataType Ctype, int ldc, long long int strideC, int batchCount, cublasComputeType_t computeType, cublasGemmAlgo_t algo)")
    public static int cublasGemmStridedBatchedEx(
            long handle,
            int transa,
            int transb,
            int m,
            int n,
            int k,
            MemorySegment alpha,
            long a,
            int atype,
            int lda,
            long strideA,
            long b,
            int btype,
            int ldb,
            long strideB,
            MemorySegment beta,
            long c,
            int ctype,
            int ldc,
            long strideC,
            int batchCount,
            int computeType,
            int algo) {
        try {
            return (int) GEMM_STRIDED_BATCHED_EX.invokeExact(
                    handle,
                    transa,
                    transb,
                    m,
                    n,
                    k,
                    alpha,
                    a,
                    atype,
                    lda,
                    strideA,
                    b,
                    btype,
                    ldb,
                    strideB,
                    beta,
                    c,
                    ctype,
                    ldc,
                    strideC,
                    batchCount,
                    computeType,
                    algo);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
