package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.Lanes.INTS;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.ORDER;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

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
    private final Scratch own = new Scratch();
    private final Scratch rowsOfMembers = new Scratch();
    private final ThreadTeam.Task task = this::outputs;
    /** Each member's unreduced sums of {@value #OUTPUTS} outputs. */
    private final MemorySegment[] sums;

    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment widened = MemorySegment.NULL;
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
        sums = new MemorySegment[team.size()];
        long stride = Math.max(128, OUTPUTS * BYTES); // members' lines apart
        for (int i = 0; i < sums.length; i++) {
            sums[i] = own.atLeast(stride * sums.length).asSlice(stride * i, OUTPUTS * BYTES);
        }
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
        if (type.isQuantized()) {
            widened = rowsOfMembers.atLeast(4 * inputs * team.size());
        }
        if (type == DType.F32 || type.isQuantized()) {
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
                    case BF16 -> fourBf16(o, n, member);
                    case F32 -> fourF32(o, n, member);
                    case F16, Q8_0, Q4_0 -> {
                        for (int i = 0; i < OUTPUTS; i++) {
                            one(o + i, n, member);
                        }
                    }
                    case I32, I64 -> throw new IllegalArgumentException(type + " is no float");
                }
            }
        }
        for (; o < to; o++) {
            for (int n = 0; n < rows; n++) {
                one(o, n, member);
            }
        }
    }

    private void fourBf16(int o, int n, int member) {
        long stride = 2 * inputs;
        long w0 = o * stride;
        long w1 = w0 + stride;
        long w2 = w1 + stride;
        long w3 = w2 + stride;
        long row = n * xStride;
        FloatVector e0 = FloatVector.zero(FLOATS);
        FloatVector e1 = FloatVector.zero(FLOATS);
        FloatVector e2 = FloatVector.zero(FLOATS);
        FloatVector e3 = FloatVector.zero(FLOATS);
        FloatVector o0 = FloatVector.zero(FLOATS);
        FloatVector o1 = FloatVector.zero(FLOATS);
        FloatVector o2 = FloatVector.zero(FLOATS);
        FloatVector o3 = FloatVector.zero(FLOATS);
        MemorySegment weights = w;
        MemorySegment input = x;
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, input, row + i * 2L * BYTES, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, input, row + BYTES + i * 2L * BYTES, ORDER);
            IntVector pair = IntVector.fromMemorySegment(INTS, weights, w0 + i * BYTES, ORDER);
            FloatVector low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e0 = FMA ? low.fma(even, e0) : low.mul(even).add(e0);
            o0 = FMA ? high.fma(odd, o0) : high.mul(odd).add(o0);
            pair = IntVector.fromMemorySegment(INTS, weights, w1 + i * BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e1 = FMA ? low.fma(even, e1) : low.mul(even).add(e1);
            o1 = FMA ? high.fma(odd, o1) : high.mul(odd).add(o1);
            pair = IntVector.fromMemorySegment(INTS, weights, w2 + i * BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e2 = FMA ? low.fma(even, e2) : low.mul(even).add(e2);
            o2 = FMA ? high.fma(odd, o2) : high.mul(odd).add(o2);
            pair = IntVector.fromMemorySegment(INTS, weights, w3 + i * BYTES, ORDER);
            low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e3 = FMA ? low.fma(even, e3) : low.mul(even).add(e3);
            o3 = FMA ? high.fma(odd, o3) : high.mul(odd).add(o3);
        }
        MemorySegment parts = sums[member];
        e0.add(o0).intoMemorySegment(parts, 0 * BYTES, ORDER);
        e1.add(o1).intoMemorySegment(parts, 1 * BYTES, ORDER);
        e2.add(o2).intoMemorySegment(parts, 2 * BYTES, ORDER);
        e3.add(o3).intoMemorySegment(parts, 3 * BYTES, ORDER);
        finishFour(o, n, parts);
    }

    private void fourF32(int o, int n, int member) {
        long stride = 4 * inputs;
        long w0 = o * stride;
        long w1 = w0 + stride;
        long w2 = w1 + stride;
        long w3 = w2 + stride;
        long row = n * xStride;
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        MemorySegment weights = w;
        MemorySegment input = x;
        int blocks = (int) (inputs / L);
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
        MemorySegment parts = sums[member];
        s0.intoMemorySegment(parts, 0 * BYTES, ORDER);
        s1.intoMemorySegment(parts, 1 * BYTES, ORDER);
        s2.intoMemorySegment(parts, 2 * BYTES, ORDER);
        s3.intoMemorySegment(parts, 3 * BYTES, ORDER);
        finishFour(o, n, parts);
    }

    private void finishFour(int o, int n, MemorySegment parts) {
        for (int i = 0; i < OUTPUTS; i++) {
            finish(o + i, n, Lanes.sum(parts, i * BYTES));
        }
    }

    private float dotBf16(int o, int n, int member) {
        long at = o * 2 * inputs;
        long row = n * xStride;
        FloatVector e = FloatVector.zero(FLOATS);
        FloatVector d = FloatVector.zero(FLOATS);
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            IntVector pair = IntVector.fromMemorySegment(INTS, w, at + i * BYTES, ORDER);
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, x, row + i * 2L * BYTES, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, x, row + BYTES + i * 2L * BYTES, ORDER);
            FloatVector low = pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector high = pair.and(0xFFFF0000).reinterpretAsFloats();
            e = FMA ? low.fma(even, e) : low.mul(even).add(e);
            d = FMA ? high.fma(odd, d) : high.mul(odd).add(d);
        }
        e.add(d).intoMemorySegment(sums[member], 0, ORDER);
        return Lanes.sum(sums[member], 0);
    }

    private float dotF16(int o, int n, int member) {
        long at = o * 2 * inputs;
        long row = n * xStride;
        FloatVector e = FloatVector.zero(FLOATS);
        FloatVector d = FloatVector.zero(FLOATS);
        int blocks = (int) (inputs / (2 * L));
        for (int i = 0; i < blocks; i++) {
            IntVector pair = IntVector.fromMemorySegment(INTS, w, at + i * BYTES, ORDER);
            FloatVector even = FloatVector.fromMemorySegment(FLOATS, x, row + i * 2L * BYTES, ORDER);
            FloatVector odd = FloatVector.fromMemorySegment(FLOATS, x, row + BYTES + i * 2L * BYTES, ORDER);
            FloatVector low = Lanes.evenF16(pair);
            FloatVector high = Lanes.oddF16(pair);
            e = FMA ? low.fma(even, e) : low.mul(even).add(e);
            d = FMA ? high.fma(odd, d) : high.mul(odd).add(d);
        }
        e.add(d).intoMemorySegment(sums[member], 0, ORDER);
        return Lanes.sum(sums[member], 0);
    }

    private float dotF32(MemorySegment weights, long at, int n, int member) {
        long row = n * xStride;
        FloatVector s = FloatVector.zero(FLOATS);
        int blocks = (int) (inputs / L);
        for (int i = 0; i < blocks; i++) {
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, weights, at + i * BYTES, ORDER);
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, row + i * BYTES, ORDER);
            s = FMA ? u.fma(v, s) : u.mul(v).add(s);
        }
        s.intoMemorySegment(sums[member], 0, ORDER);
        return Lanes.sum(sums[member], 0);
    }

    private void one(int o, int n, int member) {
        finish(
                o,
                n,
                switch (type) {
                    case BF16 -> dotBf16(o, n, member);
                    case F16 -> dotF16(o, n, member);
                    case F32 -> dotF32(w, o * 4 * inputs, n, member);
                    case Q8_0, Q4_0 -> {
                        long row = member * 4 * inputs;
                        Widen.row(type, w, o * type.bytes(inputs), 0, inputs, 1, widened, row);
                        yield dotF32(widened, row, n, member);
                    }
                    case I32, I64 -> throw new IllegalArgumentException(type + " is no float");
                });
    }

    /** Adds the inputs that fill no vector, and stores. */
    private void finish(int o, int n, float sum) {
        for (long i = inputs - inputs % (type == DType.F32 || type.isQuantized() ? L : 2 * L); i < inputs; i++) {
            float weight = Widen.get(type, w, o * type.bytes(inputs), i);
            sum = Lanes.fma(weight, x.get(Lanes.FLOAT, n * xStride + 4 * i), sum);
        }
        long at = 4L * (n * (long) outputs + o);
        float value = scale * sum;
        out.set(Lanes.FLOAT, at, write == Write.ADD ? out.get(Lanes.FLOAT, at) + value : value);
    }

    @Override
    public void close() {
        scratch.close();
        own.close();
        rowsOfMembers.close();
    }
}
