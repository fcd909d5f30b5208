package dev.jemma.engine.kernel;

import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Host tensors as arrays of doubles, exactly. */
final class Elements {
    private Elements() {}

    static double[] of(Tensor x) {
        double[] values = new double[Math.toIntExact(x.elements())];
        MemorySegment s = x.segment();
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (x.dtype()) {
                case F32 -> s.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
                case F16 -> Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i));
                case BF16 -> Float.intBitsToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i) << 16);
                case Q8_0 -> scale(s, i / 32 * 34L) * s.get(ValueLayout.JAVA_BYTE, i / 32 * 34L + 2 + i % 32);
                case Q4_0 -> {
                    int pair = s.get(ValueLayout.JAVA_BYTE, i / 32 * 18L + 2 + i % 16);
                    yield scale(s, i / 32 * 18L) * ((i % 32 < 16 ? pair & 15 : pair >> 4 & 15) - 8);
                }
                case I32 -> s.get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i);
                case I64 -> s.get(ValueLayout.JAVA_LONG_UNALIGNED, 8L * i);
            };
        }
        return values;
    }

    private static double scale(MemorySegment s, long block) {
        return Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, block));
    }

    static int[] ints(Tensor x) {
        int[] values = new int[Math.toIntExact(x.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = x.segment().get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i);
        }
        return values;
    }

    /** Sets an F32 tensor, each value rounded once. */
    static void set(Tensor x, double[] values) {
        for (int i = 0; i < values.length; i++) {
            x.segment().set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, (float) values[i]);
        }
    }
}
