package dev.jemma.engine.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Conversion between stored float types, plain or quantized, and f32: a run of elements of a host tensor at a time.
 * Integer types are refused.
 */
public final class Conversion {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Conversion() {}

    /** Reads {@code count} elements of {@code from}, starting at element {@code start}, as f32; exact. */
    public static void widen(Tensor from, long start, float[] to, int count) {
        MemorySegment source = from.segment();
        switch (from.dtype()) {
            case F32 -> MemorySegment.copy(source, FLOAT, start * 4, to, 0, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    to[i] = Float.float16ToFloat(source.get(SHORT, (start + i) * 2));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    to[i] = Float.intBitsToFloat(source.get(SHORT, (start + i) * 2) << 16);
                }
            }
            case Q8_0, Q4_0 -> {
                DType dtype = from.dtype();
                for (int i = 0; i < count; i++) {
                    long block = (start + i) / Quantization.BLOCK * dtype.blockBytes();
                    to[i] = Quantization.get(dtype, source, block, (int) ((start + i) % Quantization.BLOCK));
                }
            }
            case I32, I64 -> throw notFloat(from.dtype());
        }
    }

    /**
     * Writes {@code count} floats to {@code to}, starting at its element {@code start}, rounded once to nearest even;
     * quantized for block types ({@link Quantization}).
     *
     * @throws IllegalArgumentException if {@code start} or {@code count} cut a block, or a block type cannot hold a
     *     value: infinities, NaN
     */
    public static void round(float[] from, Tensor to, long start, int count) {
        MemorySegment target = to.segment();
        switch (to.dtype()) {
            case F32 -> MemorySegment.copy(from, 0, target, FLOAT, start * 4, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target.set(SHORT, (start + i) * 2, Float.floatToFloat16(from[i]));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target.set(SHORT, (start + i) * 2, bfloat16(from[i]));
                }
            }
            case Q8_0, Q4_0 -> {
                long at = to.dtype().bytes(start);
                long end = at + to.dtype().bytes(count);
                for (int i = 0; at < end; at += to.dtype().blockBytes(), i += Quantization.BLOCK) {
                    Quantization.quantize(from, i, to.dtype(), target, at);
                }
            }
            case I32, I64 -> throw notFloat(to.dtype());
        }
    }

    /**
     * {@code x} as {@code dtype} holds it.
     *
     * @throws IllegalArgumentException for block types, where that depends on the other elements
     */
    public static float rounded(float x, DType dtype) {
        return switch (dtype) {
            case F32 -> x;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(x));
            case BF16 -> Float.intBitsToFloat(bfloat16(x) << 16);
            case Q8_0, Q4_0, I32, I64 -> throw notFloat(dtype);
        };
    }

    /** The upper half of {@code x}, rounded to nearest even; a NaN stays one. */
    public static short bfloat16(float x) {
        int bits = Float.floatToRawIntBits(x);
        if (Float.isNaN(x)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static IllegalArgumentException notFloat(DType dtype) {
        return new IllegalArgumentException("dtype is " + dtype + ", wanted a plain float type");
    }
}
