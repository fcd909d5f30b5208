package dev.jemma.engine.kernel.cpu.base;

/** Sizes that must be whole numbers of something. */
public final class Sizes {
    private Sizes() {}

    /** The least multiple of {@code multiple} that is not less than {@code size}, 0 or more. */
    public static long roundUp(long size, int multiple) {
        return (size + multiple - 1) / multiple * multiple;
    }
}
