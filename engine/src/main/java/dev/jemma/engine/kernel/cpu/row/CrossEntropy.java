package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.Operands;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.VectorMath;
import dev.jemma.engine.kernel.cpu.code.CrossEntropyPasses;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Cross entropy over rows as wide as the vocabulary: each row is cut into chunks of fixed size, so that one row alone
 * keeps all threads busy and sums have the same order for any number of them. S rows, V columns.
 */
public final class CrossEntropy implements AutoCloseable {
    private static final int CHUNK = 1 << 12;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final boolean CODE = CrossEntropyPasses.available();

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task sumTask = this::sumChunk;
    private final ThreadTeam.Task gradientTask = this::gradientChunk;

    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment targets = MemorySegment.NULL;
    /** A maximum and a sum per chunk [S, chunks, 2], then a maximum and an inverse sum per row [S, 2]. */
    private MemorySegment parts = MemorySegment.NULL;

    /** A chunk per member. */
    private MemorySegment capped = MemorySegment.NULL;

    private int v;
    private int chunks;
    private long rowParts;
    private float cap;
    private float inverseCap;
    private float scale;

    /** By the threads of {@code team}, borrowed. */
    public CrossEntropy(ThreadTeam team) {
        this.team = team;
    }

    /** The sum of {@code -log softmax(logits)[target]} over the rows. */
    public double loss(Tensor logits, Tensor wanted, float softcap) {
        x = logits.segment();
        targets = wanted.segment();
        cap = softcap;
        inverseCap = softcap > 0 ? 1 / softcap : 0;
        int rows = Math.toIntExact(logits.dim(0));
        v = Math.toIntExact(logits.dim(1));
        chunks = Math.ceilDiv(v, CHUNK);
        for (int n = 0; n < rows; n++) {
            Operands.index("crossEntropy: target", targets.get(INT, 4L * n), v);
        }
        rowParts = 8L * rows * chunks;
        parts = scratch.atLeast(rowParts + 8L * rows);
        capped = CODE ? MemorySegment.NULL : own.atLeast(4L * CHUNK * team.size());
        team.run(Math.multiplyExact(rows, chunks), sumTask);
        double loss = 0;
        for (int n = 0; n < rows; n++) {
            loss += rowLoss(n);
        }
        return loss;
    }

