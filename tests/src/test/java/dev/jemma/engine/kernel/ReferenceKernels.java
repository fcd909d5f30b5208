package dev.jemma.engine.kernel;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.Int8Tile;
import dev.jemma.engine.kernel.cpu.code.NibbleDots;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * {@link ReferenceMath} over host tensors: slow, scalar, in doubles, each output element rounded once. What all
 * backends are compared with.
 */
public final class ReferenceKernels implements Kernels {
    private final Arithmetic arithmetic;

    /** In f32. */
    public ReferenceKernels() {
        this(Arithmetic.F32);
    }

    /** With the roundings of {@code arithmetic}. */
    public ReferenceKernels(Arithmetic arithmetic) {
        this.arithmetic = arithmetic;
    }

    @Override
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    /** A factor of a product with a frozen weight. */
    private double[] factor(Tensor x) {
        double[] values = d(x);
        if (arithmetic == Arithmetic.BF16) {
            for (int i = 0; i < values.length; i++) {
                values[i] = Conversion.rounded((float) values[i], DType.BF16);
            }
        }
        return values;
    }

    /** Blocks of 32 as {@link BlockDots} has them: a scale of the greatest magnitude / 127. */
    private static double[] quantized(Tensor x) {
        double[] values = d(x);
        for (int from = 0; from < values.length; from += 32) {
            float greatest = 1e-30f;
            for (int i = from; i < from + 32; i++) {
                greatest = Math.max(greatest, (float) Math.abs(values[i]));
            }
            for (int i = from; i < from + 32; i++) {
                values[i] = Math.rint((float) values[i] * (127 / greatest)) * (greatest / 127);
            }
        }
        return values;
    }

    private static double[] d(Tensor x) {
        return Elements.of(x);
    }

    private static int n(Tensor x, int dim) {
        return Math.toIntExact(x.dim(dim));
    }

    private static void put(Tensor out, double[] values) {
        Elements.set(out, values);
    }

    private static void plus(Tensor out, double[] values) {
        Elements.set(out, ReferenceMath.add(d(out), values));
    }

    private static void put(Tensor out, double[] values, Write write) {
        switch (write) {
            case SET -> put(out, values);
            case ADD -> plus(out, values);
        }
    }

    @Override
    public Slab slab(long bytes) {
        return new HostSlab(bytes);
    }

