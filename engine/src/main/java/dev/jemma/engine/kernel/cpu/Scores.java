package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** A row of attention scores on its way to probabilities, in place. Scores of keys that a query does not see are minus infinity. */
final class Scores {
    private Scores() {}

    /** {@code s = cap * tanh(scale * s / cap)} (cap 0: {@code scale * s}); returns the greatest. */
    static float capAndMax(MemorySegment s, long at, int count, float scale, float cap) {
        FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector x = capped(FloatVector.fromMemorySegment(FLOATS, s, at + 4L * i, ORDER), scale, cap);
            x.intoMemorySegment(s, at + 4L * i, ORDER);
            max = max.max(x);
        }
        float greatest = Lanes.max(max);
        return i < count ? Math.max(greatest, capTail(s, at + 4L * i, count - i, scale, cap)) : greatest;
    }

    /** Tails are methods of their own: loop and tail together are too large for the compiler to inline everything. */
    private static float capTail(MemorySegment s, long at, int count, float scale, float cap) {
        VectorMask<Float> m = Lanes.first(count);
        FloatVector x = capped(FloatVector.fromMemorySegment(FLOATS, s, at, ORDER, m), scale, cap);
        x.intoMemorySegment(s, at, ORDER, m);
        return Lanes.max(FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY).blend(x, m));
    }

    /** Minus infinity stays: the cap would make it a visible {@code -cap}. */
    static FloatVector capped(FloatVector score, float scale, float cap) {
        FloatVector scaled = score.mul(scale);
        if (cap == 0) {
            return scaled;
        }
        VectorMask<Float> hidden = score.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY);
        return VectorMath.tanh(scaled.div(cap)).mul(cap).blend(Float.NEGATIVE_INFINITY, hidden);
    }

    /** {@code s = e^(s - max)}; returns the sum. */
    static float exp(MemorySegment s, long at, int count, float max) {
        FloatVector sum = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector e = VectorMath.exp(
                    FloatVector.fromMemorySegment(FLOATS, s, at + 4L * i, ORDER).sub(max));
            e.intoMemorySegment(s, at + 4L * i, ORDER);
            sum = sum.add(e);
        }
        return Lanes.sum(sum) + (i < count ? expTail(s, at + 4L * i, count - i, max) : 0);
    }

    private static float expTail(MemorySegment s, long at, int count, float max) {
        VectorMask<Float> m = Lanes.first(count);
        FloatVector e = VectorMath.exp(
                FloatVector.fromMemorySegment(FLOATS, s, at, ORDER, m).sub(max));
        e.intoMemorySegment(s, at, ORDER, m);
        return Lanes.sum(FloatVector.zero(FLOATS).blend(e, m));
    }
}
