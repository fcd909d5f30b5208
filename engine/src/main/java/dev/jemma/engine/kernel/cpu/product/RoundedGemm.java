package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * What {@link PanelGemm} computes in bf16, where the CPU has no product of bf16 pairs: {@link Gemm} over factors that
 * were rounded.
 */
final class RoundedGemm implements AutoCloseable {
    private static final int COPIED_PER_CHUNK = 1 << 13;

    private final ThreadTeam team;
    private final Gemm gemm;
    private final Scratch rounded = new Scratch();
    private final Scratch roundedWeights = new Scratch();
    private final ThreadTeam.Task copyTask = this::copyRounded;

    private Tensor copied = Tensor.host(DType.F32, Shape.of(0), MemorySegment.NULL);
    private MemorySegment copy = MemorySegment.NULL;

    RoundedGemm(ThreadTeam team, Gemm gemm) {
        this.team = team;
        this.gemm = gemm;
    }

    /** C [M, N] from A [M, K] and B [K, N] (TRANSPOSED: the tensor is [N, K]). */
    void multiply(Tensor out, Tensor x, Tensor weight, Order weightOrder, Write mode) {
        Tensor roundedX = roundedCopy(x, rounded);
        Tensor roundedWeight = weight.dtype() == DType.BF16 ? weight : roundedCopy(weight, roundedWeights);
        gemm.multiply(out, roundedX, Order.PLAIN, roundedWeight, weightOrder, 1, mode);
    }

    /** A copy as f32 whose values bf16 can hold. */
    private Tensor roundedCopy(Tensor x, Scratch scratch) {
        long count = x.elements();
        copied = x;
        copy = scratch.atLeast(4 * count).asSlice(0, 4 * count);
        team.run(Math.toIntExact((count + COPIED_PER_CHUNK - 1) / COPIED_PER_CHUNK), copyTask);
        return Tensor.host(DType.F32, x.shape(), copy);
    }

    private void copyRounded(int chunk, int member) {
        long from = (long) chunk * COPIED_PER_CHUNK;
        int count = (int) Math.min(COPIED_PER_CHUNK, copied.elements() - from);
        Widen.row(copied.dtype(), copied.segment(), 0, from, count, 1, copy, 4 * from);
        for (long i = from; i < from + count; i++) {
            copy.set(Lanes.FLOAT, 4 * i, Conversion.rounded(copy.get(Lanes.FLOAT, 4 * i), DType.BF16));
        }
    }

    @Override
    public void close() {
        rounded.close();
        roundedWeights.close();
    }
}
