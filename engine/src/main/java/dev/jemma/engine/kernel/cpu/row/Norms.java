package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.all;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;
import static dev.jemma.engine.kernel.cpu.base.Lanes.zero;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.kernel.cpu.code.RowNorms;
import dev.jemma.engine.kernel.cpu.code.Widening;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** RMSNorm over rows and its backward, and sums of squares. D is the row's length. */
public final class Norms implements AutoCloseable {
    private static final int ELEMENTS_PER_CHUNK = 1 << 13;
    /** Elements whose squares are summed in f32 lanes before they join a double. */
    private static final int SQUARES_PER_CHUNK = 1 << 12;

    private static final boolean CODE = RowNorms.available();

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final Scratch partial = new Scratch();
    private final ThreadTeam.Task forwardTask = this::forwardRows;
    private final ThreadTeam.Task backwardTask = this::backwardRows;
    private final ThreadTeam.Task squaresTask = this::squares;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment in = MemorySegment.NULL;
    private MemorySegment dOut = MemorySegment.NULL;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment sums = MemorySegment.NULL;
    private Write write = Write.SET;
    private float epsilon;
    private int d;
    private int rows;
    private int rowsPerChunk;
    private long elements;

    /** By the threads of {@code team}, borrowed. */
    public Norms(ThreadTeam team) {
        this.team = team;
    }

    /** {@code out = x / sqrt(mean(x^2) + eps) * (1 + weight)} of each row. */
    public void forward(Tensor result, Tensor x, Tensor weight, float eps) {
        out = result.segment();
        prepare(x, weight, eps);
        team.run(Math.ceilDiv(rows, rowsPerChunk), forwardTask);
    }

    /** The gradient of x, set or added. */
    public void backward(Tensor dX, Tensor dResult, Tensor x, Tensor weight, float eps, Write mode) {
        out = dX.segment();
        dOut = dResult.segment();
        write = mode;
        prepare(x, weight, eps);
        team.run(Math.ceilDiv(rows, rowsPerChunk), backwardTask);
    }

    /** Widens 1 + w once; it is short. */
    private void prepare(Tensor x, Tensor weight, float eps) {
        in = x.segment();
        epsilon = eps;
        rows = Math.toIntExact(x.dim(0));
        d = Math.toIntExact(x.dim(1));
        rowsPerChunk = Math.max(1, ELEMENTS_PER_CHUNK / Math.max(1, d));
        w = scratch.atLeast(4L * d);
        if (Widening.takes(weight.dtype())) {
            long from = Addresses.ofMapped(weight.segment(), 0, weight.segment().byteSize());
            Widening.onePlus(weight.dtype(), from, w.address(), d);
            return;
        }
        Widen.row(weight.dtype(), weight.segment(), 0, 0, d, 1, w, 0);
        for (int i = 0; i < d; i++) {
            w.set(Lanes.FLOAT, 4L * i, 1 + w.get(Lanes.FLOAT, 4L * i));
        }
    }

    private void forwardRows(int chunk, int member) {
        int from = chunk * rowsPerChunk;
        int to = Math.min(rows, from + rowsPerChunk);
        if (CODE && d > 0) {
            long at = 4L * from * d;
            RowNorms.forward(Addresses.of(out) + at, Addresses.of(in) + at, w.address(), d, to - from, epsilon);
            return;
        }
        for (int row = from; row < to; row++) {
            forwardRow(4L * row * d);
        }
    }

    private void forwardRow(long at) {
        FloatVector s = all(inverseRms(at));
        int i = 0;
        for (; i + L <= d; i += L) {
            store(load(in, at + 4L * i).mul(s).mul(load(w, 4L * i)), out, at + 4L * i);
        }
        if (i < d) {
            VectorMask<Float> m = Lanes.first(d - i);
            store(load(in, at + 4L * i, m).mul(s).mul(load(w, 4L * i, m)), out, at + 4L * i, m);
        }
    }

