package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.loadInts;
import static dev.jemma.engine.kernel.cpu.Lanes.zero;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@code out = scale * x W^T} for the few rows of a decoding step: every weight is read once, in place, so this runs at the speed
 * of memory.
 *
 * <p>16-bit weights are loaded as pairs in ints, whose halves become two vectors by a shift and a mask; x is laid out beforehand in
 * the same order, evens and odds of every 2 L elements apart. Four outputs are computed at a time, each with two accumulators.
 */
final class Gemv implements AutoCloseable {
    /** Rows up to which reading the weights costs more than the arithmetic. */
    static final int MAX_ROWS = 4;

    private static final int OUTPUTS = 4;
    /** Products below which waking the team costs more than it saves. */
    private static final long ALONE = 1 << 15;

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final ThreadTeam.Task task = this::outputs;

    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private DType type = DType.F32;
    private Write write = Write.SET;
    private float scale;
    private int rows;
    private int outputs;
    private int outputsAChunk;
    private long inputs;
    private long xStride;

    Gemv(ThreadTeam team) {
        this.team = team;
    }

    /** out [N, O], input [N, I], weight [O, I]. */
    void multiply(Tensor result, Tensor input, Tensor weight, float factor, Write mode) {
        rows = Math.toIntExact(input.dim(0));
        inputs = input.dim(1);
        outputs = Math.toIntExact(weight.dim(0));
        w = weight.segment();
        type = weight.dtype();
        out = result.segment();
        scale = factor;
        write = mode;
        arrange(input.segment());
        long work = rows * inputs * outputs;
        int groups = Gemm.ceilDiv(outputs, OUTPUTS);
        int chunks = work < ALONE ? 1 : (int) Math.min(groups, Math.max(team.size() * 8L, work / (1 << 18)));
        outputsAChunk = Gemm.ceilDiv(groups, chunks) * OUTPUTS;
        team.run(Gemm.ceilDiv(outputs, outputsAChunk), task);
    }

    /** Lays out the vectorized part of x for the weights' type; F32 weights take it as it is. */
    private void arrange(MemorySegment input) {
        if (type == DType.F32) {
            x = input;
            xStride = 4 * inputs;
            return;
        }
        x = scratch.atLeast(4 * rows * inputs);
        xStride = 4 * inputs;
        long bound = inputs - inputs % (2 * L);
        for (int n = 0; n < rows; n++) {
            long row = n * xStride;
            for (long i = 0; i < bound; i += 2 * L) {
                for (int lane = 0; lane < L; lane++) {
                    x.set(Lanes.FLOAT, row + 4 * (i + lane), input.get(Lanes.FLOAT, row + 4 * (i + 2 * lane)));
                    x.set(Lanes.FLOAT, row + 4 * (i + L + lane), input.get(Lanes.FLOAT, row + 4 * (i + 2 * lane + 1)));
                }
            }
            for (long i = bound; i < inputs; i++) {
                x.set(Lanes.FLOAT, row + 4 * i, input.get(Lanes.FLOAT, row + 4 * i));
            }
        }
    }

    private void outputs(int chunk, int member) {
        int from = chunk * outputsAChunk;
        int to = Math.min(outputs, from + outputsAChunk);
        int o = from;
        for (; o + OUTPUTS <= to; o += OUTPUTS) {
            for (int n = 0; n < rows; n++) {
                switch (type) {
                    case BF16 -> fourBf16(o, n);
                    case F16 -> fourF16(o, n);
                    case F32 -> fourF32(o, n);
                    case I32, I64 -> throw new IllegalArgumentException("I32 is no float");
                }
            }
        }
        for (; o < to; o++) {
            for (int n = 0; n < rows; n++) {
                one(o, n);
            }
        }
    }

