package dev.jemma.engine.kernel;

/** How the factors of large matrix products are held while they are multiplied. Sums are f32 in any case. */
public enum Arithmetic {
    /** Activations and gradients as they are, f32: the arithmetic of the reference. */
    F32,
    /**
     * Activations and gradients rounded to bf16, to nearest even, before they meet a frozen weight, as PyTorch and llama.cpp do it in
     * bf16. Everything else (adapters, norms, attention, loss) stays f32, and so do the products of a few rows, where reading the
     * weights is what takes time.
     */
    BF16
}
