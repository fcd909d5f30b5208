package dev.jemma.engine.api;

/** The types of weights that are written. */
public enum FloatType {
    /** 8 bits of exponent, 7 of fraction. */
    BFLOAT16,
    /** 5 bits of exponent, 10 of fraction. */
    FLOAT16,
    /** 8 bits of exponent, 23 of fraction. */
    FLOAT32
}
