package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.tensor.DType;

/** By which code the product of a linear map, or of its backward, is computed: the first table of {@link Products}. */
enum LinearPath {
    /** {@link CodeGemv}: one pass over the weights, by machine code. */
    CODE_GEMV,
    /** {@link Gemv}: one pass over the weights, with the Vector API. */
    GEMV,
    /** {@link PanelGemm} of {@link Int8Factors}: bytes by bytes, as the blocks are stored. */
    INT8_PANELS,
    /** {@link PanelGemm} of {@link FloatFactors} rounded to bf16. */
    BF16_PANELS,
    /** {@link PanelGemm} of {@link FloatFactors} in f32. */
    F32_PANELS,
    /** {@link RoundedGemm}: what {@link #BF16_PANELS} computes, with the Vector API. */
    ROUNDED_GEMM,
    /** {@link Gemm}: f32 with the Vector API. */
    GEMM;

    /**
     * Of {@code out = x W^T}.
     *
     * @param rows of x
     * @param weight type of W [outputs, inputs]
     */
    static LinearPath forward(
            long rows, DType weight, long inputs, long outputs, Arithmetic arithmetic, CpuFeatures cpu) {
        if (rows <= Gemv.MAX_ROWS) {
            return hasCode(weight, inputs, outputs, arithmetic, cpu) ? CODE_GEMV : GEMV;
        }
        if (weight.isQuantized() && arithmetic.quantizesActivations() && cpu.vnni()) {
            return INT8_PANELS;
        }
        return backward(arithmetic, cpu);
    }

    /** Of {@code dX = dOut W}, whose sums run across the blocks of a quantized weight, for any number of rows. */
    static LinearPath backward(Arithmetic arithmetic, CpuFeatures cpu) {
        return switch (arithmetic) {
            case F32, INT8 -> cpu.avx512() ? F32_PANELS : GEMM;
            case BF16 -> cpu.bf16() ? BF16_PANELS : ROUNDED_GEMM;
        };
    }

    /** Whether {@link CodeDots} has rows of such weights, in whole steps and at least as many as it takes at a time. */
    private static boolean hasCode(DType weight, long inputs, long outputs, Arithmetic arithmetic, CpuFeatures cpu) {
        return switch (weight) {
            case BF16 -> cpu.avx512() && CodeDots.BF16.fits(inputs, outputs);
            case Q8_0 -> cpu.vnni() && arithmetic.quantizesActivations() && CodeDots.Q8_0.fits(inputs, outputs);
            case Q4_0 ->
                cpu.vnni() && cpu.vbmi() && arithmetic.quantizesActivations() && CodeDots.Q4_0.fits(inputs, outputs);
            case F32, F16, I32, I64 -> false;
        };
    }
}
