package dev.jemma.cuda.internal;

/** Constants of cuBLAS and cuBLASLt, by their C names. A test compares every value with {@code cublasLt.h}. */
public final class CublasConstants {
    private CublasConstants() {}

    // Statuses
    public static final int CUBLAS_STATUS_SUCCESS = 0;
    public static final int CUBLAS_STATUS_NOT_INITIALIZED = 1;
    public static final int CUBLAS_STATUS_ALLOC_FAILED = 3;
    public static final int CUBLAS_STATUS_INVALID_VALUE = 7;
    public static final int CUBLAS_STATUS_ARCH_MISMATCH = 8;
    public static final int CUBLAS_STATUS_MAPPING_ERROR = 11;
    public static final int CUBLAS_STATUS_EXECUTION_FAILED = 13;
    public static final int CUBLAS_STATUS_INTERNAL_ERROR = 14;
    public static final int CUBLAS_STATUS_NOT_SUPPORTED = 15;

    // Types, operations and arithmetic
    public static final int CUDA_R_32F = 0;
    public static final int CUDA_R_16F = 2;
    public static final int CUDA_R_8I = 3;
    public static final int CUDA_R_32I = 10;
    public static final int CUDA_R_16BF = 14;
    public static final int CUDA_R_8F_E4M3 = 28;
    public static final int CUDA_R_8F_E5M2 = 29;
    public static final int CUBLAS_OP_N = 0;
    public static final int CUBLAS_OP_T = 1;
    public static final int CUBLAS_COMPUTE_32F = 68;
    public static final int CUBLAS_COMPUTE_32F_PEDANTIC = 69;
    public static final int CUBLAS_COMPUTE_32F_FAST_TF32 = 77;
    public static final int CUBLAS_COMPUTE_32I = 72;
    public static final int CUBLAS_GEMM_DEFAULT = -1;
    public static final int CUBLAS_DEFAULT_MATH = 0;
    public static final int CUBLAS_TF32_TENSOR_OP_MATH = 3;
    public static final int CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16;

    // Attributes of matrix products
    public static final int CUBLASLT_MATMUL_DESC_TRANSA = 3;
    public static final int CUBLASLT_MATMUL_DESC_TRANSB = 4;
    public static final int CUBLASLT_MATMUL_DESC_EPILOGUE = 7;
    public static final int CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8;
    public static final int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER = 11;
    public static final int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD = 12;
    public static final int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_DATA_TYPE = 22;
    public static final int CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26;
    public static final int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE = 13;
    public static final int CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE = 10;
    public static final int CUBLASLT_MATRIX_LAYOUT_ORDER = 1;
    public static final int CUBLASLT_MATRIX_LAYOUT_LD = 4;
    public static final int CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5;
    public static final int CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6;
    public static final int CUBLASLT_ORDER_COL = 0;
    public static final int CUBLASLT_ORDER_ROW = 1;
    public static final int CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1;
    public static final int CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3;
    public static final int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5;
    public static final int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6;
    public static final int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7;
    public static final int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8;
    public static final int CUBLASLT_REDUCTION_SCHEME_NONE = 0;
    public static final int CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2;

    // Epilogues
    public static final int CUBLASLT_EPILOGUE_DEFAULT = 1;
    public static final int CUBLASLT_EPILOGUE_BIAS = 4;
    public static final int CUBLASLT_EPILOGUE_GELU = 32;
    public static final int CUBLASLT_EPILOGUE_GELU_BIAS = 36;
    public static final int CUBLASLT_EPILOGUE_GELU_AUX = 160;
    public static final int CUBLASLT_EPILOGUE_GELU_AUX_BIAS = 164;
    public static final int CUBLASLT_EPILOGUE_DGELU = 192;
    public static final int CUBLASLT_EPILOGUE_BGRADA = 256;
    public static final int CUBLASLT_EPILOGUE_BGRADB = 512;
}
