package dev.jemma.engine.kernel.cpu.base;

import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.tensor.Conversion;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rows of f32 rounded to bf16 for {@link Bf16Tile}. */
public final class Narrow {
    private static final int BF16 = 2;

    private Narrow() {}

    /** Rounds {@code count} floats to nearest even and appends zeros up to {@code padded}. */
    public static void round(
            MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int count, int padded) {
        int bound = count - count % Bf16Tile.LANES;
        Bf16Panels.round(from.address() + fromOffset, to.address() + toOffset, bound);
        for (int i = bound; i < padded; i++) {
            float value = i < count ? from.get(Lanes.FLOAT, fromOffset + 4L * i) : 0;
            to.set(ValueLayout.JAVA_SHORT_UNALIGNED, toOffset + (long) BF16 * i, Conversion.bfloat16(value));
        }
    }
}
