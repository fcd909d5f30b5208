package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.tensor.Tensor;

/**
 * The only door to products of matrices: it chooses by which code each is computed, and nothing else does. Of a table's
 * lines the first that fits holds; {@code *} is anything, and what a line wants of the CPU must be there.
 *
 * <p>Linear maps, {@link LinearPath}: N rows, weight [O, I], sums in f32.
 *
 * <pre>
 * map       N     weight      I           O     arithmetic  CPU        path
 * forward   1..4  BF16        %32 ..4096  1..   *           avx512     CODE_GEMV
 * forward   1..4  BF16        %32 4097..  8..   *           avx512     CODE_GEMV
 * forward   1..4  Q8_0        %32         8..   INT8 BF16   vnni       CODE_GEMV
 * forward   1..4  Q4_0        %128        4..   INT8 BF16   vnni vbmi  CODE_GEMV
 * forward   1..4  *           *           *     *           *          GEMV
 * forward   5..   Q8_0 Q4_0   *           *     INT8 BF16   vnni       INT8_PANELS
 * *         *     *           *           *     BF16        bf16       BF16_PANELS
 * *         *     *           *           *     BF16        *          ROUNDED_GEMM
 * *         *     *           *           *     F32 INT8    avx512     F32_PANELS
 * *         *     *           *           *     F32 INT8    *          GEMM
 * </pre>
 *
 * <p>Low-rank maps, {@link LowRankPath}: N rows, A [r, I], B [O, r], in f32 whatever the arithmetic.
 *
 * <pre>
 * map       N     I    r    O    CPU     path
 * forward   1..4  %64  %16  %8   avx512  THIN_GEMV
 * forward   1..4  *    *    *    *       GEMV
 * *         *     *    *    *    avx512  THIN_GEMM
 * *         *     *    *    *    *       GEMM
 * </pre>
 *
 * <p>Other products of f32 operands are {@link Gemm}'s. Attention multiplies blocks of its own heads, which it packs
 * once and uses often.
 */
public final class Products implements AutoCloseable {
    private final Arithmetic arithmetic;
    private final CpuFeatures cpu = CpuFeatures.ofThisMachine();
    private final Gemm gemm;
    private final PanelGemm floatPanels;
    private final PanelGemm int8Panels;
    private final RoundedGemm roundedGemm;
    private final Gemv gemv;
    private final CodeGemv codeGemv;
    private final ThinGemv thinGemv;
    private final ThinGemm thinGemm;

    /** Products with frozen weights in {@code arithmetic}, by the threads of {@code team}, borrowed. */
    public Products(ThreadTeam team, Arithmetic arithmetic) {
        this.arithmetic = arithmetic;
        gemm = new Gemm(team);
        floatPanels = new PanelGemm(team, new FloatFactors(team.size(), arithmetic));
        int8Panels = new PanelGemm(team, new Int8Factors(team.size()));
        roundedGemm = new RoundedGemm(team, gemm);
        gemv = new Gemv(team);
        codeGemv = new CodeGemv(team);
        thinGemv = new ThinGemv(team);
        thinGemm = new ThinGemm(team);
    }

    /** {@code out = x W^T}, set or added; out [N, O], x [N, I], weight [O, I] of any type. */
    public void linear(Tensor out, Tensor x, Tensor weight, Write write) {
        LinearPath path = LinearPath.forward(x.dim(0), weight.dtype(), weight.dim(1), weight.dim(0), arithmetic, cpu);
        switch (path) {
            case CODE_GEMV -> codeGemv.multiply(out, x, weight, 1, write);
            case GEMV -> gemv.multiply(out, x, weight, 1, write);
            case INT8_PANELS, BF16_PANELS, F32_PANELS, ROUNDED_GEMM, GEMM ->
                multiply(path, out, x, weight, Order.TRANSPOSED, write);
        }
    }

    /** {@code dX = dOut W}, set or added. */
    public void linearBackward(Tensor dX, Tensor dOut, Tensor weight, Write write) {
        multiply(LinearPath.backward(arithmetic, cpu), dX, dOut, weight, Order.PLAIN, write);
    }

    private void multiply(LinearPath path, Tensor out, Tensor x, Tensor weight, Order order, Write write) {
        switch (path) {
            case INT8_PANELS -> int8Panels.multiply(out, x, weight, order, write);
            case BF16_PANELS, F32_PANELS -> floatPanels.multiply(out, x, weight, order, write);
            case ROUNDED_GEMM -> roundedGemm.multiply(out, x, weight, order, write);
            case GEMM -> gemm.multiply(out, x, Order.PLAIN, weight, order, 1, write);
            case CODE_GEMV, GEMV -> throw new IllegalStateException(path + " is for a forward of few rows");
        }
    }

    /** {@code xa = x A^T}; {@code out += scale * xa B^T}; xa [N, r]. */
    public void lowRank(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        Tensor a = adapter.a();
        Tensor b = adapter.b();
        switch (LowRankPath.forward(x.dim(0), a.dim(1), adapter.rank(), b.dim(0), cpu)) {
            case THIN_GEMV -> thinGemv.forward(out, xa, x, adapter);
            case GEMV -> {
                gemv.multiply(xa, x, a, 1, Write.SET);
                gemv.multiply(out, xa, b, adapter.scale(), Write.ADD);
            }
            case THIN_GEMM -> thinGemm.forward(out, xa, x, adapter);
            case GEMM -> {
                gemm.multiply(xa, x, Order.PLAIN, a, Order.TRANSPOSED, 1, Write.SET);
                gemm.multiply(out, xa, Order.PLAIN, b, Order.TRANSPOSED, adapter.scale(), Write.ADD);
            }
        }
    }

    /**
     * {@code g = scale * dOut B}; {@code dX += g A}; {@code dA += g^T x}; {@code dB += scale * dOut^T xa}; g [N, r] is
     * scratch.
     */
    public void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor g) {
        switch (LowRankPath.backward(cpu)) {
            case THIN_GEMM -> thinGemm.backward(dX, dA, dB, dOut, x, xa, adapter, g);
            case GEMM -> {
                gemm.multiply(g, dOut, Order.PLAIN, adapter.b(), Order.PLAIN, adapter.scale(), Write.SET);
                gemm.multiply(dA, g, Order.TRANSPOSED, x, Order.PLAIN, 1, Write.ADD);
                gemm.multiply(dB, dOut, Order.TRANSPOSED, xa, Order.PLAIN, adapter.scale(), Write.ADD);
                gemm.multiply(dX, g, Order.PLAIN, adapter.a(), Order.PLAIN, 1, Write.ADD);
            }
            case THIN_GEMV, GEMV -> throw new IllegalStateException("a backward is no product of few rows");
        }
    }

    /**
     * {@code out = factor * left right}, set or added, all f32; out [M, N], left [M, K] and right [K, N], or their
     * transposes.
     */
    public void multiply(
            Tensor out, Tensor left, Order leftOrder, Tensor right, Order rightOrder, float factor, Write write) {
        gemm.multiply(out, left, leftOrder, right, rightOrder, factor, write);
    }

    @Override
    public void close() {
        gemm.close();
        floatPanels.close();
        int8Panels.close();
        roundedGemm.close();
        gemv.close();
        codeGemv.close();
        thinGemm.close();
    }
}
