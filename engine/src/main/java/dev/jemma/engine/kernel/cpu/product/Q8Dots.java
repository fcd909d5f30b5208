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
 * Q8_0 weights: a block's 32 bytes become floats in registers, its products are summed lane by lane, and the sum joins
 * the row's times the block's scale.
 */
record Q8Dots() implements Dots {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    /** A block's bytes. */
    private static final long BLOCK = 34;

    /** A block's activations in bytes. */
    private static final long X = 128;

    /** L bytes; with L = 4, whose vector Java lacks, unused. */
    private static final VectorSpecies<Byte> QUARTER =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, INTS.vectorBitSize() / 4)));

    @Override
    public long arrangedBytes(long inputs) {
        return L == 4 ? 4 * inputs : 0;
    }

    /** Of every 16 elements, the four that are byte k of four ints are together. */
    @Override
    public void arrange(MemorySegment x, long offset, long inputs, MemorySegment to, long toOffset) {
        for (long i = 0; i < inputs; i++) {
            long lane = i & -16 | (i & 3) << 2 | i >> 2 & 3;
            to.set(Lanes.FLOAT, toOffset + 4 * lane, x.get(Lanes.FLOAT, offset + 4 * i));
        }
    }

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
        for (int i = 0; i < count; i++) {
            long row = offset + i * stride;
            switch (L) {
                case 16 -> one512(w, row, x, xOffset, blocks, scratch);
                case 8 -> one256(w, row, x, xOffset, blocks, scratch);
                default -> one128(w, row, x, xOffset, blocks, scratch);
            }
            scratch.set(Lanes.FLOAT, 4L * i, Lanes.sum(scratch, PARTS));
        }
    }

    private static void one512(
            MemorySegment weights, long w0, MemorySegment input, long row, int blocks, MemorySegment scratch) {
        FloatVector s = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * X;
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, input, xAt, ORDER);
            FloatVector q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 2, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            FloatVector t = q.mul(x);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + BYTES, ORDER);
            q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 18, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s = FMA ? t.fma(d, s) : t.mul(d).add(s);
        }
        s.intoMemorySegment(scratch, PARTS, ORDER);
    }

    private static void one256(
            MemorySegment weights, long w0, MemorySegment input, long row, int blocks, MemorySegment scratch) {
        FloatVector s = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * X;
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, input, xAt, ORDER);
            FloatVector q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 2, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            FloatVector t = q.mul(x);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + BYTES, ORDER);
            q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 10, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 2 * BYTES, ORDER);
            q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 18, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 3 * BYTES, ORDER);
            q = (FloatVector) ByteVector.fromMemorySegment(QUARTER, weights, at + 26, ORDER)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s = FMA ? t.fma(d, s) : t.mul(d).add(s);
        }
        s.intoMemorySegment(scratch, PARTS, ORDER);
    }

    /** Four lanes: bytes come as ints and are shifted out of them, in the order of {@link #arrange}. */
    private static void one128(
            MemorySegment weights, long w0, MemorySegment input, long row, int blocks, MemorySegment scratch) {
        FloatVector s = FloatVector.zero(FLOATS);
        for (int b = 0; b < blocks; b++) {
            long at = w0 + b * BLOCK;
            long xAt = row + b * X;
            FloatVector t = FloatVector.zero(FLOATS);
            IntVector v = IntVector.fromMemorySegment(INTS, weights, at + 2, ORDER);
            FloatVector q = (FloatVector) v.lanewise(VectorOperators.LSHL, 24)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 0, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 16, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHL, 8)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 32, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.ASHR, 24).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 48, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            v = IntVector.fromMemorySegment(INTS, weights, at + 18, ORDER);
            q = (FloatVector) v.lanewise(VectorOperators.LSHL, 24)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 64, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 80, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.LSHL, 8)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 96, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            q = (FloatVector) v.lanewise(VectorOperators.ASHR, 24).convertShape(VectorOperators.I2F, FLOATS, 0);
            x = FloatVector.fromMemorySegment(FLOATS, input, xAt + 112, ORDER);
            t = FMA ? q.fma(x, t) : q.mul(x).add(t);
            FloatVector d = FloatVector.broadcast(FLOATS, Float.float16ToFloat(weights.get(SHORT, at)));
            s = FMA ? t.fma(d, s) : t.mul(d).add(s);
        }
        s.intoMemorySegment(scratch, PARTS, ORDER);
    }
}