    /** {@code max + log(sum) - target}, and what {@link #gradientChunk} needs of it. */
    private double rowLoss(int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < chunks; i++) {
            max = Math.max(max, parts.get(Lanes.FLOAT, 8L * (n * chunks + i)));
        }
        double sum = 0;
        for (int i = 0; i < chunks; i++) {
            long at = 8L * (n * chunks + i);
            sum += parts.get(Lanes.FLOAT, at + 4) * StrictMath.exp((double) parts.get(Lanes.FLOAT, at) - max);
        }
        parts.set(Lanes.FLOAT, rowParts + 8L * n, max);
        parts.set(Lanes.FLOAT, rowParts + 8L * n + 4, (float) (1 / sum));
        float target = x.get(Lanes.FLOAT, 4 * ((long) n * v + targets.get(INT, 4L * n)));
        return max + StrictMath.log(sum) - capped(target);
    }

    /** The same; the logits become {@code factor} times its gradient. */
    public double lossAndGradient(Tensor logits, Tensor wanted, float softcap, float factor) {
        double loss = loss(logits, wanted, softcap);
        scale = factor;
        team.run(Math.toIntExact(logits.dim(0)) * chunks, gradientTask);
        return loss;
    }

    private float capped(float logit) {
        return cap > 0 ? cap * (float) StrictMath.tanh(logit * inverseCap) : logit;
    }

    private FloatVector capped(FloatVector logit) {
        return cap > 0 ? VectorMath.tanh(logit.mul(inverseCap)).mul(cap) : logit;
    }

    /** The cap is monotonic: the capped maximum is the maximum capped. */
    private void sumChunk(int index, int member) {
        int row = index / chunks;
        int from = index % chunks * CHUNK;
        int to = Math.min(v, from + CHUNK);
        long at = 4L * row * v;
        if (CODE) {
            long both = CrossEntropyPasses.sums(Addresses.of(x) + at + 4L * from, to - from, cap);
            parts.set(LONG, 8L * index, both);
            return;
        }
        float max = capped(greatest(at, from, to));
        parts.set(Lanes.FLOAT, 8L * index, max);
        parts.set(Lanes.FLOAT, 8L * index + 4, sum(at, from, to, max, member));
    }

    private float greatest(long at, int from, int to) {
        FloatVector greatest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int i = from;
        for (; i + L <= to; i += L) {
            greatest = greatest.max(FloatVector.fromMemorySegment(FLOATS, x, at + 4L * i, ORDER));
        }
        float max = Lanes.max(greatest);
        for (; i < to; i++) {
            max = Math.max(max, x.get(Lanes.FLOAT, at + 4L * i));
        }
        return max;
    }

    /** Caps go to scratch first: cap and exponential in one loop are too large for the compiler to inline all of it. */
    private float sum(long at, int from, int to, float max, int member) {
        MemorySegment source = x;
        long base = at + 4L * from;
        int bound = to - (to - from) % L;
        if (cap > 0) {
            source = capped;
            base = 4L * CHUNK * member;
            cap(x, at + 4L * from, capped, base, bound - from);
        }
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < bound - from; i += L) {
            sum = sum.add(VectorMath.exp(FloatVector.fromMemorySegment(FLOATS, source, base + 4L * i, ORDER)
                    .sub(max)));
        }
        return Lanes.sum(sum) + (bound < to ? tailSum(at, bound, to, max) : 0);
    }

    private void cap(MemorySegment source, long from, MemorySegment target, long to, int count) {
        for (int i = 0; i < count; i += L) {
            FloatVector scaled = FloatVector.fromMemorySegment(FLOATS, source, from + 4L * i, ORDER)
                    .mul(inverseCap);
            VectorMath.tanh(scaled).mul(cap).intoMemorySegment(target, to + 4L * i, ORDER);
        }
    }

    private float tailSum(long at, int i, int to, float max) {
        VectorMask<Float> m = Lanes.first(to - i);
        FloatVector e = VectorMath.exp(capped(FloatVector.fromMemorySegment(FLOATS, x, at + 4L * i, ORDER, m))
                .sub(max));
        return Lanes.sum(FloatVector.zero(FLOATS).blend(e, m));
    }

    private void gradientChunk(int index, int member) {
        int row = index / chunks;
        int from = index % chunks * CHUNK;
        int to = Math.min(v, from + CHUNK);
        long at = 4L * row * v;
        float max = parts.get(Lanes.FLOAT, rowParts + 8L * row);
        float factor = parts.get(Lanes.FLOAT, rowParts + 8L * row + 4) * scale;
        int target = targets.get(INT, 4L * row);
        float targetPart = 0;
        if (target >= from && target < to) {
            float t = capped(x.get(Lanes.FLOAT, at + 4L * target)) * inverseCap;
            targetPart = scale * (1 - t * t);
        }
        if (CODE) {
            CrossEntropyPasses.gradients(Addresses.of(x) + at + 4L * from, to - from, max, factor, cap);
        } else {
            gradients(at + 4L * from, to - from, max, factor);
        }
        if (target >= from && target < to) {
            x.set(Lanes.FLOAT, at + 4L * target, x.get(Lanes.FLOAT, at + 4L * target) - targetPart);
        }
    }

    private void gradients(long at, int count, float max, float factor) {
        int bound = count - count % L;
        if (cap > 0) {
            cap(x, at, x, at, bound);
        }
        cappedGradients(at, bound, max, factor);
        if (bound < count) {
            gradientTail(at + 4L * bound, Lanes.first(count - bound), max, factor);
        }
    }

    /** Of capped logits, in place. */
    private void cappedGradients(long at, int count, float max, float factor) {
        for (int i = 0; i < count; i += L) {
            FloatVector c = FloatVector.fromMemorySegment(FLOATS, x, at + 4L * i, ORDER);
            FloatVector t = c.mul(inverseCap);
            FloatVector g = VectorMath.exp(c.sub(max)).mul(factor);
            g.sub(g.mul(t).mul(t)).intoMemorySegment(x, at + 4L * i, ORDER);
        }
    }

    private void gradientTail(long at, VectorMask<Float> m, float max, float factor) {
        FloatVector c = capped(FloatVector.fromMemorySegment(FLOATS, x, at, ORDER, m));
        FloatVector t = c.mul(inverseCap);
        FloatVector g = VectorMath.exp(c.sub(max)).mul(factor);
        g.sub(g.mul(t).mul(t)).intoMemorySegment(x, at, ORDER, m);
    }

    @Override
    public void close() {
        scratch.close();
        own.close();
    }
}
