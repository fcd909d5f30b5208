package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** F32 weights, adapters among them. */
record FloatDots() implements Dots {
    @Override
    public long arrangedBytes(long inputs) {
        return 0;
    }

    @Override
    public void arrange(MemorySegment x, long offset, long inputs, MemorySegment to, long toOffset) {
        throw new IllegalStateException("x is used as it lies");
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
        int blocks = inputs / L;
        int i = 0;
        for (; i + UNROLLED <= count; i += UNROLLED) {
            four(w, offset + i * stride, stride, x, xOffset, blocks, scratch);
            for (int j = 0; j < UNROLLED; j++) {
                finish(w, offset + (i + j) * stride, x, xOffset, inputs, scratch, PARTS + j * BYTES, i + j);
            }
        }
        for (; i < count; i++) {
            one(w, offset + i * stride, x, xOffset, blocks, scratch);
            finish(w, offset + i * stride, x, xOffset, inputs, scratch, PARTS, i);
        }
    }

    private static void four(
            MemorySegment weights,
            long w0,
            long stride,
            MemorySegment input,
            long row,
            int blocks,
            MemorySegment scratch) {
        long w1 = w0 + stride;
        long w2 = w1 + stride;
        long w3 = w2 + stride;
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        for (int i = 0; i < blocks; i++) {
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, input, row + i * BYTES, ORDER);
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, weights, w0 + i * BYTES, ORDER);
            s0 = FMA ? u.fma(v, s0) : u.mul(v).add(s0);
            u = FloatVector.fromMemorySegment(FLOATS, weights, w1 + i * BYTES, ORDER);
            s1 = FMA ? u.fma(v, s1) : u.mul(v).add(s1);
            u = FloatVector.fromMemorySegment(FLOATS, weights, w2 + i * BYTES, ORDER);
            s2 = FMA ? u.fma(v, s2) : u.mul(v).add(s2);
            u = FloatVector.fromMemorySegment(FLOATS, weights, w3 + i * BYTES, ORDER);
            s3 = FMA ? u.fma(v, s3) : u.mul(v).add(s3);
        }
        s0.intoMemorySegment(scratch, PARTS, ORDER);
        s1.intoMemorySegment(scratch, PARTS + BYTES, ORDER);
        s2.intoMemorySegment(scratch, PARTS + 2 * BYTES, ORDER);
        s3.intoMemorySegment(scratch, PARTS + 3 * BYTES, ORDER);
    }

    private static void one(MemorySegment w, long at, MemorySegment x, long row, int blocks, MemorySegment scratch) {
        FloatVector s = FloatVector.zero(FLOATS);
        for (int i = 0; i < blocks; i++) {
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, w, at + i * BYTES, ORDER);
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, row + i * BYTES, ORDER);
            s = FMA ? u.fma(v, s) : u.mul(v).add(s);
        }
        s.intoMemorySegment(scratch, PARTS, ORDER);
    }

    /** Adds the inputs that fill no vector. */
    private static void finish(
            MemorySegment w, long at, MemorySegment x, long row, int inputs, MemorySegment scratch, long part, int i) {
        float sum = Lanes.sum(scratch, part);
        for (int k = inputs - inputs % L; k < inputs; k++) {
            sum = Lanes.fma(w.get(Lanes.FLOAT, at + 4L * k), x.get(Lanes.FLOAT, row + 4L * k), sum);
        }
        scratch.set(Lanes.FLOAT, 4L * i, sum);
    }
}
