package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.cpu.base.Lanes;
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
        for (int i = 0; i < count; i++) {
            long row = offset + i * stride;
            one(w, row, x, xOffset, blocks, scratch);
            float sum = Lanes.sum(scratch, PARTS);
            for (int k = inputs - inputs % L; k < inputs; k++) { // what fills no vector
                sum = Lanes.fma(w.get(Lanes.FLOAT, row + 4L * k), x.get(Lanes.FLOAT, xOffset + 4L * k), sum);
            }
            scratch.set(Lanes.FLOAT, 4L * i, sum);
        }
    }

    private static void one(MemorySegment w, long at, MemorySegment x, long row, int blocks, MemorySegment scratch) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i + 4 <= blocks; i += 4) {
            long wAt = at + i * BYTES;
            long xAt = row + i * BYTES;
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, w, wAt, ORDER);
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, xAt, ORDER);
            s0 = FMA ? u.fma(v, s0) : u.mul(v).add(s0);
            u = FloatVector.fromMemorySegment(FLOATS, w, wAt + BYTES, ORDER);
            v = FloatVector.fromMemorySegment(FLOATS, x, xAt + BYTES, ORDER);
            s1 = FMA ? u.fma(v, s1) : u.mul(v).add(s1);
            u = FloatVector.fromMemorySegment(FLOATS, w, wAt + 2 * BYTES, ORDER);
            v = FloatVector.fromMemorySegment(FLOATS, x, xAt + 2 * BYTES, ORDER);
            s2 = FMA ? u.fma(v, s2) : u.mul(v).add(s2);
            u = FloatVector.fromMemorySegment(FLOATS, w, wAt + 3 * BYTES, ORDER);
            v = FloatVector.fromMemorySegment(FLOATS, x, xAt + 3 * BYTES, ORDER);
            s3 = FMA ? u.fma(v, s3) : u.mul(v).add(s3);
        }
        for (; i < blocks; i++) {
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, w, at + i * BYTES, ORDER);
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, row + i * BYTES, ORDER);
            s0 = FMA ? u.fma(v, s0) : u.mul(v).add(s0);
        }
        s0.add(s1).add(s2.add(s3)).intoMemorySegment(scratch, PARTS, ORDER);
    }
}
