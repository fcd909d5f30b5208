package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.cpu.code.VectorProducts;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;

/**
 * By which code the f32 products of a low-rank map, or of its backward, are computed: the second table of
 * {@link Products}.
 */
enum LowRankPath {
    /** {@link ThinGemv}: a few rows, by machine code. */
    THIN_GEMV,
    /** {@link Gemv} for each product: a few rows, with the Vector API. */
    GEMV,
    /** {@link ThinGemm}: all products of some rows at once, by machine code. */
    THIN_GEMM,
    /** {@link Gemm} for each product, with the Vector API. */
    GEMM;

    /**
     * Of {@code xa = x A^T} and {@code out += scale xa B^T}.
     *
     * @param rows of x
     */
    static LowRankPath forward(long rows, long inputs, long rank, long outputs, CpuFeatures cpu) {
        if (rows > Gemv.MAX_ROWS) {
            return backward(cpu);
        }
        boolean fits = multiple(inputs, VectorProducts.STEP)
                && multiple(rank, VectorProducts.SHORT_STEP)
                && multiple(outputs, VectorProducts.SHORT_ROWS);
        return cpu.avx512() && fits ? THIN_GEMV : GEMV;
    }

    /** Of the gradients of x, A and B, for any number of rows. */
    static LowRankPath backward(CpuFeatures cpu) {
        return cpu.avx512() ? THIN_GEMM : GEMM;
    }

    private static boolean multiple(long n, int of) {
        return n > 0 && n % of == 0;
    }
}
