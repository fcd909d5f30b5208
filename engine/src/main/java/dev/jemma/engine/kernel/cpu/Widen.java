package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;

import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Quantization;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elements of weights of any type as f32, exactly. An element is addressed by the byte offset of the row that it lies in, which
 * needs no alignment beyond the type's, and its index in the row, which may lie inside a block.
 */
final class Widen {
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(INTS.vectorBitSize() / 2));

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int BLOCK = Quantization.BLOCK;

    private Widen() {}

    /** One element. */
    static float get(DType dtype, MemorySegment s, long row, long element) {
        return switch (dtype) {
            case F32 -> s.get(Lanes.FLOAT, row + 4 * element);
            case F16 -> Float.float16ToFloat(s.get(SHORT, row + 2 * element));
            case BF16 -> Float.intBitsToFloat(s.get(SHORT, row + 2 * element) << 16);
            case Q8_0, Q4_0 -> {
                long block = row + element / BLOCK * dtype.blockBytes();
                yield Float.float16ToFloat(s.get(SHORT, block)) * level(dtype, s, block, (int) (element % BLOCK));
            }
            case I32, I64 -> throw noFloat(dtype);
        };
    }

    /** The integer that element {@code i} of a block is, times the block's scale. */
    private static int level(DType dtype, MemorySegment s, long block, int i) {
        if (dtype == DType.Q8_0) {
            return s.get(ValueLayout.JAVA_BYTE, block + 2 + i);
        }
        int pair = s.get(ValueLayout.JAVA_BYTE, block + 2 + i % (BLOCK / 2));
        return (i < BLOCK / 2 ? pair & 15 : pair >> 4 & 15) - 8;
    }

    private static IllegalArgumentException noFloat(DType dtype) {
        return new IllegalArgumentException(dtype + " is no float");
    }

    /** {@code to[0 .. count) = scale * from[element .. element + count)}. */
    static void row(
            DType dtype,
            MemorySegment from,
            long row,
            long element,
            long count,
            float scale,
            MemorySegment to,
            long toOffset) {
        if (dtype.isQuantized()) {
            for (long i = 0; i < count; i++) {
                to.set(Lanes.FLOAT, toOffset + 4 * i, get(dtype, from, row, element + i) * scale);
            }
            return;
        }
        long bound = count - count % L;
        long fromOffset = row + dtype.bytes(element);
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
            case Q8_0, Q4_0, I32, I64 -> throw noFloat(dtype);
        }
        for (long i = bound; i < count; i++) {
            to.set(Lanes.FLOAT, toOffset + 4 * i, get(dtype, from, row, element + i) * scale);
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
