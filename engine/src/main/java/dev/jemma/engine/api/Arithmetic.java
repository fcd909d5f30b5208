package dev.jemma.engine.api;

/** How the factors of large matrix products are held while they are multiplied. Sums are f32 in any case. */
public enum Arithmetic {
    /** Activations and gradients as they are, f32: the arithmetic of the reference. */
    F32,
    /**
     * As {@link #F32}, but activations that meet a block-quantized weight are quantized by blocks themselves, to int8,
     * where the device multiplies such bytes. Without quantized weights, the same.
     */
    INT8,
    /**
     * As {@link #INT8}, and activations and gradients are rounded to bf16, to nearest even, before they meet any other
     * frozen weight, as PyTorch and llama.cpp do it in bf16, and likewise what attention multiplies. Everything else
     * (adapters, norms, softmax, loss) stays f32, and so do the products of a few rows with weights in bf16, where
     * reading the weights is what takes time.
     */
    BF16;

    /** Whether activations are quantized where the weights are. */
    public boolean quantizesActivations() {
        return this != F32;
    }

    /** As in options and checkpoints: {@code f32}, {@code int8}, {@code bf16}. */
    public String key() {
        return Spelling.of(this);
    }

    /**
     * Reads a {@link #key}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static Arithmetic parse(String text) {
        return Spelling.read(Arithmetic.class, "arithmetic", text);
    }
}
