package dev.jemma.engine.kernel;

/** How the factors of large matrix products are held while they are multiplied. Sums are f32 in any case. */
public enum Arithmetic {
    /** Activations and gradients as they are, f32: the arithmetic of the reference. */
    F32,
    /**
     * Activations and gradients rounded to bf16, to nearest even, before they meet a frozen weight, as PyTorch and llama.cpp do it in
     * bf16, and likewise what attention multiplies. Activations that meet a block-quantized weight are quantized by blocks themselves, to
     * int8, where the device multiplies such bytes. Everything else (adapters, norms, softmax, loss) stays f32, and so do the products of
     * a few rows with weights in bf16, where reading the weights is what takes time.
     */
    BF16
}
