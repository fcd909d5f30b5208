package dev.jemma.engine.kernel;

/**
 * Which elements dropout keeps: a counter-based generator of 32-bit operations, so that every backend computes the same
 * mask for any element on its own, in any order.
 *
 * <p>{@code hash(i) = mix(mix(i * 0x9E3779B9 + seedLow) ^ seedHigh ^ i_high * 0x85EBCA6B)} with Ellis's
 * {@code lowbias32} as {@code mix}; element i is kept if the upper 24 bits of its hash are at least {@code p * 2^24}.
 */
public final class DropoutMask {
    private DropoutMask() {}

    /** {@code p} in units of 2^-24: {@link #keep} compares with it. */
    public static int threshold(float p) {
        if (!(p >= 0 && p < 1)) {
            throw new IllegalArgumentException("dropout " + p + ", wanted 0 or more and less than 1");
        }
        return (int) (p * (double) (1 << 24));
    }

    /** Whether element {@code i} is kept. */
    public static boolean keep(long seed, long i, int threshold) {
        int h = mix((int) i * 0x9E3779B9 + (int) seed);
        h = mix(h ^ (int) (seed >>> 32) ^ (int) (i >>> 32) * 0x85EBCA6B);
        return h >>> 8 >= threshold;
    }

    private static int mix(int h) {
        h ^= h >>> 16;
        h *= 0x7FEB352D;
        h ^= h >>> 15;
        h *= 0x846CA68B;
        return h ^ h >>> 16;
    }
}
