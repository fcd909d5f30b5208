package dev.jemma.engine.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One block of {@link DType#Q8_0} or {@link DType#Q4_0} from and to f32: the definition that kernels, which compute on
 * the blocks in place, are compared with.
 *
 * <p>Scales are found for the value that binary16 holds, not for the one that is rounded to it afterwards, so that
 * every element is the nearest its block can give. The scale of a Q4_0 block is the best of a few candidates: one
 * extreme of the block divided by -8, as ggml has it, leaves 16 levels for what is often one outlier and 31 small
 * elements. Best is where the squared errors are least, each times the square of its element, as ggml weighs them for
 * its K-quants: that matters more than the search (docs/benchmarks.md, "Accuracy").
 */
public final class Quantization {
    /** Elements of a block, of either type. */
    public static final int BLOCK = 32;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    /** Candidates are the extreme over -(8 + step * k): from clipping it by a fifth to using all levels but one. */
    private static final int CANDIDATES = 15;

    private static final float FIRST = -6.6f;
    private static final float STEP = -0.2f;

    private Quantization() {}

    /** Writes the block {@code x[at .. at + 32)}; nearest, ties to even. */
    static void quantize(float[] x, int at, DType dtype, MemorySegment to, long offset) {
        float extreme = extreme(x, at);
        switch (dtype) {
            case Q8_0 -> q8(x, at, binary16(Math.abs(extreme) / 127), to, offset);
            case Q4_0 -> q4(x, at, binary16(scale4(x, at, extreme)), to, offset);
            case F32, F16, BF16, I32, I64 -> throw new IllegalArgumentException(dtype + " is no block type");
        }
    }

    /** The element of greatest magnitude. */
    private static float extreme(float[] x, int at) {
        float extreme = 0;
        for (int i = at; i < at + BLOCK; i++) {
            if (!(Math.abs(x[i]) <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException("value is " + x[i] + ", wanted a finite one");
            }
            if (Math.abs(x[i]) > Math.abs(extreme)) {
                extreme = x[i];
            }
        }
        return extreme;
    }

    private static short binary16(float scale) {
        short half = Float.floatToFloat16(scale);
        if (!Float.isFinite(Float.float16ToFloat(half))) {
            throw new IllegalArgumentException("values need a scale of " + scale + ", wanted at most 65504");
        }
        return half;
    }

    private static void q8(float[] x, int at, short d, MemorySegment to, long offset) {
        float inverse = inverse(d);
        to.set(SHORT, offset, d);
        for (int i = 0; i < BLOCK; i++) {
            to.set(BYTE, offset + 2 + i, (byte) nearest(x[at + i] * inverse, -127, 127));
        }
    }

    private static void q4(float[] x, int at, short d, MemorySegment to, long offset) {
        float inverse = inverse(d);
        to.set(SHORT, offset, d);
        for (int i = 0; i < BLOCK / 2; i++) {
            int low = 8 + (int) nearest(x[at + i] * inverse, -8, 7);
            int high = 8 + (int) nearest(x[at + BLOCK / 2 + i] * inverse, -8, 7);
            to.set(BYTE, offset + 2 + i, (byte) (low | high << 4));
        }
    }

    private static float inverse(short d) {
        float scale = Float.float16ToFloat(d);
        return scale == 0 ? 0 : 1 / scale;
    }

    private static float nearest(float x, float least, float most) {
        return Math.clamp((float) Math.rint(x), least, most);
    }

    /**
     * The scale whose levels are nearest to the block. For given levels q and weights {@code w = x x} the best scale is
     * {@code sum(w x q) / sum(w q q)}, with an error of {@code sum(w x x) - sum(w x q)^2 / sum(w q q)}. Elements are
     * taken relative to the extreme, so that no power of them vanishes or overflows.
     */
    private static float scale4(float[] x, int at, float extreme) {
        if (extreme == 0) {
            return 0;
        }
        float best = 1f / -8;
        float gain = 0;
        for (int k = 0; k < CANDIDATES; k++) {
            float inverse = FIRST + STEP * k;
            float xq = 0;
            float qq = 0;
            for (int i = at; i < at + BLOCK; i++) {
                float r = x[i] / extreme;
                float q = nearest(r * inverse, -8, 7);
                float w = r * r;
                xq += w * r * q;
                qq += w * q * q;
            }
            if (xq * (xq / qq) > gain) {
                gain = xq * (xq / qq);
                best = xq / qq;
            }
        }
        return best * extreme;
    }

    /** Reads element {@code i} of the block at {@code offset}. */
    static float get(DType dtype, MemorySegment from, long offset, int i) {
        float d = Float.float16ToFloat(from.get(SHORT, offset));
        return switch (dtype) {
            case Q8_0 -> d * from.get(BYTE, offset + 2 + i);
            case Q4_0 -> {
                int pair = from.get(BYTE, offset + 2 + i % (BLOCK / 2));
                yield d * ((i < BLOCK / 2 ? pair & 15 : pair >> 4 & 15) - 8);
            }
            case F32, F16, BF16, I32, I64 -> throw new IllegalArgumentException(dtype + " is no block type");
        };
    }
}
