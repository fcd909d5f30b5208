package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;

/** Element types of matrices. */
public enum DataType {
    /** IEEE single precision. */
    F32(CUDA_R_32F, 4),
    /** IEEE half precision. */
    F16(CUDA_R_16F, 2),
    /** The upper half of a single: 8 bits of exponent, 7 of fraction. */
    BF16(CUDA_R_16BF, 2),
    /** Signed bytes. */
    I8(CUDA_R_8I, 1),
    /** Signed 32-bit integers, what products of bytes add up in. */
    I32(CUDA_R_32I, 4);

    private final int code;
    private final int bytes;

    DataType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    int code() {
        return code;
    }

    /** Size of an element. */
    public int bytes() {
        return bytes;
    }
}
