package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;

/**
 * The shape of a matrix product in row-major terms: D[m, n] = epilogue(alpha * op(A)[m, k] * op(B)[k, n] + beta * D). A
 * plan is kept for each different value. A linear layer y = x Wᵀ with x [tokens, in] and W [out, in] is
 * {@code Gemm.of(tokens, out, in, BF16).transposeB()}.
 *
 * @param m rows of D
 * @param n columns of D
 * @param k the dimension summed over
 * @param a how A is stored
 * @param b how B is stored
 * @param d how D is stored
 * @param arithmetic what products are summed in
 * @param epilogue what happens before D is stored
 * @param batch products of this shape done together
 */
public record Gemm(
        long m, long n, long k, Operand a, Operand b, Operand d, Arithmetic arithmetic, Epilogue epilogue, int batch) {
    /** Whether a matrix is stored as it is used or transposed. */
    public enum Storage {
        /** Row i of the matrix lies in one piece. */
        AS_USED,
        /** Column i of the matrix lies in one piece. */
        TRANSPOSED
    }

    /**
     * One matrix in memory.
     *
     * @param type its elements
     * @param storage as used or transposed
     * @param leading elements from one stored row to the next
     * @param batchStride elements from one matrix of the batch to the next
     */
    public record Operand(DataType type, Storage storage, long leading, long batchStride) {}

    /** What products are summed in. */
    public enum Arithmetic {
        /** Single precision; bf16 and f16 products are exact in it. */
        F32(CUBLAS_COMPUTE_32F),
        /** Single precision on the plain units, in a fixed order. */
        F32_PEDANTIC(CUBLAS_COMPUTE_32F_PEDANTIC),
        /** f32 operands rounded to 10 bits of fraction, for the tensor units. */
        TF32(CUBLAS_COMPUTE_32F_FAST_TF32),
        /** 32-bit integers, for bytes. */
        I32(CUBLAS_COMPUTE_32I);

        private final int code;

        Arithmetic(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    /** Checks sizes, leading dimensions and what cuBLASLt takes together. */
    public Gemm {
        if (m < 1 || n < 1 || k < 1 || batch < 1) {
            throw new IllegalArgumentException(
                    "gemm [" + m + "," + n + "," + k + "] x " + batch + ": wanted sizes of 1 or more");
        }
        checkLeading("a", a, a.storage() == Storage.AS_USED ? k : m);
        checkLeading("b", b, b.storage() == Storage.AS_USED ? n : k);
        checkLeading("d", d, n);
        if (d.storage() != Storage.AS_USED) {
            throw new IllegalArgumentException("gemm: d is stored as used; exchange a and b for its transpose");
        }
        if (epilogue != Epilogue.NONE && batch > 1) {
            throw new IllegalArgumentException(
                    "gemm: epilogue " + epilogue + " with batch " + batch + ", wanted batch 1");
        }
        boolean bytes = a.type() == DataType.I8 || b.type() == DataType.I8;
        if (bytes != (arithmetic == Arithmetic.I32)) {
            throw new IllegalArgumentException("gemm: " + a.type() + " x " + b.type() + " in arithmetic " + arithmetic
                    + ", wanted I32 for bytes and only for them");
        }
    }

    private static void checkLeading(String name, Operand operand, long least) {
        if (operand.leading() < least) {
            throw new IllegalArgumentException("gemm: leading dimension of " + name + " is " + operand.leading()
                    + ", its rows have " + least + " elements");
        }
    }

    /** Dense matrices of one type, stored as used; bytes give 32-bit sums. */
    public static Gemm of(long m, long n, long k, DataType type) {
        DataType out = type == DataType.I8 ? DataType.I32 : type;
        return new Gemm(
                m,
                n,
                k,
                new Operand(type, Storage.AS_USED, k, m * k),
                new Operand(type, Storage.AS_USED, n, k * n),
                new Operand(out, Storage.AS_USED, n, m * n),
                type == DataType.I8 ? Arithmetic.I32 : Arithmetic.F32,
                Epilogue.NONE,
                1);
    }

    /** A is stored as [k, m], dense. */
    public Gemm transposeA() {
        return withA(new Operand(a.type(), Storage.TRANSPOSED, m, a.batchStride()));
    }

    /** B is stored as [n, k], dense, as weights of linear layers are. */
    public Gemm transposeB() {
        return withB(new Operand(b.type(), Storage.TRANSPOSED, k, b.batchStride()));
    }

    /** With another A. */
    public Gemm withA(Operand operand) {
        return new Gemm(m, n, k, operand, b, d, arithmetic, epilogue, batch);
    }

    /** With another B. */
    public Gemm withB(Operand operand) {
        return new Gemm(m, n, k, a, operand, d, arithmetic, epilogue, batch);
    }

    /** With another D. */
    public Gemm withD(Operand operand) {
        return new Gemm(m, n, k, a, b, operand, arithmetic, epilogue, batch);
    }

    /** With D of another type. */
    public Gemm output(DataType type) {
        return withD(new Operand(type, d.storage(), d.leading(), d.batchStride()));
    }

    /** With other arithmetic. */
    public Gemm in(Arithmetic sums) {
        return new Gemm(m, n, k, a, b, d, sums, epilogue, batch);
    }

    /** With this epilogue. */
    public Gemm then(Epilogue last) {
        return new Gemm(m, n, k, a, b, d, arithmetic, last, batch);
    }

    /** {@code count} products; the matrices follow each other by their batch strides, 0 to use one again and again. */
    public Gemm batched(int count) {
        return new Gemm(m, n, k, a, b, d, arithmetic, epilogue, count);
    }

    /** Floating-point operations: a multiplication and an addition for each term. */
    public double operations() {
        return 2.0 * m * n * k * batch;
    }

    /** The type of alpha and beta. */
    int scaleCode() {
        return arithmetic == Arithmetic.I32 && d.type() == DataType.I32 ? CUDA_R_32I : CUDA_R_32F;
    }

    long storedRows(Operand operand, long asUsed, long transposed) {
        return operand.storage() == Storage.AS_USED ? asUsed : transposed;
    }

    /** Bytes that A spans in memory. */
    public long bytesOfA() {
        return span(a, storedRows(a, m, k), storedRows(a, k, m));
    }

    /** Bytes that B spans in memory. */
    public long bytesOfB() {
        return span(b, storedRows(b, k, n), storedRows(b, n, k));
    }

    /** Bytes that D spans in memory. */
    public long bytesOfD() {
        return span(d, m, n);
    }

    private long span(Operand operand, long rows, long columns) {
        long elements = (batch - 1) * operand.batchStride() + (rows - 1) * operand.leading() + columns;
        return elements * operand.type().bytes();
    }

    @Override
    public String toString() {
        return "gemm [" + m + "," + n + "," + k + "]" + (batch > 1 ? " x " + batch : "") + " "
                + a.type() + (a.storage() == Storage.TRANSPOSED ? "ᵀ" : "") + " x "
                + b.type() + (b.storage() == Storage.TRANSPOSED ? "ᵀ" : "") + " -> " + d.type()
                + (epilogue == Epilogue.NONE ? "" : " " + epilogue);
    }
}
