package dev.jemma.engine.kernel.cpu;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Operands;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.attention.Attention;
import dev.jemma.engine.kernel.cpu.attention.AttentionBackward;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.Int8Tile;
import dev.jemma.engine.kernel.cpu.code.x86.CpuOverrides;
import dev.jemma.engine.kernel.cpu.product.Products;
import dev.jemma.engine.kernel.cpu.row.CrossEntropy;
import dev.jemma.engine.kernel.cpu.row.Lookup;
import dev.jemma.engine.kernel.cpu.row.Norms;
import dev.jemma.engine.kernel.cpu.row.Pointwise;
import dev.jemma.engine.kernel.cpu.row.Positions;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@link Kernels} on the CPU: the Vector API over host memory, and a team of threads of its own.
 *
 * <p>Operations have finished when they return. Once every shape has been seen, none allocates scratch, and none but a
 * few bytes of Java heap. Closing stops the threads and frees the scratch; slabs are the caller's.
 */
public final class CpuKernels implements Kernels {
    private final Arithmetic arithmetic;
    private final CpuOverrides overrides;
    private final ThreadTeam team;
    private final Products products;
    private final Norms norms;
    private final Lookup lookup;
    private final Positions positions;
    private final Pointwise pointwise;
    private final CrossEntropy crossEntropy;
    private final Attention attention;
    private final AttentionBackward attentionBackward;

    private CpuKernels(int threads, Arithmetic arithmetic, CpuOverrides overrides) {
        this.arithmetic = arithmetic;
        this.overrides = overrides;
        team = new ThreadTeam(threads);
        products = new Products(team, arithmetic);
        norms = new Norms(team);
        lookup = new Lookup(team, products);
        positions = new Positions(team);
        pointwise = new Pointwise(team);
        crossEntropy = new CrossEntropy(team);
        HeadProduct headProduct = HeadProduct.of(arithmetic);
        attention = new Attention(team, headProduct);
        attentionBackward = new AttentionBackward(team, headProduct);
    }

    /** Kernels that compute with {@code threads} threads, the caller's included, in f32. */
    public static CpuKernels open(int threads) {
        return open(threads, Arithmetic.F32);
    }

    /**
     * Kernels that compute with {@code threads} threads, the caller's included.
     *
     * @throws IllegalArgumentException if there is no thread, or as {@link CpuOverrides#ofThisProcess} says
     */
    public static CpuKernels open(int threads, Arithmetic arithmetic) {
        return new CpuKernels(threads, arithmetic, CpuOverrides.ofThisProcess());
    }

    @Override
    public Slab slab(long bytes) {
        return new HostSlab(bytes);
    }

    @Override
    public void write(Tensor target, int[] source, int from, int length) {
        Operands.write(target, source, from, length);
        MemorySegment.copy(source, from, target.segment(), ValueLayout.JAVA_INT_UNALIGNED, 0, length);
    }

    @Override
    public void write(Tensor target, float[] source, int from, int length) {
        Operands.write(target, source, from, length);
        MemorySegment.copy(source, from, target.segment(), Lanes.FLOAT, 0, length);
    }

    @Override
    public void read(Tensor source, float[] target) {
        Operands.read(source, target);
        MemorySegment.copy(source.segment(), Lanes.FLOAT, 0, target, 0, Math.toIntExact(source.elements()));
    }

    @Override
    public void zero(Tensor x) {
        x.segment().fill((byte) 0);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        Operands.copy(out, x);
        out.segment().copyFrom(x.segment());
    }

    @Override
    public void embed(Tensor out, Tensor table, Tensor ids, float scale) {
        Operands.embed(out, table, ids);
        lookup.embed(out, table, ids, scale);
    }

    @Override
    public void embedLowRank(Tensor out, LowRank adapter, Tensor ids, float outScale) {
        Operands.embedLowRank(out, adapter, ids);
        lookup.embedLowRank(out, adapter, ids, outScale);
    }

    @Override
    public void embedLowRankBackward(Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor ids, float outScale) {
        Operands.embedLowRankBackward(dA, dB, dOut, adapter, ids);
        lookup.embedLowRankBackward(dA, dB, dOut, adapter, ids, outScale);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
        Operands.rmsNorm(out, x, weight);
        norms.forward(out, x, weight, eps);
    }

