package dev.jemma.engine;

import dev.jemma.engine.kernel.Arithmetic;
import java.util.Locale;

/** The arithmetic of large matrix products. */
public enum Compute {
    /** What is fastest on this CPU: {@link #BF16}, {@link #INT8} or {@link #F32}. */
    AUTO,
    /** Products and sums in float32: the arithmetic of the reference. */
    F32,
    /** As {@link #F32}, but activations that meet block-quantized weights become int8 by blocks, as llama.cpp computes with them. */
    INT8,
    /**
     * As {@link #INT8}, and activations are rounded to bf16 before they meet any other weight, sums in float32, as PyTorch and llama.cpp
     * compute in bf16.
     */
    BF16;

    /** What asks for {@code arithmetic}. */
    static Compute of(Arithmetic arithmetic) {
        return switch (arithmetic) {
            case F32 -> F32;
            case INT8 -> INT8;
            case BF16 -> BF16;
        };
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads {@code auto}, {@code f32}, {@code int8} or {@code bf16}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static Compute parse(String text) {
        for (Compute compute : values()) {
            if (compute.toString().equals(text)) {
                return compute;
            }
        }
        throw new IllegalArgumentException("compute is '" + text + "', wanted auto, f32, int8 or bf16");
    }
}