    private void fourBf16(int o, int n) {
        long stride = 2 * inputs;
        long w0 = o * stride;
        long w1 = w0 + stride;
        long w2 = w1 + stride;
        long w3 = w2 + stride;
        long row = n * xStride;
        FloatVector e0 = zero();
        FloatVector e1 = zero();
        FloatVector e2 = zero();
        FloatVector e3 = zero();
        FloatVector o0 = zero();
        FloatVector o1 = zero();
        FloatVector o2 = zero();
        FloatVector o3 = zero();
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            FloatVector even = load(x, row + i * 2L * BYTES);
            FloatVector odd = load(x, row + BYTES + i * 2L * BYTES);
            IntVector pair = loadInts(w, w0 + i * BYTES);
            e0 = fma(Lanes.evenBf16(pair), even, e0);
            o0 = fma(Lanes.oddBf16(pair), odd, o0);
            pair = loadInts(w, w1 + i * BYTES);
            e1 = fma(Lanes.evenBf16(pair), even, e1);
            o1 = fma(Lanes.oddBf16(pair), odd, o1);
            pair = loadInts(w, w2 + i * BYTES);
            e2 = fma(Lanes.evenBf16(pair), even, e2);
            o2 = fma(Lanes.oddBf16(pair), odd, o2);
            pair = loadInts(w, w3 + i * BYTES);
            e3 = fma(Lanes.evenBf16(pair), even, e3);
            o3 = fma(Lanes.oddBf16(pair), odd, o3);
        }
        finish(o, n, Lanes.sum(e0.add(o0)));
        finish(o + 1, n, Lanes.sum(e1.add(o1)));
        finish(o + 2, n, Lanes.sum(e2.add(o2)));
        finish(o + 3, n, Lanes.sum(e3.add(o3)));
    }

    private void fourF16(int o, int n) {
        finish(o, n, dotF16(o, n));
        finish(o + 1, n, dotF16(o + 1, n));
        finish(o + 2, n, dotF16(o + 2, n));
        finish(o + 3, n, dotF16(o + 3, n));
    }

    private float dotF16(int o, int n) {
        long at = o * 2 * inputs;
        long row = n * xStride;
        FloatVector e = zero();
        FloatVector d = zero();
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            IntVector pair = loadInts(w, at + i * BYTES);
            e = fma(Lanes.evenF16(pair), load(x, row + i * 2L * BYTES), e);
            d = fma(Lanes.oddF16(pair), load(x, row + BYTES + i * 2L * BYTES), d);
        }
        return Lanes.sum(e.add(d));
    }

    private float dotBf16(int o, int n) {
        long at = o * 2 * inputs;
        long row = n * xStride;
        FloatVector e = zero();
        FloatVector d = zero();
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            IntVector pair = loadInts(w, at + i * BYTES);
            e = fma(Lanes.evenBf16(pair), load(x, row + i * 2L * BYTES), e);
            d = fma(Lanes.oddBf16(pair), load(x, row + BYTES + i * 2L * BYTES), d);
        }
        return Lanes.sum(e.add(d));
    }

    private void fourF32(int o, int n) {
        long stride = 4 * inputs;
        long w0 = o * stride;
        long w1 = w0 + stride;
        long w2 = w1 + stride;
        long w3 = w2 + stride;
        long row = n * xStride;
        FloatVector s0 = zero();
        FloatVector s1 = zero();
        FloatVector s2 = zero();
        FloatVector s3 = zero();
        int blocks = (int) (inputs / L);
        for (int i = 0; i < blocks; i++) {
            FloatVector v = load(x, row + i * BYTES);
            s0 = fma(load(w, w0 + i * BYTES), v, s0);
            s1 = fma(load(w, w1 + i * BYTES), v, s1);
            s2 = fma(load(w, w2 + i * BYTES), v, s2);
            s3 = fma(load(w, w3 + i * BYTES), v, s3);
        }
        finish(o, n, Lanes.sum(s0));
        finish(o + 1, n, Lanes.sum(s1));
        finish(o + 2, n, Lanes.sum(s2));
        finish(o + 3, n, Lanes.sum(s3));
    }

    private float dotF32(int o, int n) {
        FloatVector s = zero();
        int blocks = (int) (inputs / L);
        for (int i = 0; i < blocks; i++) {
            s = fma(load(w, o * 4 * inputs + i * BYTES), load(x, n * xStride + i * BYTES), s);
        }
        return Lanes.sum(s);
    }

    private void one(int o, int n) {
        finish(
                o,
                n,
                switch (type) {
                    case BF16 -> dotBf16(o, n);
                    case F16 -> dotF16(o, n);
                    case F32 -> dotF32(o, n);
                    case I32, I64 -> throw new IllegalArgumentException("I32 is no float");
                });
    }

    /** Adds the inputs that fill no vector, and stores. */
    private void finish(int o, int n, float sum) {
        for (long i = inputs - inputs % (type == DType.F32 ? L : 2 * L); i < inputs; i++) {
            float weight = Widen.get(type, w, type.bytes() * (o * inputs + i));
            sum = Lanes.fma(weight, x.get(Lanes.FLOAT, n * xStride + 4 * i), sum);
        }
        long at = 4L * (n * (long) outputs + o);
        float value = scale * sum;
        out.set(Lanes.FLOAT, at, write == Write.ADD ? out.get(Lanes.FLOAT, at) + value : value);
    }

    @Override
    public void close() {
        scratch.close();
    }
}
