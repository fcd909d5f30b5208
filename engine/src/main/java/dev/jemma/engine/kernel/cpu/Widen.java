package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;

import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Elements of F32, F16 and BF16 tensors as f32, exactly. Offsets are in bytes and need no alignment beyond the element's. */
final class Widen {
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(INTS.vectorBitSize() / 2));

    private Widen() {}

    /** One element. */
    static float get(DType dtype, MemorySegment s, long offset) {
        return switch (dtype) {
            case F32 -> s.get(Lanes.FLOAT, offset);
            case F16 -> Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset));
            case BF16 -> Float.intBitsToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) << 16);
            case I32, I64 -> throw new IllegalArgumentException("I32 is no float");
        };
    }

    /** {@code to[0 .. count) = scale * from[0 .. count)}. */
    static void row(
            DType dtype,
            MemorySegment from,
            long fromOffset,
            long count,
            float scale,
            MemorySegment to,
            long toOffset) {
        long bound = count - count % L;
        switch (dtype) {
            case F32 -> {
                for (long i = 0; i < bound; i += L) {
                    store(load(from, fromOffset + 4 * i).mul(scale), to, toOffset + 4 * i);
                }
            }
            case BF16 -> {
                for (long i = 0; i < bound; i += L) {
                    store(bf16(from, fromOffset + 2 * i).mul(scale), to, toOffset + 4 * i);
                }
            }
            case F16 -> {
                for (long i = 0; i < bound; i += L) {
                    store(f16(from, fromOffset + 2 * i).mul(scale), to, toOffset + 4 * i);
                }
            }
            case I32, I64 -> throw new IllegalArgumentException("I32 is no float");
        }
        for (long i = bound; i < count; i++) {
            to.set(Lanes.FLOAT, toOffset + 4 * i, get(dtype, from, fromOffset + dtype.bytes() * i) * scale);
        }
    }

    /** L bf16. */
    static FloatVector bf16(MemorySegment s, long offset) {
        return Lanes.evenBf16(shorts(s, offset));
    }

    /** L binary16. */
    static FloatVector f16(MemorySegment s, long offset) {
        return Lanes.evenF16(shorts(s, offset));
    }

    private static IntVector shorts(MemorySegment s, long offset) {
        return (IntVector) ShortVector.fromMemorySegment(HALVES, s, offset, ByteOrder.LITTLE_ENDIAN)
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
    }
}
