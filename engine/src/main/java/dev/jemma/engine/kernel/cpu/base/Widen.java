package dev.jemma.engine.kernel.cpu.base;

import static dev.jemma.engine.kernel.cpu.base.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;

import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.Widening;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Quantization;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elements of weights of any type as f32, exactly. An element is addressed by the byte offset of its row,
 * which needs no alignment beyond the type's, and its index in the row, which may be inside a block.
 */
public final class Widen {
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(INTS.vectorBitSize() / 2));

    /** L bytes, or 8 where vectors of floats have 4. */
    private static final VectorSpecies<Byte> QUARTER =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, INTS.vectorBitSize() / 4)));

    private static final int BYTES_AT_ONCE = QUARTER.length();

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int BLOCK = Quantization.BLOCK;

    private Widen() {}

    /** One element. */
    public static float get(DType dtype, MemorySegment s, long row, long element) {
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
    public static void row(
            DType dtype,
            MemorySegment from,
            long row,
            long element,
            long count,
            float scale,
            MemorySegment to,
            long toOffset) {
        if (count > 0 && byMachineCode(dtype, from, row, element, count, scale, to, toOffset)) {
            return;
        }
        if (dtype.isQuantized()) {
            blocks(dtype, from, row, element, count, scale, to, toOffset);
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

    /** Whether there is code for the type, and for elements that are whole blocks; then it has done all. */
    private static boolean byMachineCode(
            DType dtype,
            MemorySegment from,
            long row,
            long element,
            long count,
            float scale,
            MemorySegment to,
            long toOffset) {
        boolean blocks = dtype.isQuantized()
                && BlockDots.available()
                && element % BlockDots.BLOCK == 0
                && count % BlockDots.BLOCK == 0;
        if (!blocks && !Widening.takes(dtype)) {
            return false;
        }
        long source = Addresses.ofMapped(from, row + dtype.bytes(element), dtype.bytes(count));
        long target = Addresses.of(to, toOffset, Float.BYTES * count);
        if (blocks) {
            BlockDots.toF32(dtype, source, count, scale, target);
        } else {
            Widening.scaled(dtype, source, target, count, scale);
        }
        return true;
    }

    /** Elements before the first whole block and after the last are widened one by one. */
    private static void blocks(
            DType dtype,
            MemorySegment from,
            long row,
            long element,
            long count,
            float scale,
            MemorySegment to,
            long toOffset) {
        long end = element + count;
        long first = Math.min(end, (element + BLOCK - 1) & -BLOCK);
        long last = Math.max(first, end & -BLOCK);
        ones(dtype, from, row, element, first, scale, to, toOffset);
        int whole = (int) ((last - first) / BLOCK);
        long block = row + first / BLOCK * dtype.blockBytes();
        long at = toOffset + 4 * (first - element);
        if (dtype == DType.Q8_0) {
            q8(from, block, whole, scale, to, at);
        } else {
            q4(from, block, whole, scale, to, at);
        }
        ones(dtype, from, row, last, end, scale, to, toOffset + 4 * (last - element));
    }

    private static void ones(
            DType dtype, MemorySegment from, long row, long begin, long end, float scale, MemorySegment to, long at) {
        for (long i = begin; i < end; i++) {
            to.set(Lanes.FLOAT, at + 4 * (i - begin), get(dtype, from, row, i) * scale);
        }
    }

    private static void q8(MemorySegment from, long block, int count, float scale, MemorySegment to, long toOffset) {
        for (int b = 0; b < count; b++) {
            long at = block + b * 34L;
            float d = Float.float16ToFloat(from.get(SHORT, at));
            for (int i = 0; i < BLOCK; i += BYTES_AT_ONCE) {
                ByteVector q = ByteVector.fromMemorySegment(QUARTER, from, at + 2 + i, ByteOrder.LITTLE_ENDIAN);
                long out = toOffset + 4L * (b * BLOCK + i);
                ((FloatVector) q.convertShape(VectorOperators.B2F, Lanes.FLOATS, 0))
                        .mul(d)
                        .mul(scale)
                        .intoMemorySegment(to, out, ByteOrder.LITTLE_ENDIAN);
                if (BYTES_AT_ONCE > L) {
                    ((FloatVector) q.convertShape(VectorOperators.B2F, Lanes.FLOATS, 1))
                            .mul(d)
                            .mul(scale)
                            .intoMemorySegment(to, out + Lanes.BYTES, ByteOrder.LITTLE_ENDIAN);
                }
            }
        }
    }

    private static void q4(MemorySegment from, long block, int count, float scale, MemorySegment to, long toOffset) {
        for (int b = 0; b < count; b++) {
            long at = block + b * 18L;
            float d = Float.float16ToFloat(from.get(SHORT, at));
            for (int i = 0; i < BLOCK / 2; i += BYTES_AT_ONCE) {
                ByteVector pairs = ByteVector.fromMemorySegment(QUARTER, from, at + 2 + i, ByteOrder.LITTLE_ENDIAN);
                ByteVector low = pairs.and((byte) 15).sub((byte) 8);
                ByteVector high = pairs.lanewise(VectorOperators.LSHR, 4).sub((byte) 8);
                long out = toOffset + 4L * (b * BLOCK + i);
                ((FloatVector) low.convertShape(VectorOperators.B2F, Lanes.FLOATS, 0))
                        .mul(d)
                        .mul(scale)
                        .intoMemorySegment(to, out, ByteOrder.LITTLE_ENDIAN);
                ((FloatVector) high.convertShape(VectorOperators.B2F, Lanes.FLOATS, 0))
                        .mul(d)
                        .mul(scale)
                        .intoMemorySegment(to, out + 2L * BLOCK, ByteOrder.LITTLE_ENDIAN);
                if (BYTES_AT_ONCE > L) {
                    ((FloatVector) low.convertShape(VectorOperators.B2F, Lanes.FLOATS, 1))
                            .mul(d)
                            .mul(scale)
                            .intoMemorySegment(to, out + Lanes.BYTES, ByteOrder.LITTLE_ENDIAN);
                    ((FloatVector) high.convertShape(VectorOperators.B2F, Lanes.FLOATS, 1))
                            .mul(d)
                            .mul(scale)
                            .intoMemorySegment(to, out + 2L * BLOCK + Lanes.BYTES, ByteOrder.LITTLE_ENDIAN);
                }
            }
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
