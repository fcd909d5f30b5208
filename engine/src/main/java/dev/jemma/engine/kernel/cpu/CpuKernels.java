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
import dev.jemma.engine.kernel.cpu.product.CodeGemv;
import dev.jemma.engine.kernel.cpu.product.FloatFactors;
import dev.jemma.engine.kernel.cpu.product.Gemm;
import dev.jemma.engine.kernel.cpu.product.Gemm.Order;
import dev.jemma.engine.kernel.cpu.product.Gemv;
import dev.jemma.engine.kernel.cpu.product.Int8Factors;
import dev.jemma.engine.kernel.cpu.product.PanelGemm;
import dev.jemma.engine.kernel.cpu.product.RoundedGemm;
import dev.jemma.engine.kernel.cpu.product.ThinGemv;
import dev.jemma.engine.kernel.cpu.product.ThinProducts;
import dev.jemma.engine.kernel.cpu.row.CrossEntropy;
import dev.jemma.engine.kernel.cpu.row.Lookup;
import dev.jemma.engine.kernel.cpu.row.Norms;
import dev.jemma.engine.kernel.cpu.row.Pointwise;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@link Kernels} on the CPU: the Vector API over host memory, and a team of threads of its own.
 *
 * <p>Operations have finished when they return. Once every shape has been seen, none allocates scratch, and none but a few bytes of
 * Java heap. Closing stops the threads and frees the scratch; slabs are the caller's.
 */
public final class CpuKernels implements Kernels {
    private final Arithmetic arithmetic;
    private final CpuOverrides overrides;
    private final ThreadTeam team;
    private final Gemm gemm;
    private final PanelGemm panelGemm;
    private final PanelGemm int8Gemm;
    private final RoundedGemm roundedGemm;
    private final boolean byPanels;
    private final Gemv gemv;
    private final CodeGemv codeGemv;
    private final ThinGemv thinGemv;
    private final ThinProducts thinProducts;
    private final Norms norms;
    private final Lookup rows;
    private final Pointwise pointwise;
    private final CrossEntropy lossHead;
    private final Attention attention;
    private final AttentionBackward attentionBackward;

    private CpuKernels(int threads, Arithmetic arithmetic, CpuOverrides overrides) {
        this.arithmetic = arithmetic;
        this.overrides = overrides;
        team = new ThreadTeam(threads);
        gemm = new Gemm(team);
        panelGemm = new PanelGemm(team, new FloatFactors(team.size(), arithmetic));
        int8Gemm = new PanelGemm(team, new Int8Factors(team.size()));
        roundedGemm = new RoundedGemm(team, gemm);
        byPanels = FloatFactors.available(arithmetic);
        gemv = new Gemv(team);
        codeGemv = new CodeGemv(team);
        thinGemv = new ThinGemv(team);
        thinProducts = new ThinProducts(team);
        norms = new Norms(team);
        rows = new Lookup(team, gemm);
        pointwise = new Pointwise(team);
        lossHead = new CrossEntropy(team);
        HeadProduct product = HeadProduct.of(arithmetic);
        attention = new Attention(team, product);
        attentionBackward = new AttentionBackward(team, product);
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
        rows.embed(out, table, ids, scale);
    }

    @Override
    public void embedLowRank(Tensor out, LowRank adapter, Tensor ids, float outScale) {
        Operands.embedLowRank(out, adapter, ids);
        rows.embedLowRank(out, adapter, ids, outScale);
    }

    @Override
    public void embedLowRankBackward(Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor ids, float outScale) {
        Operands.embedLowRankBackward(dA, dB, dOut, adapter, ids);
        rows.embedLowRankBackward(dA, dB, dOut, adapter, ids, outScale);
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
        if (x.dim(0) > Gemv.MAX_ROWS) {
            product(out, x, weight, Order.TRANSPOSED, write);
        } else {
            product(out, x, weight, 1, write);
        }
    }

