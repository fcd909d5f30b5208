package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.all;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** A row of attention scores on its way to probabilities, in place. Scores of keys that a query does not see are minus infinity. */
final class Scores {
    private Scores() {}

    /** {@code s = cap * tanh(scale * s / cap)} (cap 0: {@code scale * s}); returns the greatest. */
    static float capAndMax(MemorySegment s, long at, int count, float scale, float cap) {
        FloatVector max = all(Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector x = capped(load(s, at + 4L * i), scale, cap);
            store(x, s, at + 4L * i);
            max = max.max(x);
        }
        if (i < count) {
            VectorMask<Float> m = Lanes.first(count - i);
            FloatVector x = capped(load(s, at + 4L * i, m), scale, cap);
            store(x, s, at + 4L * i, m);
            max = max.max(all(Float.NEGATIVE_INFINITY).blend(x, m));
        }
        return Lanes.max(max);
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
        FloatVector sum = Lanes.zero();
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector e = VectorMath.exp(load(s, at + 4L * i).sub(max));
            store(e, s, at + 4L * i);
            sum = sum.add(e);
        }
        if (i < count) {
            VectorMask<Float> m = Lanes.first(count - i);
            FloatVector e = VectorMath.exp(load(s, at + 4L * i, m).sub(max));
            store(e, s, at + 4L * i, m);
            sum = sum.add(Lanes.zero().blend(e, m));
        }
        return Lanes.sum(sum);
    }
}
