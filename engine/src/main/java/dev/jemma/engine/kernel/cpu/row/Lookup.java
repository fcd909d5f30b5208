package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Operands;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.kernel.cpu.code.Elements;
import dev.jemma.engine.kernel.cpu.product.Order;
import dev.jemma.engine.kernel.cpu.product.Products;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Rows that are picked by index: of the embedding, of its adapter, and of any tensor; and their backwards, which add to
 * them.
 */
public final class Lookup implements AutoCloseable {
    private static final int ELEMENTS_PER_CHUNK = 1 << 13;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final ThreadTeam team;
    private final Products products;
    private final Scratch picks = new Scratch();
    private final Scratch gradient = new Scratch();
    private final ThreadTeam.Task embedTask = this::embedRows;
    private final ThreadTeam.Task scatterTask = this::scatterRank;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment in = MemorySegment.NULL;
    private MemorySegment ids = MemorySegment.NULL;
    private DType type = DType.F32;
    private float scale;
    private int rows;
    private int rowsPerChunk;
    private int rank;
    private long columns;
    private long tableRows;

    /** By the threads of {@code team} and with {@code products}, both borrowed. */
    public Lookup(ThreadTeam team, Products products) {
        this.team = team;
        this.products = products;
    }

    /** {@code out[n] = factor * table[ids[n]]}. */
    public void embed(Tensor result, Tensor table, Tensor tokens, float factor) {
        check("embed", tokens, table.dim(0));
        out = result.segment();
        in = table.segment();
        ids = tokens.segment();
        type = table.dtype();
        scale = factor;
        rows = Math.toIntExact(result.dim(0));
        columns = result.dim(1);
        rowsPerChunk = (int) Math.max(1, ELEMENTS_PER_CHUNK / Math.max(1, columns));
        team.run(Math.ceilDiv(rows, rowsPerChunk), embedTask);
    }

    private void embedRows(int chunk, int member) {
        int to = Math.min(rows, (chunk + 1) * rowsPerChunk);
        for (int n = chunk * rowsPerChunk; n < to; n++) {
            long row = ids.get(INT, 4L * n);
            Widen.row(type, in, row * type.bytes(columns), 0, columns, scale, out, 4 * n * columns);
        }
    }

    /** {@code out += outScale scale * P B^T} with {@code P[n] = A[:, ids[n]]}. */
    public void embedLowRank(Tensor result, LowRank adapter, Tensor tokens, float outScale) {
        Tensor p = pick(adapter, tokens);
        float factor = outScale * adapter.scale();
        products.multiply(result, p, Order.PLAIN, adapter.b(), Order.TRANSPOSED, factor, Write.ADD);
    }

    /** {@code dB += f dOut^T P}; {@code G = f dOut B}; {@code dA[:, ids[n]] += G[n]}, n in order. */
    public void embedLowRankBackward(
            Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor tokens, float outScale) {
        Tensor p = pick(adapter, tokens);
        float factor = outScale * adapter.scale();
        rank = adapter.rank();
        rows = Math.toIntExact(dOut.dim(0));
        products.multiply(dB, dOut, Order.TRANSPOSED, p, Order.PLAIN, factor, Write.ADD);
        Tensor g = matrix(gradient, rows, rank);
        products.multiply(g, dOut, Order.PLAIN, adapter.b(), Order.PLAIN, factor, Write.SET);
        out = dA.segment();
        in = g.segment();
        tableRows = dA.dim(1);
        team.run(rank, scatterTask);
    }

    private static Tensor matrix(Scratch memory, int rows, int columns) {
        long bytes = 4L * rows * columns;
        return Tensor.host(
                DType.F32, Shape.of(rows, columns), memory.atLeast(bytes).asSlice(0, bytes));
    }

    /** P [N, r]. */
    private Tensor pick(LowRank adapter, Tensor tokens) {
        check("embedLowRank", tokens, adapter.a().dim(1));
        ids = tokens.segment();
        int n = Math.toIntExact(tokens.elements());
        int r = adapter.rank();
        long v = adapter.a().dim(1);
        MemorySegment a = adapter.a().segment();
        Tensor picked = matrix(picks, n, r);
        MemorySegment p = picked.segment();
        for (int i = 0; i < n; i++) {
            long id = ids.get(INT, 4L * i);
            for (int k = 0; k < r; k++) {
                p.set(Lanes.FLOAT, 4L * (i * r + k), a.get(Lanes.FLOAT, 4 * (k * v + id)));
            }
        }
        return picked;
    }

    private void scatterRank(int k, int member) {
        for (int n = 0; n < rows; n++) {
            long at = 4 * (k * tableRows + ids.get(INT, 4L * n));
            out.set(Lanes.FLOAT, at, out.get(Lanes.FLOAT, at) + in.get(Lanes.FLOAT, 4L * (n * rank + k)));
        }
    }

    /** {@code out[i] = x[indices[i]]}. */
    public void gather(Tensor result, Tensor x, Tensor indices) {
        check("gatherRows", indices, x.dim(0));
        long bytes = 4 * x.dim(1);
        for (int i = 0; i < result.dim(0); i++) {
            long row = indices.segment().get(INT, 4L * i);
            MemorySegment.copy(x.segment(), row * bytes, result.segment(), i * bytes, bytes);
        }
    }

    /** {@code dX[indices[i]] += dOut[i]}, i in order. */
    public void gatherBackward(Tensor dX, Tensor dOut, Tensor indices) {
        check("gatherRowsBackward", indices, dX.dim(0));
        int width = Math.toIntExact(dX.dim(1));
        for (int i = 0; i < dOut.dim(0); i++) {
            long to = 4L * indices.segment().get(INT, 4L * i) * width;
            long from = 4L * i * width;
            if (Elements.available()) {
                long target = Addresses.of(dX.segment()) + to;
                Elements.add(target, target, Addresses.of(dOut.segment()) + from, width);
                continue;
            }
            for (int j = 0; j < width; j += L) {
                VectorMask<Float> m = Lanes.first(width - j);
                FloatVector sum = load(dX.segment(), to + 4L * j, m).add(load(dOut.segment(), from + 4L * j, m));
                store(sum, dX.segment(), to + 4L * j, m);
            }
        }
    }

    private static void check(String operation, Tensor indices, long bound) {
        MemorySegment s = indices.segment();
        for (int i = 0; i < indices.elements(); i++) {
            Operands.index(operation, s.get(INT, 4L * i), bound);
        }
    }

    @Override
    public void close() {
        picks.close();
        gradient.close();
    }
}
