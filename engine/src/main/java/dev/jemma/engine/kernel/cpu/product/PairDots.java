package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.base.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Weights of 16 bits, BF16 or F16: loaded as pairs in ints, whose halves become two vectors by a shift and a mask. x is
 * laid out beforehand in the same order, evens and odds of every 2 L elements apart. Eight accumulators hide the
 * latency of FMA.
 */
record PairDots(DType type) implements Dots {
    @Override
    public long arrangedBytes(long inputs) {
        return 4 * inputs;
    }

    @Override
    public void arrange(MemorySegment x, long offset, long inputs, MemorySegment to, long toOffset) {
        long bound = inputs - inputs % (2 * L);
        for (long i = 0; i < bound; i += 2 * L) {
            for (int lane = 0; lane < L; lane++) {
                to.set(Lanes.FLOAT, toOffset + 4 * (i + lane), x.get(Lanes.FLOAT, offset + 4 * (i + 2 * lane)));
                to.set(Lanes.FLOAT, toOffset + 4 * (i + L + lane), x.get(Lanes.FLOAT, offset + 4 * (i + 2 * lane + 1)));
            }
        }
        MemorySegment.copy(x, offset + 4 * bound, to, toOffset + 4 * bound, 4 * (inputs - bound));
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
        int blocks = inputs / (2 * L);
        for (int i = 0; i < count; i++) {
            long row = offset + i * stride;
            if (type == DType.BF16) {
                bf16(w, row, x, xOffset, blocks, scratch);
            } else {
                f16(w, row, x, xOffset, blocks, scratch);
            }
            float sum = Lanes.sum(scratch, PARTS);
            for (int k = inputs - inputs % (2 * L); k < inputs; k++) { // what fills no pair of vectors
                sum = Lanes.fma(Widen.get(type, w, row, k), x.get(Lanes.FLOAT, xOffset + 4L * k), sum);
            }
            scratch.set(Lanes.FLOAT, 4L * i, sum);
        }
    }

    private static void bf16(MemorySegment w, long at, MemorySegment x, long row, int blocks, MemorySegment scratch) {
        FloatVector e0 = FloatVector.zero(FLOATS);
        FloatVector e1 = FloatVector.zero(FLOATS);
        FloatVector e2 = FloatVector.zero(FLOATS);
        FloatVector e3 = FloatVector.zero(FLOATS);
        FloatVector o0 = FloatVector.zero(FLOATS);
        FloatVector o1 = FloatVector.zero(FLOATS);
        FloatVector o2 = FloatVector.zero(FLOATS);
        FloatVector o3 = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i + 4 <= blocks; i += 4) {
            long wi = at + i * BYTES;
            long xi = row + i * 2L * BYTES;
            IntVector pair = IntVector.fromMemorySegment(INTS, w, wi, ORDER);
            FloatVector low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector high = pair.and(0xFFFF0000).reinterpretAsFloats();
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, x, xi, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, x, xi + BYTES, ORDER);
            e0 = FMA ? low.fma(even, e0) : low.mul(even).add(e0);
            o0 = FMA ? high.fma(odd, o0) : high.mul(odd).add(o0);
            pair = IntVector.fromMemorySegment(INTS, w, wi + BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            even = FloatVector.fromMemorySegment(FLOATS, x, xi + 2 * BYTES, ORDER);
            odd = FloatVector.fromMemorySegment(FLOATS, x, xi + 3 * BYTES, ORDER);
            e1 = FMA ? low.fma(even, e1) : low.mul(even).add(e1);
            o1 = FMA ? high.fma(odd, o1) : high.mul(odd).add(o1);
            pair = IntVector.fromMemorySegment(INTS, w, wi + 2 * BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            even = FloatVector.fromMemorySegment(FLOATS, x, xi + 4 * BYTES, ORDER);
            odd = FloatVector.fromMemorySegment(FLOATS, x, xi + 5 * BYTES, ORDER);
            e2 = FMA ? low.fma(even, e2) : low.mul(even).add(e2);
            o2 = FMA ? high.fma(odd, o2) : high.mul(odd).add(o2);
            pair = IntVector.fromMemorySegment(INTS, w, wi + 3 * BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            even = FloatVector.fromMemorySegment(FLOATS, x, xi + 6 * BYTES, ORDER);
            odd = FloatVector.fromMemorySegment(FLOATS, x, xi + 7 * BYTES, ORDER);
            e3 = FMA ? low.fma(even, e3) : low.mul(even).add(e3);
            o3 = FMA ? high.fma(odd, o3) : high.mul(odd).add(o3);
        }
        for (; i < blocks; i++) {
            IntVector pair = IntVector.fromMemorySegment(INTS, w, at + i * BYTES, ORDER);
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, x, row + i * 2L * BYTES, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, x, row + BYTES + i * 2L * BYTES, ORDER);
            FloatVector low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e0 = FMA ? low.fma(even, e0) : low.mul(even).add(e0);
            o0 = FMA ? high.fma(odd, o0) : high.mul(odd).add(o0);
        }
        e0.add(e1).add(e2.add(e3)).add(o0.add(o1).add(o2.add(o3))).intoMemorySegment(scratch, PARTS, ORDER);
    }

    private static void f16(MemorySegment w, long at, MemorySegment x, long row, int blocks, MemorySegment scratch) {
        FloatVector e = FloatVector.zero(FLOATS);
        FloatVector d = FloatVector.zero(FLOATS);
        for (int i = 0; i < blocks; i++) {
            IntVector pair = IntVector.fromMemorySegment(INTS, w, at + i * BYTES, ORDER);
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, x, row + i * 2L * BYTES, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, x, row + BYTES + i * 2L * BYTES, ORDER);
            FloatVector low = Lanes.evenF16(pair);
            FloatVector high = Lanes.oddF16(pair);
            e = FMA ? low.fma(even, e) : low.mul(even).add(e);
            d = FMA ? high.fma(odd, d) : high.mul(odd).add(d);
        }
        e.add(d).intoMemorySegment(scratch, PARTS, ORDER);
    }
}
