package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Operands;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.kernel.cpu.code.Elements;
import dev.jemma.engine.kernel.cpu.code.Rotations;
import dev.jemma.engine.kernel.cpu.product.Gemm;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Operations that move or turn whole rows: embedding lookup, gathering, the cache's ring, rotary embedding. */
public final class Lookup implements AutoCloseable {
    private static final int ELEMENTS_PER_CHUNK = 1 << 13;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final ThreadTeam team;
    private final Gemm gemm;
    private final Scratch picked = new Scratch();
    private final Scratch gradient = new Scratch();
    private final ThreadTeam.Task embedTask = this::embedRows;
    private final ThreadTeam.Task scatterTask = this::scatterRank;
    private final ThreadTeam.Task ropeTask = this::ropeRows;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment in = MemorySegment.NULL;
    private MemorySegment ids = MemorySegment.NULL;
    private MemorySegment cos = MemorySegment.NULL;
    private MemorySegment sin = MemorySegment.NULL;
    private DType type = DType.F32;
    private float scale;
    private int rows;
    private int rowsPerChunk;
    private int rank;
    private long columns;
    private long tableRows;
    private int headDim;
    private float direction;
    private Span span = new Span(0, 1, 0, 0, 1);

    public Lookup(ThreadTeam team, Gemm gemm) {
        this.team = team;
        this.gemm = gemm;
    }

    private void cut(int newRows, long newColumns) {
        rows = newRows;
        columns = newColumns;
        rowsPerChunk = (int) Math.max(1, ELEMENTS_PER_CHUNK / Math.max(1, newColumns));
    }

    public void embed(Tensor result, Tensor table, Tensor tokens, float factor) {
        check("embed", tokens, table.dim(0));
        out = result.segment();
        in = table.segment();
        ids = tokens.segment();
        type = table.dtype();
        scale = factor;
        cut(Math.toIntExact(result.dim(0)), result.dim(1));
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
        MemorySegment p = pick(adapter, tokens);
        int n = Math.toIntExact(result.dim(0));
        int c = Math.toIntExact(result.dim(1));
        gemm.multiply(
                result.segment(),
                n,
                c,
                adapter.rank(),
                p,
                Gemm.Order.PLAIN,
                adapter.b().segment(),
                DType.F32,
                Gemm.Order.TRANSPOSED,
                outScale * adapter.scale(),
                Write.ADD);
    }

    /** {@code dB += f dOut^T P}; {@code G = f dOut B}; {@code dA[:, ids[n]] += G[n]}, n in order. */
    public void embedLowRankBackward(
            Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor tokens, float outScale) {
        MemorySegment p = pick(adapter, tokens);
        int n = Math.toIntExact(dOut.dim(0));
        int c = Math.toIntExact(dOut.dim(1));
        float factor = outScale * adapter.scale();
        rank = adapter.rank();
        gemm.multiply(
                dB.segment(),
                c,
                rank,
                n,
                dOut.segment(),
                Gemm.Order.TRANSPOSED,
                p,
                DType.F32,
                Gemm.Order.PLAIN,
                factor,
                Write.ADD);
        MemorySegment g = gradient.atLeast(4L * n * rank);
        gemm.multiply(
                g,
                n,
                rank,
                c,
                dOut.segment(),
                Gemm.Order.PLAIN,
                adapter.b().segment(),
                DType.F32,
                Gemm.Order.PLAIN,
                factor,
                Write.SET);
        out = dA.segment();
        in = g;
        tableRows = dA.dim(1);
        rows = n;
        team.run(rank, scatterTask);
    }

    private MemorySegment pick(LowRank adapter, Tensor tokens) {
        check("embedLowRank", tokens, adapter.a().dim(1));
        ids = tokens.segment();
        int n = Math.toIntExact(tokens.elements());
        int r = adapter.rank();
        long v = adapter.a().dim(1);
        MemorySegment a = adapter.a().segment();
        MemorySegment p = picked.atLeast(4L * n * r);
        for (int i = 0; i < n; i++) {
            long id = ids.get(INT, 4L * i);
            for (int k = 0; k < r; k++) {
                p.set(Lanes.FLOAT, 4L * (i * r + k), a.get(Lanes.FLOAT, 4 * (k * v + id)));
            }
        }
        return p;
    }

