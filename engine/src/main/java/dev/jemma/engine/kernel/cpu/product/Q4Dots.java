package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.base.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.cpu.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_0 weights: both nibbles of 16 bytes become floats in registers, the products of a block are summed lane by lane,
 * and the sum joins the row's times the block's scale. The 8 that a nibble is greater than its level is taken off for a
 * whole block at once, by a sum that all rows share.
 */
record Q4Dots() implements Dots {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    /** A block's bytes. */
    private static final long BLOCK = 18;

    /** A block's activations in bytes. */
    private static final long X = 128;

    /** The same and the vector that follows them. */
    private static final long XB = X + BYTES;

    /** L bytes; with L = 4, whose vector Java lacks, unused. */
    private static final VectorSpecies<Byte> QUARTER =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, INTS.vectorBitSize() / 4)));

    @Override
    public long arrangedBytes(long inputs) {
        return L == 4 ? 4 * inputs : inputs / 32 * XB;
    }

    /**
     * Of every 16 elements, the four that are byte k of four ints are together where vectors are of four floats. With
     * longer ones a block is followed by minus eight times the sum of each lane's four or two elements.
     */
    @Override
    public void arrange(MemorySegment x, long offset, long inputs, MemorySegment to, long toOffset) {
        if (L > 4) {
            blocks(x, offset, inputs / 32, to, toOffset);
            return;
        }
        for (long i = 0; i < inputs; i++) {
            long lane = i & -16 | (i & 3) << 2 | i >> 2 & 3;
            to.set(Lanes.FLOAT, toOffset + 4 * lane, x.get(Lanes.FLOAT, offset + 4 * i));
        }
    }

    private static void blocks(MemorySegment x, long offset, long count, MemorySegment to, long toOffset) {
        for (long b = 0; b < count; b++) {
            long at = toOffset + b * XB;
            MemorySegment.copy(x, offset + b * X, to, at, X);
            for (int lane = 0; lane < L; lane++) {
                float sum = 0;
                for (int i = lane; i < 32; i += L) {
                    sum += x.get(Lanes.FLOAT, offset + b * X + 4L * i);
                }
                to.set(Lanes.FLOAT, at + X + 4L * lane, -8 * sum);
            }
        }
    }

    /** Two rows at a time share what is loaded of x; the last of an odd number is taken twice, at a stride of 0. */
    @Override
    public void dots(
            MemorySegment w,
            long offset,
            long stride,
            int count,
            MemorySegment x,
            long xOffset,
            int inputs,
            MemorySegment scratch) {
        int blocks = inputs / 32;
        for (int i = 0; i < count; ) {
            int together = L > 4 && i + 1 < count ? 2 : 1;
            long row = offset + i * stride;
            switch (L) {
                case 16 -> two512(w, row, together == 2 ? stride : 0, x, xOffset, blocks, scratch);
                case 8 -> two256(w, row, together == 2 ? stride : 0, x, xOffset, blocks, scratch);
                default -> one128(w, row, x, xOffset, blocks, scratch);
            }
            for (int j = 0; j < together; j++) {
                scratch.set(Lanes.FLOAT, 4L * i++, Lanes.sum(scratch, PARTS + j * BYTES));
            }
        }
    }

    private static void two512(
            MemorySegment weights,
            long w0,
            long stride,
            MemorySegment input,
            long row,
            int blocks,
            MemorySegment scratch) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * XB;
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, input, xAt, ORDER);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, input, xAt + BYTES, ORDER);
            FloatVector bias = FloatVector.fromMemorySegment(FLOATS, input, xAt + X, ORDER);
            IntVector v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 2, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            FloatVector q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            FloatVector t = FMA ? q.fma(x0, bias) : q.mul(x0).add(bias);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x1, t) : q.mul(x1).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s0 = FMA ? t.fma(d, s0) : t.mul(d).add(s0);
            v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + stride + 2, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x0, bias) : q.mul(x0).add(bias);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x1, t) : q.mul(x1).add(t);
            d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at + stride)));
            s1 = FMA ? t.fma(d, s1) : t.mul(d).add(s1);
        }
        s0.intoMemorySegment(scratch, PARTS, ORDER);
        s1.intoMemorySegment(scratch, PARTS + BYTES, ORDER);
    }

    private static void two256(
            MemorySegment weights,
            long w0,
            long stride,
            MemorySegment input,
            long row,
            int blocks,
            MemorySegment scratch) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * XB;
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, input, xAt, ORDER);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, input, xAt + BYTES, ORDER);
            FloatVector x2 = FloatVector.fromMemorySegment(FLOATS, input, xAt + 2 * BYTES, ORDER);
            FloatVector x3 = FloatVector.fromMemorySegment(FLOATS, input, xAt + 3 * BYTES, ORDER);
            FloatVector bias = FloatVector.fromMemorySegment(FLOATS, input, xAt + X, ORDER);
            IntVector v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 2, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            FloatVector q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            FloatVector t = FMA ? q.fma(x0, bias) : q.mul(x0).add(bias);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x2, t) : q.mul(x2).add(t);
            v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 10, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x1, t) : q.mul(x1).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x3, t) : q.mul(x3).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s0 = FMA ? t.fma(d, s0) : t.mul(d).add(s0);
            v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + stride + 2, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x0, bias) : q.mul(x0).add(bias);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x2, t) : q.mul(x2).add(t);
            v = (IntVector) ByteVector.fromMemorySegment(QUARTER, weights, at + stride + 10, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            q = (FloatVector) v.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x1, t) : q.mul(x1).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
            t = FMA ? q.fma(x3, t) : q.mul(x3).add(t);
            d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at + stride)));
            s1 = FMA ? t.fma(d, s1) : t.mul(d).add(s1);
        }
        s0.intoMemorySegment(scratch, PARTS, ORDER);
        s1.intoMemorySegment(scratch, PARTS + BYTES, ORDER);
    }

    /** Four lanes: bytes come as ints and are shifted out of them, in the order of {@link #arrange}. */
    private static void one128(
            MemorySegment weights, long w0, MemorySegment input, long row, int blocks, MemorySegment scratch) {
        FloatVector s = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * X;
            IntVector v = IntVector.fromMemorySegment(INTS, weights, at + 2, ORDER);
            FloatVector t = FloatVector.zero(FLOATS);
            FloatVector q = (FloatVector) v.and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 0, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 4).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 64, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 8).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 16, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 12).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 80, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 16).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 32, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 20).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 96, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 24).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 48, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector)
                    v.lanewise(VectorOperators.LSHR, 28).and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 112, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s = FMA ? t.fma(d, s) : t.mul(d).add(s);
        }
        s.intoMemorySegment(scratch, PARTS, ORDER);
    }
}