    private float inverseRms(long at) {
        return (float) (1 / Math.sqrt(sumOfSquares(in, at, d) / (double) d + epsilon));
    }

    private static float sumOfSquares(MemorySegment x, long at, int count) {
        FloatVector a = zero();
        FloatVector b = zero();
        int i = 0;
        for (; i + 2 * L <= count; i += 2 * L) {
            FloatVector u = load(x, at + 4L * i);
            FloatVector v = load(x, at + 4L * (i + L));
            a = fma(u, u, a);
            b = fma(v, v, b);
        }
        for (; i < count; i += L) {
            FloatVector u = load(x, at + 4L * i, Lanes.first(count - i));
            a = fma(u, u, a);
        }
        return Lanes.sum(a.add(b));
    }

    private void backwardRows(int chunk, int member) {
        int from = chunk * rowsPerChunk;
        int to = Math.min(rows, from + rowsPerChunk);
        if (CODE && d > 0) {
            long at = 4L * from * d;
            RowNorms.backward(
                    Addresses.of(out) + at,
                    Addresses.of(dOut) + at,
                    Addresses.of(in) + at,
                    w.address(),
                    d,
                    to - from,
                    epsilon,
                    write);
            return;
        }
        for (int row = from; row < to; row++) {
            backwardRow(4L * row * d);
        }
    }

    /** With {@code s = 1 / rms}, {@code g = dOut (1 + w)}: {@code dX = s g - x * s^3 / D * sum(g x)}. */
    private void backwardRow(long at) {
        float s = inverseRms(at);
        FloatVector dots = zero();
        int i = 0;
        for (; i + L <= d; i += L) {
            FloatVector g = load(dOut, at + 4L * i).mul(load(w, 4L * i));
            dots = fma(g, load(in, at + 4L * i), dots);
        }
        if (i < d) {
            VectorMask<Float> m = Lanes.first(d - i);
            dots = fma(load(dOut, at + 4L * i, m).mul(load(w, 4L * i, m)), load(in, at + 4L * i, m), dots);
        }
        FloatVector scale = all(s);
        FloatVector pull = all((float) -((double) s * s * s / d * Lanes.sum(dots)));
        for (i = 0; i + L <= d; i += L) {
            FloatVector g = load(dOut, at + 4L * i).mul(load(w, 4L * i));
            FloatVector dX = fma(load(in, at + 4L * i), pull, g.mul(scale));
            store(write == Write.ADD ? load(out, at + 4L * i).add(dX) : dX, out, at + 4L * i);
        }
        if (i < d) {
            VectorMask<Float> m = Lanes.first(d - i);
            FloatVector g = load(dOut, at + 4L * i, m).mul(load(w, 4L * i, m));
            FloatVector dX = fma(load(in, at + 4L * i, m), pull, g.mul(scale));
            store(write == Write.ADD ? load(out, at + 4L * i, m).add(dX) : dX, out, at + 4L * i, m);
        }
    }

    /** The sum of all squares: f32 within a chunk of fixed size, double across chunks in order. */
    public double sumOfSquares(Tensor x) {
        in = x.segment();
        elements = x.elements();
        int chunks = Math.toIntExact((elements + SQUARES_PER_CHUNK - 1) / SQUARES_PER_CHUNK);
        sums = partial.atLeast(4L * chunks);
        team.run(chunks, squaresTask);
        double sum = 0;
        for (int i = 0; i < chunks; i++) {
            sum += sums.get(Lanes.FLOAT, 4L * i);
        }
        return sum;
    }

    private void squares(int chunk, int member) {
        long from = (long) chunk * SQUARES_PER_CHUNK;
        int count = (int) Math.min(SQUARES_PER_CHUNK, elements - from);
        float sum =
                CODE ? RowNorms.sumOfSquares(Addresses.of(in) + 4 * from, count) : sumOfSquares(in, 4 * from, count);
        sums.set(Lanes.FLOAT, 4L * chunk, sum);
    }

    @Override
    public void close() {
        scratch.close();
        partial.close();
    }
}