    private void scatterRank(int k, int member) {
        for (int n = 0; n < rows; n++) {
            long at = 4 * (k * tableRows + ids.get(INT, 4L * n));
            out.set(Lanes.FLOAT, at, out.get(Lanes.FLOAT, at) + in.get(Lanes.FLOAT, 4L * (n * rank + k)));
        }
    }

    public void gather(Tensor result, Tensor x, Tensor indices) {
        check("gatherRows", indices, x.dim(0));
        long bytes = 4 * x.dim(1);
        for (int i = 0; i < result.dim(0); i++) {
            long row = indices.segment().get(INT, 4L * i);
            MemorySegment.copy(x.segment(), row * bytes, result.segment(), i * bytes, bytes);
        }
    }

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

    /** Rows of a span are copied in at most a few runs: the ring wraps once a lap. */
    public void cache(Tensor cache, Tensor x, Span[] spans) {
        long bytes = 4 * x.dim(1);
        for (Span s : spans) {
            int done = 0;
            while (done < s.length()) {
                int slot = (s.position() + done) % s.capacity();
                int run = Math.min(s.length() - done, s.capacity() - slot);
                MemorySegment.copy(
                        x.segment(),
                        (s.row() + done) * bytes,
                        cache.segment(),
                        (s.keyRow() + slot) * bytes,
                        run * bytes);
                done += run;
            }
        }
    }

    public void rope(Tensor x, RopeTable table, int newHeadDim, Span[] spans, float newDirection) {
        out = x.segment();
        cos = table.cos().segment();
        sin = table.sin().segment();
        headDim = newHeadDim;
        direction = newDirection;
        for (Span s : spans) {
            span = s;
            cut(s.length(), x.dim(1));
            team.run(Math.ceilDiv(rows, rowsPerChunk), ropeTask);
        }
    }

    private void ropeRows(int chunk, int member) {
        int from = chunk * rowsPerChunk;
        int to = Math.min(rows, from + rowsPerChunk);
        if (Rotations.available() && columns > 0) {
            int half = headDim / 2;
            long angles = 4L * (span.position() + from) * half;
            Rotations.rotate(
                    Addresses.of(out) + 4 * (span.row() + from) * columns,
                    Addresses.of(cos) + angles,
                    Addresses.of(sin) + angles,
                    half,
                    columns / headDim,
                    to - from,
                    direction);
            return;
        }
        for (int i = from; i < to; i++) {
            long angles = 4L * (span.position() + i) * (headDim / 2);
            for (long head = 0; head < columns; head += headDim) {
                turn(4 * ((span.row() + i) * columns + head), angles);
            }
        }
    }

    /** {@code (u, v) -> (u cos - v sin, v cos + u sin)} for the two halves of a head; the inverse has -sin. */
    private void turn(long at, long angles) {
        int half = headDim / 2;
        int i = 0;
        for (; i + L <= half; i += L) {
            FloatVector c = load(cos, angles + 4L * i);
            FloatVector s = load(sin, angles + 4L * i).mul(direction);
            FloatVector u = load(out, at + 4L * i);
            FloatVector v = load(out, at + 4L * (half + i));
            store(u.mul(c).sub(v.mul(s)), out, at + 4L * i);
            store(fma(v, c, u.mul(s)), out, at + 4L * (half + i));
        }
        if (i < half) {
            VectorMask<Float> m = Lanes.first(half - i);
            FloatVector c = load(cos, angles + 4L * i, m);
            FloatVector s = load(sin, angles + 4L * i, m).mul(direction);
            FloatVector u = load(out, at + 4L * i, m);
            FloatVector v = load(out, at + 4L * (half + i), m);
            store(u.mul(c).sub(v.mul(s)), out, at + 4L * i, m);
            store(fma(v, c, u.mul(s)), out, at + 4L * (half + i), m);
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
        picked.close();
        gradient.close();
    }
}