    @Override
    public void write(Tensor target, int[] source, int from, int length) {
        for (int i = 0; i < length; i++) {
            target.segment().set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, source[from + i]);
        }
    }

    @Override
    public void write(Tensor target, float[] source, int from, int length) {
        for (int i = 0; i < length; i++) {
            target.segment().set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, source[from + i]);
        }
    }

    @Override
    public void read(Tensor source, float[] target) {
        double[] values = d(source);
        for (int i = 0; i < values.length; i++) {
            target[i] = (float) values[i];
        }
    }

    @Override
    public void zero(Tensor x) {
        x.segment().fill((byte) 0);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        out.segment().copyFrom(x.segment());
    }

    @Override
    public void embed(Tensor out, Tensor table, Tensor ids, float scale) {
        // One row at a time: a table of 262,144 rows need not become doubles to read a few of them.
        int[] rows = Elements.ints(ids);
        for (int i = 0; i < rows.length; i++) {
            put(out.rows(i, i + 1), ReferenceMath.scale(d(table.rows(rows[i], rows[i] + 1)), scale));
        }
    }

    @Override
    public void embedLowRank(Tensor out, LowRank adapter, Tensor ids, float outScale) {
        double scale = (double) outScale * adapter.scale();
        plus(
                out,
                ReferenceMath.embedLowRank(
                        d(adapter.a()),
                        d(adapter.b()),
                        Elements.ints(ids),
                        adapter.rank(),
                        n(adapter.a(), 1),
                        n(out, 1),
                        scale));
    }

    @Override
    public void embedLowRankBackward(Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor ids, float outScale) {
        double scale = (double) outScale * adapter.scale();
        int r = adapter.rank();
        int v = n(adapter.a(), 1);
        int c = n(dOut, 1);
        int[] rows = Elements.ints(ids);
        plus(dA, ReferenceMath.embedLowRankGradA(d(dOut), d(adapter.b()), rows, r, v, c, scale));
        plus(dB, ReferenceMath.embedLowRankGradB(d(dOut), d(adapter.a()), rows, r, v, c, scale));
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
        put(out, ReferenceMath.rmsNorm(d(x), d(weight), eps));
    }

    @Override
    public void rmsNormBackward(Tensor dX, Tensor dOut, Tensor x, Tensor weight, float eps, Write write) {
        put(dX, ReferenceMath.rmsNormBackward(d(dOut), d(x), d(weight), eps), write);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        put(out, ReferenceMath.add(d(a), d(b)));
    }

    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Write write) {
        boolean few = n(x, 0) <= 4;
        boolean blocks = arithmetic.quantizesActivations() && inInt8(weight, few);
        double[] left = blocks ? quantized(x) : few ? d(x) : factor(x);
        double[] right = blocks || few ? d(weight) : factor(weight);
        put(out, ReferenceMath.timesTransposed(left, right, n(x, 0), n(weight, 1), n(weight, 0)), write);
    }

    /** Whether machine code of the CPU's kernels multiplies few rows, or many, with such a weight in int8. */
    private static boolean inInt8(Tensor weight, boolean few) {
        if (!few) {
            return weight.dtype().isQuantized() && Int8Tile.available();
        }
        return switch (weight.dtype()) {
            case Q8_0 -> n(weight, 0) >= BlockDots.ROWS && BlockDots.available();
            case Q4_0 ->
                n(weight, 0) >= NibbleDots.ROWS && n(weight, 1) % NibbleDots.STEP == 0 && NibbleDots.available();
            case F32, F16, BF16, I32, I64 -> false;
        };
    }

    @Override
    public void linearBackward(Tensor dX, Tensor dOut, Tensor weight, Write write) {
        put(dX, ReferenceMath.times(factor(dOut), factor(weight), n(dOut, 0), n(weight, 0), n(weight, 1)), write);
    }

    @Override
    public void lowRank(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        int rows = n(x, 0);
        int r = adapter.rank();
        double[] product = ReferenceMath.timesTransposed(d(x), d(adapter.a()), rows, n(x, 1), r);
        put(xa, product);
        plus(
                out,
                ReferenceMath.scale(
                        ReferenceMath.timesTransposed(product, d(adapter.b()), rows, r, n(out, 1)), adapter.scale()));
    }

    @Override
    public void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor scratch) {
        int rows = n(x, 0);
        int in = n(x, 1);
        int out = n(dOut, 1);
        int r = adapter.rank();
        double[] g = ReferenceMath.scale(ReferenceMath.times(d(dOut), d(adapter.b()), rows, out, r), adapter.scale());
        put(scratch, g);
        double[] dOutTransposed = ReferenceMath.transposed(d(dOut), rows, out);
        plus(dA, ReferenceMath.times(ReferenceMath.transposed(g, rows, r), d(x), r, rows, in));
        plus(dB, ReferenceMath.scale(ReferenceMath.times(dOutTransposed, d(xa), out, rows, r), adapter.scale()));
        plus(dX, ReferenceMath.times(g, d(adapter.a()), rows, r, in));
    }

    @Override
    public void dropout(Tensor out, Tensor x, float p, long seed) {
        put(out, ReferenceMath.dropout(d(x), p, seed));
    }

    @Override
    public void dropoutBackward(Tensor dX, Tensor dOut, float p, long seed) {
        plus(dX, ReferenceMath.dropout(d(dOut), p, seed));
    }

    @Override
    public void rope(Tensor x, RopeTable table, int headDim, Span[] spans) {
        put(x, ReferenceMath.rope(d(x), d(table.cos()), d(table.sin()), n(x, 1), headDim, spans, 1));
    }

    @Override
    public void ropeBackward(Tensor dX, RopeTable table, int headDim, Span[] spans) {
        put(dX, ReferenceMath.rope(d(dX), d(table.cos()), d(table.sin()), n(dX, 1), headDim, spans, -1));
    }

    @Override
    public void cacheRows(Tensor cache, Tensor x, Span[] spans) {
        for (Span span : spans) {
            for (int i = 0; i < span.length(); i++) {
                int to = span.keyRowOf(span.position() + i);
                int from = span.row() + i;
                copy(cache.rows(to, to + 1), x.rows(from, from + 1));
            }
        }
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionShape shape, Span[] spans) {
        double[] o = d(out);
        double[] l = d(lse);
        ReferenceMath.attention(o, l, d(q), d(k), d(v), shape, spans);
        put(out, o);
        put(lse, l);
    }

    @Override
    public void attentionBackward(
            Tensor dQ,
            Tensor dK,
            Tensor dV,
            Tensor dOut,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor k,
            Tensor v,
            AttentionShape shape,
            Span[] spans) {
        double[] gradQ = d(dQ);
        double[] gradK = d(dK);
        double[] gradV = d(dV);
        for (Span span : spans) {
            int from = span.row();
            int to = from + span.length();
            clearRows(gradQ, n(dQ, 1), from, to);
            clearRows(gradK, n(dK, 1), from, to);
            clearRows(gradV, n(dV, 1), from, to);
        }
        ReferenceMath.attentionBackward(gradQ, gradK, gradV, d(dOut), d(q), d(k), d(v), shape, spans);
        put(dQ, gradQ);
        put(dK, gradK);
        put(dV, gradV);
    }

    private static void clearRows(double[] x, int columns, int from, int to) {
        Arrays.fill(x, from * columns, to * columns, 0);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        put(out, ReferenceMath.geglu(d(gate), d(up)));
    }

    @Override
    public void gegluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
        double[] gradGate = ReferenceMath.gegluGradGate(d(dOut), d(gate), d(up));
        double[] gradUp = ReferenceMath.gegluGradUp(d(dOut), d(gate));
        put(dGate, gradGate);
        put(dUp, gradUp);
    }

    @Override
    public void gatherRows(Tensor out, Tensor x, Tensor rows) {
        int[] from = Elements.ints(rows);
        for (int i = 0; i < from.length; i++) {
            copy(out.rows(i, i + 1), x.rows(from[i], from[i] + 1));
        }
    }

    @Override
    public void gatherRowsBackward(Tensor dX, Tensor dOut, Tensor rows) {
        int[] to = Elements.ints(rows);
        for (int i = 0; i < to.length; i++) {
            plus(dX.rows(to[i], to[i] + 1), d(dOut.rows(i, i + 1)));
        }
    }

    @Override
    public void softcap(Tensor x, float cap) {
        put(x, ReferenceMath.softcap(d(x), cap));
    }

    @Override
    public double crossEntropy(Tensor logits, Tensor targets, float softcap) {
        return ReferenceMath.crossEntropy(d(logits), Elements.ints(targets), softcap);
    }

    @Override
    public double crossEntropyBackward(Tensor logits, Tensor targets, float softcap, float scale) {
        double[] values = d(logits);
        int[] wanted = Elements.ints(targets);
        put(logits, ReferenceMath.crossEntropyBackward(values, wanted, softcap, scale));
        return ReferenceMath.crossEntropy(values, wanted, softcap);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        double sum = 0;
        for (double v : d(x)) {
            sum += v * v;
        }
        return sum;
    }

    @Override
    public void adamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step) {
        double[] p = d(parameter);
        double[] g = d(gradient);
        double[] m = d(first);
        double[] v = d(second);
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = Math.sqrt(1 - Math.pow(step.beta2(), step.step()));
        for (int i = 0; i < p.length; i++) {
            double grad = g[i] * step.gradientScale();
            m[i] = step.beta1() * m[i] + (1 - step.beta1()) * grad;
            v[i] = step.beta2() * v[i] + (1 - step.beta2()) * grad * grad;
            p[i] *= 1 - step.learningRate() * step.weightDecay();
            p[i] -= step.learningRate() / correction1 * m[i] / (Math.sqrt(v[i]) / correction2 + step.epsilon());
        }
        put(parameter, p);
        put(first, m);
        put(second, v);
    }

    @Override
    public boolean supportsWeight(DType dtype) {
        return dtype.isWeight();
    }

    @Override
    public String description() {
        return "reference, doubles";
    }

    @Override
    public void close() {}
}
