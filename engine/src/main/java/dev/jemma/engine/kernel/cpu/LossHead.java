package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.all;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;

import dev.jemma.engine.kernel.Operands;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Cross entropy over rows as wide as the vocabulary: each row is cut into chunks of fixed size, so that one row alone keeps all
 * threads busy and sums have the same order for any number of them. S rows, V columns.
 */
final class LossHead implements AutoCloseable {
    private static final int CHUNK = 1 << 12;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final ThreadTeam.Task sumTask = this::sumChunk;
    private final ThreadTeam.Task gradientTask = this::gradientChunk;

    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment targets = MemorySegment.NULL;
    /** A maximum and a sum a chunk [S, chunks, 2], then a maximum and an inverse sum a row [S, 2]. */
    private MemorySegment parts = MemorySegment.NULL;

    private int v;
    private int chunks;
    private long rowParts;
    private float cap;
    private float scale;

    LossHead(ThreadTeam team) {
        this.team = team;
    }

    double loss(Tensor logits, Tensor wanted, float softcap) {
        x = logits.segment();
        targets = wanted.segment();
        cap = softcap;
        int rows = Math.toIntExact(logits.dim(0));
        v = Math.toIntExact(logits.dim(1));
        chunks = Gemm.ceilDiv(v, CHUNK);
        for (int n = 0; n < rows; n++) {
            Operands.index("crossEntropy: target", targets.get(INT, 4L * n), v);
        }
        rowParts = 8L * rows * chunks;
        parts = scratch.atLeast(rowParts + 8L * rows);
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
        return max + StrictMath.log(sum) - capped(all(target)).lane(0);
    }

    double lossAndGradient(Tensor logits, Tensor wanted, float softcap, float factor) {
        double loss = loss(logits, wanted, softcap);
        scale = factor;
        team.run(Math.toIntExact(logits.dim(0)) * chunks, gradientTask);
        return loss;
    }

    private FloatVector capped(FloatVector logit) {
        return cap > 0 ? VectorMath.tanh(logit.div(cap)).mul(cap) : logit;
    }

    /** The cap is monotonic: the capped maximum is the maximum capped. */
    private void sumChunk(int index, int member) {
        int row = index / chunks;
        int from = index % chunks * CHUNK;
        int to = Math.min(v, from + CHUNK);
        long at = 4L * row * v;
        FloatVector greatest = all(Float.NEGATIVE_INFINITY);
        int i = from;
        for (; i + L <= to; i += L) {
            greatest = greatest.max(load(x, at + 4L * i));
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            greatest = greatest.max(all(Float.NEGATIVE_INFINITY).blend(load(x, at + 4L * i, m), m));
        }
        FloatVector max = capped(all(Lanes.max(greatest)));
        FloatVector sum = Lanes.zero();
        i = from;
        for (; i + L <= to; i += L) {
            sum = sum.add(VectorMath.exp(capped(load(x, at + 4L * i)).sub(max)));
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            FloatVector e = VectorMath.exp(capped(load(x, at + 4L * i, m)).sub(max));
            sum = sum.add(Lanes.zero().blend(e, m));
        }
        parts.set(Lanes.FLOAT, 8L * index, max.lane(0));
        parts.set(Lanes.FLOAT, 8L * index + 4, Lanes.sum(sum));
    }

    private void gradientChunk(int index, int member) {
        int row = index / chunks;
        int from = index % chunks * CHUNK;
        int to = Math.min(v, from + CHUNK);
        long at = 4L * row * v;
        FloatVector max = all(parts.get(Lanes.FLOAT, rowParts + 8L * row));
        FloatVector factor = all(parts.get(Lanes.FLOAT, rowParts + 8L * row + 4) * scale);
        int target = targets.get(INT, 4L * row);
        float targetPart = 0;
        if (target >= from && target < to) {
            targetPart = scale
                    * slope(capped(all(x.get(Lanes.FLOAT, at + 4L * target)))).lane(0);
        }
        int i = from;
        for (; i + L <= to; i += L) {
            FloatVector c = capped(load(x, at + 4L * i));
            store(VectorMath.exp(c.sub(max)).mul(factor).mul(slope(c)), x, at + 4L * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            FloatVector c = capped(load(x, at + 4L * i, m));
            store(VectorMath.exp(c.sub(max)).mul(factor).mul(slope(c)), x, at + 4L * i, m);
        }
        if (target >= from && target < to) {
            x.set(Lanes.FLOAT, at + 4L * target, x.get(Lanes.FLOAT, at + 4L * target) - targetPart);
        }
    }

    /** {@code 1 - (c / cap)^2}. */
    private FloatVector slope(FloatVector c) {
        FloatVector t = c.div(cap);
        return cap > 0 ? all(1f).sub(t.mul(t)) : all(1f);
    }

    @Override
    public void close() {
        scratch.close();
    }
}
