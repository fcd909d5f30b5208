package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.VectorProducts;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The forward of a low-rank map for the few rows of a decoding step, in f32 by machine code: beside the products of the
 * base, which read ten to forty times as much, it must cost next to nothing but its reading.
 *
 * <p>N rows, I inputs, O outputs, r rank.
 */
final class ThinGemv {
    private static final int RANKS_PER_CHUNK = 8;
    private static final int OUTPUTS_PER_CHUNK = 256;

    private final ThreadTeam team;
    private final ThreadTeam.Task rankTask = this::ranks;
    private final ThreadTeam.Task outputTask = this::outputs;

    private long x;
    private long xa;
    private long out;
    private long a;
    private long b;
    private float scale;
    private int rows;
    private int inputs;
    private int rank;
    private int outputs;

    ThinGemv(ThreadTeam team) {
        this.team = team;
    }

    /** {@code xa = x A^T}; {@code out += scale * xa B^T}. */
    void forward(Tensor result, Tensor product, Tensor input, LowRank adapter) {
        x = address(input);
        xa = address(product);
        out = address(result);
        a = address(adapter.a());
        b = address(adapter.b());
        scale = adapter.scale();
        rows = Math.toIntExact(input.dim(0));
        inputs = Math.toIntExact(input.dim(1));
        rank = adapter.rank();
        outputs = Math.toIntExact(result.dim(1));
        team.run(rows * Math.ceilDiv(rank, RANKS_PER_CHUNK), rankTask);
        team.run(Math.ceilDiv(outputs, OUTPUTS_PER_CHUNK), outputTask);
    }

    private static long address(Tensor t) {
        MemorySegment s = t.segment();
        return Addresses.of(s, 0, 4 * t.elements());
    }

    private void ranks(int chunk, int member) {
        int n = chunk % rows;
        int from = chunk / rows * RANKS_PER_CHUNK;
        long stride = 4L * inputs;
        VectorProducts.dots(
                x + n * stride,
                a + from * stride,
                stride,
                Math.min(RANKS_PER_CHUNK, rank - from),
                inputs,
                xa + 4L * ((long) n * rank + from));
    }

    private void outputs(int chunk, int member) {
        int from = chunk * OUTPUTS_PER_CHUNK;
        int count = Math.min(OUTPUTS_PER_CHUNK, outputs - from);
        for (int n = 0; n < rows; n++) {
            VectorProducts.addShortDots(
                    xa + 4L * n * rank,
                    b + 4L * from * rank,
                    count,
                    rank,
                    scale,
                    out + 4L * ((long) n * outputs + from));
        }
    }
}