    /** {@code out = x weight}, or {@code x weight^T}, of many rows. */
    private void product(Tensor out, Tensor x, Tensor weight, Order order, Write write) {
        if (order == Order.TRANSPOSED && Int8Factors.take(weight.dtype(), arithmetic)) {
            int8Gemm.multiply(out, x, weight, order, write);
        } else if (byPanels) {
            panelGemm.multiply(out, x, weight, order, write);
        } else if (arithmetic == Arithmetic.BF16) {
            roundedGemm.multiply(out, x, weight, order, write);
        } else {
            gemm.multiply(out, x, Order.PLAIN, weight, order, 1, write);
        }
    }

    /** {@code out = factor * x weight^T}, by the path that suits the number of rows. */
    private void product(Tensor out, Tensor x, Tensor weight, float factor, Write write) {
        if (CodeGemv.takes(x, weight, arithmetic)) {
            codeGemv.multiply(out, x, weight, factor, write);
        } else if (x.dim(0) <= Gemv.MAX_ROWS) {
            gemv.multiply(out, x, weight, factor, write);
        } else {
            gemm.multiply(out, x, Order.PLAIN, weight, Order.TRANSPOSED, factor, write);
        }
    }

    @Override
    public void linearBackward(Tensor dX, Tensor dOut, Tensor weight, Write write) {
        Operands.linear("linearBackward", dOut, dX, weight);
        product(dX, dOut, weight, Order.PLAIN, write);
    }

    @Override
    public void lowRank(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        Operands.lowRank("lowRank", out, xa, x, adapter);
        if (ThinGemv.takes(x, adapter)) {
            thinGemv.forward(out, xa, x, adapter);
            return;
        }
        if (ThinProducts.available() && x.dim(0) > Gemv.MAX_ROWS) {
            thinProducts.forward(out, xa, x, adapter);
            return;
        }
        product(xa, x, adapter.a(), 1, Write.SET);
        product(out, xa, adapter.b(), adapter.scale(), Write.ADD);
    }

    @Override
    public void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor scratch) {
        Operands.lowRankBackward(dX, dA, dB, dOut, x, xa, adapter, scratch);
        if (ThinProducts.available()) {
            thinProducts.backward(dX, dA, dB, dOut, x, xa, adapter, scratch);
            return;
        }
        gemm.multiply(scratch, dOut, Order.PLAIN, adapter.b(), Order.PLAIN, adapter.scale(), Write.SET);
        gemm.multiply(dA, scratch, Order.TRANSPOSED, x, Order.PLAIN, 1, Write.ADD);
        gemm.multiply(dB, dOut, Order.TRANSPOSED, xa, Order.PLAIN, adapter.scale(), Write.ADD);
        gemm.multiply(dX, scratch, Order.PLAIN, adapter.a(), Order.PLAIN, 1, Write.ADD);
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
        rows.rope(x, table, headDim, spans, 1);
    }

    @Override
    public void ropeBackward(Tensor dX, RopeTable table, int headDim, Span[] spans) {
        Operands.rope(dX, table, headDim, spans);
        rows.rope(dX, table, headDim, spans, -1);
    }

    @Override
    public void cacheRows(Tensor cache, Tensor x, Span[] spans) {
        Operands.cacheRows(cache, x, spans);
        rows.cache(cache, x, spans);
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
        rows.gather(out, x, rowIndices);
    }

    @Override
    public void gatherRowsBackward(Tensor dX, Tensor dOut, Tensor rowIndices) {
        Operands.gatherRows("gatherRowsBackward", dOut, dX, rowIndices);
        rows.gatherBackward(dX, dOut, rowIndices);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        Operands.alike("softcap", x, x);
        pointwise.softcap(x, cap);
    }

    @Override
    public double crossEntropy(Tensor logits, Tensor targets, float softcap) {
        Operands.crossEntropy(logits, targets);
        return lossHead.loss(logits, targets, softcap);
    }

    @Override
    public double crossEntropyBackward(Tensor logits, Tensor targets, float softcap, float scale) {
        Operands.crossEntropy(logits, targets);
        return lossHead.lossAndGradient(logits, targets, softcap, scale);
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
        gemm.close();
        panelGemm.close();
        int8Gemm.close();
        roundedGemm.close();
        gemv.close();
        codeGemv.close();
        thinProducts.close();
        norms.close();
        rows.close();
        pointwise.close();
        lossHead.close();
        attention.close();
        attentionBackward.close();
    }
}