    @Override
    public void rmsNormBackward(Tensor dX, Tensor dOut, Tensor x, Tensor weight, float eps, Write write) {
        Operands.rmsNormBackward(dX, dOut, x, weight);
        norms.backward(dX, dOut, x, weight, eps, write);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        Operands.alike("add", out, a, b);
        pointwise.add(out, a, b);
    }

    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Write write) {
        Operands.linear("linear", out, x, weight);
        products.linear(out, x, weight, write);
    }

    @Override
    public void linearBackward(Tensor dX, Tensor dOut, Tensor weight, Write write) {
        Operands.linear("linearBackward", dOut, dX, weight);
        products.linearBackward(dX, dOut, weight, write);
    }

    @Override
    public void lowRank(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        Operands.lowRank("lowRank", out, xa, x, adapter);
        products.lowRank(out, xa, x, adapter);
    }

    @Override
    public void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor scratch) {
        Operands.lowRankBackward(dX, dA, dB, dOut, x, xa, adapter, scratch);
        products.lowRankBackward(dX, dA, dB, dOut, x, xa, adapter, scratch);
    }

    @Override
    public void dropout(Tensor out, Tensor x, float p, long seed) {
        Operands.alike("dropout", out, x);
        pointwise.dropout(out, x, p, seed);
    }

    @Override
    public void dropoutBackward(Tensor dX, Tensor dOut, float p, long seed) {
        Operands.alike("dropoutBackward", dX, dOut);
        pointwise.dropoutBackward(dX, dOut, p, seed);
    }

    @Override
    public void rope(Tensor x, RopeTable table, int headDim, Span[] spans) {
        Operands.rope(x, table, headDim, spans);
        positions.rope(x, table, headDim, spans, 1);
    }

    @Override
    public void ropeBackward(Tensor dX, RopeTable table, int headDim, Span[] spans) {
        Operands.rope(dX, table, headDim, spans);
        positions.rope(dX, table, headDim, spans, -1);
    }

    @Override
    public void cacheRows(Tensor cache, Tensor x, Span[] spans) {
        Operands.cacheRows(cache, x, spans);
        positions.cache(cache, x, spans);
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionShape shape, Span[] spans) {
        Operands.attention(out, lse, q, k, v, shape, spans);
        attention.forward(out, lse, q, k, v, shape, spans);
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
        Operands.attentionBackward(dQ, dK, dV, dOut, out, lse, q, k, v, shape, spans);
        attentionBackward.backward(dQ, dK, dV, dOut, out, lse, q, k, v, shape, spans);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        Operands.alike("geglu", out, gate, up);
        pointwise.geglu(out, gate, up);
    }

    @Override
    public void gegluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
        Operands.alike("gegluBackward", dGate, dUp, dOut);
        Operands.alike("gegluBackward", dGate, gate, up);
        pointwise.gegluBackward(dGate, dUp, dOut, gate, up);
    }

    @Override
    public void gatherRows(Tensor out, Tensor x, Tensor rowIndices) {
        Operands.gatherRows("gatherRows", out, x, rowIndices);
        lookup.gather(out, x, rowIndices);
    }

    @Override
    public void gatherRowsBackward(Tensor dX, Tensor dOut, Tensor rowIndices) {
        Operands.gatherRows("gatherRowsBackward", dOut, dX, rowIndices);
        lookup.gatherBackward(dX, dOut, rowIndices);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        Operands.alike("softcap", x, x);
        pointwise.softcap(x, cap);
    }

    @Override
    public double crossEntropy(Tensor logits, Tensor targets, float softcap) {
        Operands.crossEntropy(logits, targets);
        return crossEntropy.loss(logits, targets, softcap);
    }

    @Override
    public double crossEntropyBackward(Tensor logits, Tensor targets, float softcap, float scale) {
        Operands.crossEntropy(logits, targets);
        return crossEntropy.lossAndGradient(logits, targets, softcap, scale);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        Operands.alike("sumOfSquares", x, x);
        return norms.sumOfSquares(x);
    }

    @Override
    public void adamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step) {
        Operands.alike("adamW", parameter, gradient);
        Operands.alike("adamW", parameter, first, second);
        pointwise.adamW(parameter, gradient, first, second, step);
    }

    @Override
    public boolean supportsWeight(DType dtype) {
        return dtype.isWeight();
    }

    @Override
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    @Override
    public String description() {
        return "cpu, " + team.size() + (team.size() == 1 ? " thread, " : " threads, ") + Lanes.FLOATS.vectorBitSize()
                + "-bit, " + (arithmetic == Arithmetic.BF16 ? "bf16" : "f32") + " products"
                + (arithmetic.quantizesActivations() && Int8Tile.available() ? ", int8 with quantized weights" : "")
                + (overrides.description().isEmpty() ? "" : ", under " + overrides.description());
    }

    @Override
    public void close() {
        team.close();
        products.close();
        norms.close();
        lookup.close();
        pointwise.close();
        crossEntropy.close();
        attention.close();
        attentionBackward.close();
    }
}
