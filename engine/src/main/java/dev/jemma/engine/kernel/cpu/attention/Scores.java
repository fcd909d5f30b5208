package dev.jemma.engine.kernel.cpu.attention;

import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.VectorMath;
import dev.jemma.engine.kernel.cpu.code.SoftmaxPasses;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.tensor.Conversion;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * A row of attention scores on its way to probabilities and, in the backward, to their gradients; by machine code where
 * the CPU allows it. A cap of 0 is none. Offsets are bytes, counts elements. Methods that write bf16 may overwrite the
 * f32 rows that they read.
 */
final class Scores {
    private static final boolean CODE = SoftmaxPasses.available();
    private static final boolean BF16_CODE = CODE && CpuFeatures.ofThisMachine().bf16();
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Scores() {}

    /**
     * {@code s = cap * tanh(scale * s / cap)} (cap 0: {@code scale * s}); returns the greatest. Minus infinity, the
     * score of a key that the query does not see, stays.
     */
    static float capAndMax(MemorySegment s, long at, int count, float scale, float cap) {
        return CODE
                ? SoftmaxPasses.capAndMax(row(s, at, count), count, scale, cap)
                : vectorCapAndMax(s, at, count, scale, cap);
    }

    /** {@code s = e^(s - max)}; returns the sum. */
    static float exp(MemorySegment s, long at, int count, float max) {
        if (CODE) {
            long address = row(s, at, count);
            return SoftmaxPasses.exp(address, address, count, max);
        }
        return vectorExp(s, at, count, max);
    }

    /** {@code to = bf16(e^(s - max))}; returns the sum of what was not yet rounded. */
    static float expBf16(MemorySegment s, long at, int count, float max, MemorySegment to, long toAt) {
        if (BF16_CODE) {
            return SoftmaxPasses.expBf16(row(s, at, count), Addresses.of(to, toAt, 2L * count), count, max);
        }
        float sum = exp(s, at, count, max);
        round(s, at, count, to, toAt);
        return sum;
    }

    /**
     * In place, of {@code count} elements from {@code from} on of row {@code row}, keys that the query sees: the scores
     * become {@code P = e^(capped S - lse)}, dP becomes {@code dS = P (dP - delta) cap'(S) scale}.
     */
    static void gradients(ScoreGradients block, int row, int from, int count, float lse, float delta) {
        MemorySegment s = block.scores().memory();
        long at = block.scores().at(row) + 4L * from;
        MemorySegment dP = block.dProbabilities().memory();
        long dAt = block.dProbabilities().at(row) + 4L * from;
        AttentionShape shape = block.shape();
        if (CODE) {
            long p = row(s, at, count);
            long dS = row(dP, dAt, count);
            SoftmaxPasses.gradients(p, dS, p, dS, count, shape.scale(), shape.softcap(), lse, delta);
        } else {
            vectorGradients(s, at, dP, dAt, count, shape, lse, delta);
        }
    }

    /** The same, written to the block's P and dS as bf16. */
    static void gradientsBf16(ScoreGradients block, int row, int from, int count, float lse, float delta) {
        MemorySegment s = block.scores().memory();
        long at = block.scores().at(row) + 4L * from;
        MemorySegment dP = block.dProbabilities().memory();
        long dAt = block.dProbabilities().at(row) + 4L * from;
        MemorySegment p = block.probabilities().memory();
        long pAt = block.probabilities().at(row) + 2L * from;
        MemorySegment dS = block.dScores().memory();
        long dSAt = block.dScores().at(row) + 2L * from;
        if (BF16_CODE) {
            SoftmaxPasses.gradientsBf16(
                    row(s, at, count),
                    row(dP, dAt, count),
                    Addresses.of(p, pAt, 2L * count),
                    Addresses.of(dS, dSAt, 2L * count),
                    count,
                    block.shape().scale(),
                    block.shape().softcap(),
                    lse,
                    delta);
            return;
        }
        gradients(block, row, from, count, lse, delta);
        round(s, at, count, p, pAt);
        round(dP, dAt, count, dS, dSAt);
    }

    private static long row(MemorySegment s, long at, int count) {
        return Addresses.of(s, at, 4L * count);
    }

    private static void round(MemorySegment s, long at, int count, MemorySegment to, long toAt) {
        for (int i = 0; i < count; i++) {
            to.set(SHORT, toAt + 2L * i, Conversion.bfloat16(s.get(Lanes.FLOAT, at + 4L * i)));
        }
    }

    // ---- the same with the Vector API

    static float vectorCapAndMax(MemorySegment s, long at, int count, float scale, float cap) {
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
        if (cap == 0) {
            return score.mul(scale);
        }
        VectorMask<Float> hidden = score.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY);
        return VectorMath.tanh(score.mul(scale / cap)).mul(cap).blend(Float.NEGATIVE_INFINITY, hidden);
    }

    static float vectorExp(MemorySegment s, long at, int count, float max) {
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

    static void vectorGradients(
            MemorySegment s,
            long at,
            MemorySegment dP,
            long dAt,
            int count,
            AttentionShape shape,
            float lse,
            float delta) {
        float scale = shape.scale();
        float cap = shape.softcap();
        float inverseCap = cap == 0 ? 0 : 1 / cap;
        int i = 0;
        for (; i + L <= count; i += L) {
            FloatVector c = capped(FloatVector.fromMemorySegment(FLOATS, s, at + 4L * i, ORDER), scale, cap);
            FloatVector p = VectorMath.exp(c.sub(lse));
            p.intoMemorySegment(s, at + 4L * i, ORDER);
            FloatVector t = c.mul(inverseCap);
            p.mul(FloatVector.fromMemorySegment(FLOATS, dP, dAt + 4L * i, ORDER).sub(delta))
                    .mul(FloatVector.broadcast(FLOATS, 1f).sub(t.mul(t)).mul(scale))
                    .intoMemorySegment(dP, dAt + 4L * i, ORDER);
        }
        if (i < count) {
            gradientTail(s, at + 4L * i, dP, dAt + 4L * i, count - i, shape, lse, delta);
        }
    }

    private static void gradientTail(
            MemorySegment s,
            long at,
            MemorySegment dP,
            long dAt,
            int count,
            AttentionShape shape,
            float lse,
            float delta) {
        VectorMask<Float> m = Lanes.first(count);
        FloatVector c = capped(FloatVector.fromMemorySegment(FLOATS, s, at, ORDER, m), shape.scale(), shape.softcap());
        FloatVector p = VectorMath.exp(c.sub(lse));
        p.intoMemorySegment(s, at, ORDER, m);
        FloatVector t = c.mul(shape.softcap() == 0 ? 0 : 1 / shape.softcap());
        p.mul(FloatVector.fromMemorySegment(FLOATS, dP, dAt, ORDER, m).sub(delta))
                .mul(FloatVector.broadcast(FLOATS, 1f).sub(t.mul(t)).mul(shape.scale()))
                .intoMemorySegment(dP, dAt, ORDER, m);
    }
}
