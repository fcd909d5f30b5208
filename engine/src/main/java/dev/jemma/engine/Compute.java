package dev.jemma.engine;

import java.util.Locale;

/** The arithmetic of matrix products. */
public enum Compute {
    /** The fastest that is good enough for users; today the same as {@link #F32}. */
    AUTO,
    /** Products and sums in float32: the arithmetic of the reference. */
    F32;

    /**
     * Reads {@code auto} or {@code f32}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static Compute parse(String text) {
        for (Compute compute : values()) {
            if (compute.name().toLowerCase(Locale.ROOT).equals(text)) {
                return compute;
            }
        }
        throw new IllegalArgumentException("compute is '" + text + "', wanted auto or f32");
    }
}
