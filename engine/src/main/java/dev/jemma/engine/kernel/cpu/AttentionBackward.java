package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.ORDER;
import static dev.jemma.engine.kernel.cpu.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.Tiles.NR;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.PanelProduct.View;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Gradients of attention over whole sequences.
 *
 * <p>With scores S, probabilities {@code P = e^(S - lse)}, {@code dP = dO V^T} and {@code D = sum(dO O)} of each row:
 * {@code dS = P (dP - D) cap'(S) scale}, then {@code dQ = dS K}, {@code dK = dS^T Q}, {@code dV = P^T dO}.
 *
 * <p>Queries are taken in stretches whose P and dS fit a bounded scratch, so that each of the five products is computed once: first
 * every query block writes its rows of P and dS and its dQ, then every key block sums its dK and dV over the stretch's rows. Rows
 * are stacked as in {@link Attention}: row {@code i * G + g}. Nothing is added by two threads, so the order of sums is fixed.
 */
final class AttentionBackward implements AutoCloseable {
    /** Keys of a block; query blocks divide it, and every row of P and dS is written in whole blocks. */
    private static final int KEYS = 96;

    /** Bytes that P and dS of a stretch may take together. */
    private static final long STRETCH_BYTES = 64L << 20;

    private final ThreadTeam team;
    private final Scratch packed = new Scratch();
    private final Scratch large = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task packKeysTask = this::packKeys;
    private final ThreadTeam.Task packQueriesTask = this::packQueries;
    private final ThreadTeam.Task queryTask = this::queryBlock;
    private final ThreadTeam.Task keyTask = this::keyBlock;

    private MemorySegment dQ = MemorySegment.NULL;
    private MemorySegment dK = MemorySegment.NULL;
    private MemorySegment dV = MemorySegment.NULL;
    private MemorySegment dOut = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment lse = MemorySegment.NULL;
    private MemorySegment q = MemorySegment.NULL;
    private MemorySegment k = MemorySegment.NULL;
    private MemorySegment v = MemorySegment.NULL;
    private AttentionShape shape = new AttentionShape(1, 1, 2, 1, 0, 0);
    private Span span = new Span(0, 1, 0, 0, 1);
    private int group;
    private int queries;
    private int length;
    private int keyPanelCount;
    /** Columns of P and dS: the keys, in whole blocks. */
    private int width;

    private long keyFloats;
    private long queryFloats;
    private int stretchFrom;
    private int stretchTo;
    private MemorySegment keyPanels = MemorySegment.NULL;
    private MemorySegment queryPanels = MemorySegment.NULL;
    private MemorySegment probabilities = MemorySegment.NULL;
    private MemorySegment scoreGradients = MemorySegment.NULL;
    private MemorySegment region = MemorySegment.NULL;
    private long memberBytes;
    private MemorySegment[] squares = new MemorySegment[0];
    private MemorySegment[] products = new MemorySegment[0];

    /** A query block's rows of q and dO, then of dQ. */
    private MemorySegment[] queryRows = new MemorySegment[0];

    AttentionBackward(ThreadTeam team) {
        this.team = team;
    }

    void backward(
            Tensor dQT,
            Tensor dKT,
            Tensor dVT,
            Tensor dOutT,
            Tensor outT,
            Tensor lseT,
            Tensor qT,
            Tensor kT,
            Tensor vT,
            AttentionShape attentionShape,
            Span[] spans) {
        dQ = dQT.segment();
        dK = dKT.segment();
        dV = dVT.segment();
        dOut = dOutT.segment();
        out = outT.segment();
        lse = lseT.segment();
        q = qT.segment();
        k = kT.segment();
        v = vT.segment();
        shape = attentionShape;
        group = shape.heads() / shape.keyValueHeads();
        queries = Math.max(1, Attention.STACKED / group);
        while (KEYS % queries != 0) {
            queries--;
        }
        prepareMembers();
        for (Span s : spans) {
            span = s;
            spanBackward();
        }
    }

    private void prepareMembers() {
        int d = shape.headDim();
        int rows = queries * group;
        long rowBytes = 4L * rows * 2 * d;
        long square = 4L * L * L;
        long product = PanelProduct.scratchBytes(Math.max(rows, KEYS));
        long bytes = rowBytes + square + product + 63 & -64;
        if (memberBytes == bytes && queryRows.length != 0) {
            return;
        }
        memberBytes = bytes;
        region = own.atLeast(bytes * team.size());
        squares = new MemorySegment[team.size()];
        products = new MemorySegment[team.size()];
        queryRows = new MemorySegment[team.size()];
        for (int m = 0; m < team.size(); m++) {
            queryRows[m] = region.asSlice(m * bytes, rowBytes);
            squares[m] = region.asSlice(m * bytes + rowBytes, square);
            products[m] = region.asSlice(m * bytes + rowBytes + square, product);
        }
    }

    private void spanBackward() {
        int d = shape.headDim();
        int keyHeads = shape.keyValueHeads();
        length = span.length();
        keyPanelCount = Gemm.ceilDiv(length, NR);
        width = (int) Gemm.roundUp(length, KEYS);
        long rowBytes = 4L * 2 * width * shape.heads();
        int stretch = (int) Math.min(length, Math.max(1, STRETCH_BYTES / (rowBytes * KEYS)) * KEYS);
        keyFloats = KeyPanels.floats(length, d);
        queryFloats = KeyPanels.floats(stretch * group, d);
        long panelBytes = 4 * keyHeads * (3 * keyFloats + 2 * queryFloats);
        MemorySegment panels = packed.atLeast(panelBytes);
        keyPanels = panels.asSlice(0, 4 * keyHeads * 3 * keyFloats);
        queryPanels = panels.asSlice(4 * keyHeads * 3 * keyFloats, 4 * keyHeads * 2 * queryFloats);
        long half = 4L * stretch * shape.heads() * width;
        MemorySegment matrices = large.atLeast(2 * half);
        probabilities = matrices.asSlice(0, half);
        scoreGradients = matrices.asSlice(half, half);
        team.run(keyPanelCount * keyHeads, packKeysTask);
        for (stretchFrom = 0; stretchFrom < length; stretchFrom = stretchTo) {
            stretchTo = Math.min(length, stretchFrom + stretch);
            int count = stretchTo - stretchFrom;
            team.run(Gemm.ceilDiv(count, queries) * keyHeads, packQueriesTask);
            team.run(Gemm.ceilDiv(count, queries) * keyHeads, queryTask);
            team.run(Gemm.ceilDiv(stretchTo, KEYS) * keyHeads, keyTask);
        }
    }

    /** K as columns, V as columns, K as depth. */
    private long keyPanel(int keyHead, int which) {
        return 4 * keyFloats * (3L * keyHead + which);
    }

    /** Q as depth, dO as depth. */
    private long queryPanel(int keyHead, int which) {
        return 4 * queryFloats * (2L * keyHead + which);
    }

    /** Row of P and dS of a stacked row of the stretch. */
    private long matrixRow(int keyHead, int row) {
        return 4L * width * ((long) keyHead * (stretchTo - stretchFrom) * group + row);
    }

    /** Row of q, out, ... of a stacked row of the stretch; times D elements. */
    private long headRow(int keyHead, int row) {
        return (span.row() + stretchFrom + row / group) * (long) shape.heads() + keyHead * group + row % group;
    }

    private int stretchRows() {
        return (stretchTo - stretchFrom) * group;
    }

    private void packKeys(int chunk, int member) {
        int d = shape.headDim();
        int keyHead = chunk / keyPanelCount;
        int from = chunk % keyPanelCount * NR;
        int to = Math.min(length, from + NR);
        long stride = 4L * shape.keyValueHeads() * d;
        long head = 4L * keyHead * d;
        MemorySegment square = squares[member];
        long panel = 4L * from * d;
        KeyPanels.columns(k, stride, head, d, span, from, to, keyPanels, keyPanel(keyHead, 0) + panel, square);
        KeyPanels.columns(v, stride, head, d, span, from, to, keyPanels, keyPanel(keyHead, 1) + panel, square);
        for (int p = from; p < to; p++) {
            KeyPanels.depthRow(k, span.keyRowOf(p) * stride + head, d, p, length, keyPanels, keyPanel(keyHead, 2));
        }
    }

    private void packQueries(int chunk, int member) {
        int d = shape.headDim();
        int blocks = Gemm.ceilDiv(stretchTo - stretchFrom, queries);
        int keyHead = chunk / blocks;
        int from = chunk % blocks * queries * group;
        int to = Math.min(stretchRows(), from + queries * group);
        for (int row = from; row < to; row++) {
            long at = 4 * headRow(keyHead, row) * d;
            KeyPanels.depthRow(q, at, d, row, stretchRows(), queryPanels, queryPanel(keyHead, 0));
            KeyPanels.depthRow(dOut, at, d, row, stretchRows(), queryPanels, queryPanel(keyHead, 1));
        }
    }

    /** P and dS of a block of queries, in whole key blocks, and its dQ. */
    private void queryBlock(int chunk, int member) {
        int d = shape.headDim();
        int blocks = Gemm.ceilDiv(stretchTo - stretchFrom, queries);
        int keyHead = chunk / blocks;
        int from = chunk % blocks * queries * group;
        int rows = Math.min(stretchRows() - from, queries * group);
        int position = stretchFrom + from / group;
        int keyFrom = shape.firstVisible(position) / KEYS * KEYS;
        int seen = Math.min(length, position + Gemm.ceilDiv(rows, group));
        int keyTo = (int) Gemm.roundUp(seen, KEYS);
        MemorySegment my = queryRows[member];
        long bytes = 4L * d;
        for (int r = 0; r < rows; r++) {
            long at = headRow(keyHead, from + r) * bytes;
            MemorySegment.copy(q, at, my, r * bytes, bytes);
            MemorySegment.copy(dOut, at, my, (rows + r) * bytes, bytes);
        }
        columns(member, 0, keyHead, 0, keyFrom, seen, from, rows, probabilities);
        columns(member, rows * bytes, keyHead, 1, keyFrom, seen, from, rows, scoreGradients);
        for (int r = 0; r < rows; r++) {
            row(keyHead, from + r, keyFrom, keyTo);
        }
        queryGradient(member, keyHead, from, rows, keyFrom, seen);
    }

    /** The columns of keys {@code keyFrom .. seen - 1}, in whole panels, of a product of the query block's rows. */
    private void columns(
            int member,
            long blockAt,
            int keyHead,
            int which,
            int keyFrom,
            int seen,
            int from,
            int rows,
            MemorySegment to) {
        int d = shape.headDim();
        int key = keyFrom / NR * NR;
        PanelProduct.multiply(
                View.rows(queryRows[member], blockAt, 4L * d),
                View.panels(keyPanels, keyPanel(keyHead, which) + 4L * key * d, 4L * NR * d),
                View.rows(to, matrixRow(keyHead, from) + 4L * key, 4L * width),
                rows,
                (int) Gemm.roundUp(seen - key, NR),
                d,
                Write.SET,
                products[member]);
    }

    /** Turns a row of scores and of dP into P and dS, in place; zeros where the query does not see. */
    private void row(int keyHead, int row, int keyFrom, int keyTo) {
        int position = stretchFrom + row / group;
        long at = matrixRow(keyHead, row);
        int from = Math.max(keyFrom, shape.firstVisible(position));
        int to = position + 1;
        zeros(at, keyFrom, from);
        zeros(at, to, keyTo);
        long headRow = headRow(keyHead, row);
        FloatVector delta = FloatVector.broadcast(FLOATS, dot(4 * headRow * shape.headDim()));
        FloatVector log = FloatVector.broadcast(FLOATS, lse.get(Lanes.FLOAT, 4 * headRow));
        int i = from;
        for (; i + L <= to; i += L) {
            FloatVector s = Scores.capped(
                    FloatVector.fromMemorySegment(FLOATS, probabilities, at + 4L * i, ORDER),
                    shape.scale(),
                    shape.softcap());
            FloatVector p = VectorMath.exp(s.sub(log));
            p.intoMemorySegment(probabilities, at + 4L * i, ORDER);
            FloatVector dS = p.mul(FloatVector.fromMemorySegment(FLOATS, scoreGradients, at + 4L * i, ORDER)
                            .sub(delta))
                    .mul(slope(s));
            dS.intoMemorySegment(scoreGradients, at + 4L * i, ORDER);
        }
        if (i < to) {
            rowTail(at + 4L * i, Lanes.first(to - i), delta, log);
        }
    }

    /** A method of its own: loop and tail together are too large for the compiler to inline everything. */
    private void rowTail(long at, VectorMask<Float> m, FloatVector delta, FloatVector log) {
        FloatVector s = Scores.capped(
                FloatVector.fromMemorySegment(FLOATS, probabilities, at, ORDER, m), shape.scale(), shape.softcap());
        FloatVector p = VectorMath.exp(s.sub(log));
        p.intoMemorySegment(probabilities, at, ORDER, m);
        p.mul(FloatVector.fromMemorySegment(FLOATS, scoreGradients, at, ORDER, m)
                        .sub(delta))
                .mul(slope(s))
                .intoMemorySegment(scoreGradients, at, ORDER, m);
    }

    /** {@code cap'(S) scale = (1 - (s / cap)^2) scale}. */
    private FloatVector slope(FloatVector s) {
        if (shape.softcap() == 0) {
            return FloatVector.broadcast(FLOATS, shape.scale());
        }
        FloatVector t = s.div(shape.softcap());
        return FloatVector.broadcast(FLOATS, 1f).sub(t.mul(t)).mul(shape.scale());
    }

    private void zeros(long at, int from, int to) {
        for (int i = from; i < to; i++) {
            probabilities.set(Lanes.FLOAT, at + 4L * i, 0);
            scoreGradients.set(Lanes.FLOAT, at + 4L * i, 0);
        }
    }

    private float dot(long at) {
        int d = shape.headDim();
        FloatVector sum = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i + L <= d; i += L) {
            sum = fma(
                    FloatVector.fromMemorySegment(FLOATS, dOut, at + 4L * i, ORDER),
                    FloatVector.fromMemorySegment(FLOATS, out, at + 4L * i, ORDER),
                    sum);
        }
        if (i < d) {
            VectorMask<Float> m = Lanes.first(d - i);
            sum = fma(
                    FloatVector.fromMemorySegment(FLOATS, dOut, at + 4L * i, ORDER, m),
                    FloatVector.fromMemorySegment(FLOATS, out, at + 4L * i, ORDER, m),
                    sum);
        }
        return Lanes.sum(sum);
    }

    /** dQ = dS K. The rows of a query lie G heads apart, so the block is computed behind each other and its rows copied. */
    private void queryGradient(int member, int keyHead, int from, int rows, int keyFrom, int keyTo) {
        int d = shape.headDim();
        MemorySegment block = queryRows[member];
        for (int key = keyFrom / DEPTH * DEPTH; key < keyTo; key += DEPTH) {
            int skip = Math.max(0, keyFrom - key);
            int count = Math.min(DEPTH, keyTo - key) - skip;
            long first = KeyPanels.depthOffset(key + skip, 0, length, d);
            long second = KeyPanels.depthOffset(key + skip, 1, length, d);
            PanelProduct.multiply(
                    View.rows(scoreGradients, matrixRow(keyHead, from) + 4L * (key + skip), 4L * width),
                    View.panels(keyPanels, keyPanel(keyHead, 2) + first, second - first),
                    View.rows(block, 0, 4L * d),
                    rows,
                    d,
                    count,
                    key <= keyFrom ? Write.SET : Write.ADD,
                    products[member]);
        }
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(block, 4L * r * d, dQ, 4 * headRow(keyHead, from + r) * d, 4L * d);
        }
    }

    /** dV and dK of a block of keys, summed over the stretch's queries. */
    private void keyBlock(int chunk, int member) {
        int blocks = Gemm.ceilDiv(stretchTo, KEYS);
        int keyHead = chunk / blocks;
        int key = chunk % blocks * KEYS;
        int keys = Math.min(KEYS, length - key);
        int last = shape.window() == 0 ? length : Math.min(length, key + keys - 1 + shape.window());
        int from = Math.max(key, stretchFrom) - stretchFrom;
        int to = (int) Math.min(stretchTo, Gemm.roundUp(last, queries)) - stretchFrom;
        Write write = key >= stretchFrom ? Write.SET : Write.ADD;
        if (from < to) {
            keyGradient(member, keyHead, key, keys, from * group, to * group, probabilities, 1, dV, write);
            keyGradient(member, keyHead, key, keys, from * group, to * group, scoreGradients, 0, dK, write);
        }
    }

    private void keyGradient(
            int member,
            int keyHead,
            int key,
            int keys,
            int from,
            int to,
            MemorySegment matrix,
            int which,
            MemorySegment gradient,
            Write write) {
        int d = shape.headDim();
        long stride = 4L * shape.keyValueHeads() * d;
        for (int block = from / DEPTH * DEPTH; block < to; block += DEPTH) {
            int first = Math.max(from, block);
            int count = Math.min(to, block + DEPTH) - first;
            long panel = KeyPanels.depthOffset(first, 0, stretchRows(), d);
            long next = KeyPanels.depthOffset(first, 1, stretchRows(), d);
            PanelProduct.multiply(
                    View.columns(matrix, matrixRow(keyHead, first) + 4L * key, 4L * width),
                    View.panels(queryPanels, queryPanel(keyHead, which) + panel, next - panel),
                    View.rows(gradient, (span.row() + key) * stride + 4L * keyHead * d, stride),
                    keys,
                    d,
                    count,
                    first == from ? write : Write.ADD,
                    products[member]);
        }
    }

    @Override
    public void close() {
        packed.close();
        large.close();
        own.close();
    }
}
