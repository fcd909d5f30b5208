package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The functions of cuBLASLt; matrices, bias, workspace and stream are device addresses, alpha and beta host addresses.
 * Status codes are returned as they are.
 */
public final class CublasLtFunctions {
    private static final NativeLibrary CUBLAS_LT = Libraries.cublasLt();

    private CublasLtFunctions() {}

    private static final MethodHandle CREATE = CUBLAS_LT.function("cublasLtCreate", JAVA_INT, ADDRESS);

    @Prototype("cublasStatus_t cublasLtCreate(cublasLtHandle_t *lightHandle)")
    public static int cublasLtCreate(MemorySegment lightHandle) {
        try {
            return (int) CREATE.invokeExact(lightHandle);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DESTROY = CUBLAS_LT.function("cublasLtDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("cublasStatus_t cublasLtDestroy(cublasLtHandle_t lightHandle)")
    public static int cublasLtDestroy(long lightHandle) {
        try {
            return (int) DESTROY.invokeExact(lightHandle);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_VERSION = CUBLAS_LT.function("cublasLtGetVersion", JAVA_LONG);

    @Prototype("size_t cublasLtGetVersion(void)")
    public static long cublasLtGetVersion() {
        try {
            return (long) GET_VERSION.invokeExact();
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_STATUS_STRING =
            CUBLAS_LT.function("cublasLtGetStatusString", ADDRESS, JAVA_INT);

    @Prototype("const char *cublasLtGetStatusString(cublasStatus_t status)")
    public static MemorySegment cublasLtGetStatusString(int status) {
        try {
            return (MemorySegment) GET_STATUS_STRING.invokeExact(status);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_DESC_CREATE =
            CUBLAS_LT.function("cublasLtMatmulDescCreate", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);

    @Prototype(
            "cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *matmulDesc, cublasComputeType_t computeType, cudaDataType_t scaleType)")
    public static int cublasLtMatmulDescCreate(MemorySegment matmulDesc, int computeType, int scaleType) {
        try {
            return (int) MATMUL_DESC_CREATE.invokeExact(matmulDesc, computeType, scaleType);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_DESC_SET_ATTRIBUTE =
            CUBLAS_LT.function("cublasLtMatmulDescSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t matmulDesc, cublasLtMatmulDescAttributes_t attr, const void *buf, size_t sizeInBytes)")
    public static int cublasLtMatmulDescSetAttribute(long matmulDesc, int attr, MemorySegment buf, long sizeInBytes) {
        try {
            return (int) MATMUL_DESC_SET_ATTRIBUTE.invokeExact(matmulDesc, attr, buf, sizeInBytes);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_DESC_DESTROY =
            CUBLAS_LT.function("cublasLtMatmulDescDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t matmulDesc)")
    public static int cublasLtMatmulDescDestroy(long matmulDesc) {
        try {
            return (int) MATMUL_DESC_DESTROY.invokeExact(matmulDesc);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATRIX_LAYOUT_CREATE = CUBLAS_LT.function(
            "cublasLtMatrixLayoutCreate", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *matLayout, cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld)")
    public static int cublasLtMatrixLayoutCreate(MemorySegment matLayout, int type, long rows, long cols, long ld) {
        try {
            return (int) MATRIX_LAYOUT_CREATE.invokeExact(matLayout, type, rows, cols, ld);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATRIX_LAYOUT_SET_ATTRIBUTE =
            CUBLAS_LT.function("cublasLtMatrixLayoutSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t matLayout, cublasLtMatrixLayoutAttribute_t attr, const void *buf, size_t sizeInBytes)")
    public static int cublasLtMatrixLayoutSetAttribute(long matLayout, int attr, MemorySegment buf, long sizeInBytes) {
        try {
            return (int) MATRIX_LAYOUT_SET_ATTRIBUTE.invokeExact(matLayout, attr, buf, sizeInBytes);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATRIX_LAYOUT_DESTROY =
            CUBLAS_LT.function("cublasLtMatrixLayoutDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t matLayout)")
    public static int cublasLtMatrixLayoutDestroy(long matLayout) {
        try {
            return (int) MATRIX_LAYOUT_DESTROY.invokeExact(matLayout);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_PREFERENCE_CREATE =
            CUBLAS_LT.function("cublasLtMatmulPreferenceCreate", JAVA_INT, ADDRESS);

    @Prototype("cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *pref)")
    public static int cublasLtMatmulPreferenceCreate(MemorySegment pref) {
        try {
            return (int) MATMUL_PREFERENCE_CREATE.invokeExact(pref);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_PREFERENCE_SET_ATTRIBUTE = CUBLAS_LT.function(
            "cublasLtMatmulPreferenceSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref, cublasLtMatmulPreferenceAttributes_t attr, const void *buf, size_t sizeInBytes)")
    public static int cublasLtMatmulPreferenceSetAttribute(long pref, int attr, MemorySegment buf, long sizeInBytes) {
        try {
            return (int) MATMUL_PREFERENCE_SET_ATTRIBUTE.invokeExact(pref, attr, buf, sizeInBytes);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_PREFERENCE_DESTROY =
            CUBLAS_LT.function("cublasLtMatmulPreferenceDestroy", JAVA_INT, JAVA_LONG);

    @Prototype("cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t pref)")
    public static int cublasLtMatmulPreferenceDestroy(long pref) {
        try {
            return (int) MATMUL_PREFERENCE_DESTROY.invokeExact(pref);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL_ALGO_GET_HEURISTIC = CUBLAS_LT.function(
            "cublasLtMatmulAlgoGetHeuristic",
            JAVA_INT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_INT,
            ADDRESS,
            ADDRESS);

    @Prototype(
            "cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t operationDesc, cublasLtMatrixLayout_t Adesc, cublasLtMatrixLayout_t Bdesc, cublasLtMatrixLayout_t Cdesc, cublasLtMatrixLayout_t Ddesc, cublasLtMatmulPreference_t preference, int requestedAlgoCount, cublasLtMatmulHeuristicResult_t *heuristicResultsArray, int *returnAlgoCount)")
    public static int cublasLtMatmulAlgoGetHeuristic(
            long lightHandle,
            long operationDesc,
            long adesc,
            long bdesc,
            long cdesc,
            long ddesc,
            long preference,
            int requestedAlgoCount,
            MemorySegment heuristicResultsArray,
            MemorySegment returnAlgoCount) {
        try {
            return (int) MATMUL_ALGO_GET_HEURISTIC.invokeExact(
                    lightHandle,
                    operationDesc,
                    adesc,
                    bdesc,
                    cdesc,
                    ddesc,
                    preference,
                    requestedAlgoCount,
                    heuristicResultsArray,
                    returnAlgoCount);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MATMUL = CUBLAS_LT.function(
            "cublasLtMatmul",
            JAVA_INT,
            JAVA_LONG,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);

    @Prototype(
            "cublasStatus_t cublasLtMatmul(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc, const void *alpha, const void *A, cublasLtMatrixLayout_t Adesc, const void *B, cublasLtMatrixLayout_t Bdesc, const void *beta, const void *C, cublasLtMatrixLayout_t Cdesc, void *D, cublasLtMatrixLayout_t Ddesc, const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspaceSizeInBytes, cudaStream_t stream)")
    public static int cublasLtMatmul(
            long lightHandle,
            long computeDesc,
            MemorySegment alpha,
            long a,
            long adesc,
            long b,
            long bdesc,
            MemorySegment beta,
            long c,
            long cdesc,
            long d,
            long ddesc,
            MemorySegment algo,
            long workspace,
            long workspaceSizeInBytes,
            long stream) {
        try {
            return (int) MATMUL.invokeExact(
                    lightHandle,
                    computeDesc,
                    alpha,
                    a,
                    adesc,
                    b,
                    bdesc,
                    beta,
                    c,
                    cdesc,
                    d,
                    ddesc,
                    algo,
                    workspace,
                    workspaceSizeInBytes,
                    stream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
