package dev.jemma.engine.kernel.cpu.attention;

import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Layout;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Matrix;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Packed;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Placement;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Unpacked;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
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
 * <p>Queries are taken in stretches whose P and dS fit a bounded scratch, so that each of the five products is computed
 * once: first every query block writes its rows of P and dS and its dQ, then every key block sums its dK and dV over
 * the stretch's rows. Rows are stacked as in {@link Attention}: row {@code i * G + g}. Nothing is added by two threads,
 * so the order of sums is fixed.
 */
public final class AttentionBackward implements AutoCloseable {
    /** Bytes that P and dS of a stretch may take together. */
    private static final long STRETCH_BYTES = 64L << 20;

    /** Keys whose scores a query block computes at once: a multiple of every {@link HeadProduct#keyBlock}. */
    private static final int KEYS = 3 * HeadProduct.PACKED_ROWS;

    private final ThreadTeam team;
    private final HeadProduct product;

    /** Keys of a block; query blocks divide it, and every row of P and dS is written in whole blocks. */
    private final int keyBlock;

    /** Whether factors are rounded to bf16. */
    private final boolean rounds;

    private final Scratch packed = new Scratch();
    private final Scratch large = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task packKeysTask = this::packKeys;
    private final ThreadTeam.Task packQueriesTask = this::packQueries;
    private final ThreadTeam.Task queryTask = this::queryBlock;
    private final ThreadTeam.Task keyTask = this::keyBlock;
    private final Placement keyPlacement = this::keyOffset;
    private final Placement queryPlacement = (keyHead, row) -> headRow(keyHead, row) * headBytes();

    private MemorySegment dQ = MemorySegment.NULL;
    private MemorySegment dK = MemorySegment.NULL;
    private MemorySegment dV = MemorySegment.NULL;
    private MemorySegment dOut = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment lse = MemorySegment.NULL;
    private MemorySegment q = MemorySegment.NULL;
    private Unpacked keys = new Unpacked(MemorySegment.NULL, keyPlacement);
    private Unpacked values = keys;
    private Unpacked queryRows = keys;
    private Unpacked gradientRows = keys;
    private AttentionShape shape = new AttentionShape(1, 1, 2, 1, 0, 0);
    private Span span = new Span(0, 1, 0, 0, 1);
    private int group;
    private int queries;
    private int length;
    private int packChunks;
    private int stretchFrom;
    private int stretchTo;
    private KeyOperands[] ofKeys = new KeyOperands[0];
    private QueryOperands[] ofQueries = new QueryOperands[0];
    private MemberScratch[] members = new MemberScratch[0];
    private int memberHeadDim;
    private int memberRows;

    /** What is packed of a key head for a whole span. */
    private record KeyOperands(Packed keyColumns, Packed valueColumns, Packed keyDepth) {}

    /** What is packed of the queries of a key head for a stretch, and the stretch's P and dS. */
    private record QueryOperands(Packed queries, Packed gradients, Matrix probabilities, Matrix scoreGradients) {}

    /**
     * Buffers of one member: a query block's rows of Q, dO and dQ, its scores and dP of some keys, and D of each row.
     */
    private record MemberScratch(
            Matrix queries,
            Matrix gradients,
            Matrix dQueries,
            Matrix scores,
            Matrix dProbabilities,
            MemorySegment deltas,
            MemorySegment product) {}

    /** By the threads of {@code team}, borrowed, with products of heads. */
    public AttentionBackward(ThreadTeam team, HeadProduct product) {
        this.team = team;
        this.product = product;
        this.keyBlock = product.keyBlock();
        this.rounds = product.elementBytes() < Float.BYTES;
    }

    /** Sets dQ, dK and dV of all spans. */
    public void backward(
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
        keys = new Unpacked(kT.segment(), keyPlacement);
        values = new Unpacked(vT.segment(), keyPlacement);
        queryRows = new Unpacked(q, queryPlacement);
        gradientRows = new Unpacked(dOut, queryPlacement);
        shape = attentionShape;
        group = shape.heads() / shape.keyValueHeads();
        queries = Math.max(1, Attention.STACKED / group);
        while (keyBlock % queries != 0) {
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
        if (members.length != 0 && memberHeadDim == d && memberRows == rows) {
            return;
        }
        memberHeadDim = d;
        memberRows = rows;
        long[] strides = {product.leftStride(d), product.leftStride(d), 4L * d, 4L * KEYS, 4L * KEYS};
        long[] starts = new long[strides.length];
        long total = 0;
        for (int i = 0; i < strides.length; i++) {
            starts[i] = total;
            total += Sizes.roundUp(rows * strides[i], 64);
        }
        long deltaBytes = Sizes.roundUp(4L * rows, 64);
        long productBytes = product.scratchBytes(rows, d);
        long bytes = Sizes.roundUp(total + deltaBytes + productBytes, 64);
        MemorySegment region = own.atLeast(bytes * team.size());
        members = new MemberScratch[team.size()];
        for (int m = 0; m < members.length; m++) {
            MemorySegment mine = region.asSlice(bytes * m, bytes);
            members[m] = new MemberScratch(
                    new Matrix(mine, starts[0], strides[0]),
                    new Matrix(mine, starts[1], strides[1]),
                    new Matrix(mine, starts[2], strides[2]),
                    new Matrix(mine, starts[3], strides[3]),
                    new Matrix(mine, starts[4], strides[4]),
                    mine.asSlice(total, deltaBytes),
                    mine.asSlice(total + deltaBytes, productBytes));
        }
    }

    private void spanBackward() {
        int keyHeads = shape.keyValueHeads();
        length = span.length();
        int width = (int) Sizes.roundUp(length, HeadProduct.PACKED_ROWS);
        long rowBytes = 2 * product.leftStride(width) * shape.heads();
        int stretch = (int) Math.min(length, Math.max(1, STRETCH_BYTES / (rowBytes * keyBlock)) * keyBlock);
        place(keyHeads, width, stretch * group);
        packChunks = Math.ceilDiv(length, HeadProduct.PACKED_ROWS);
        team.run(packChunks * keyHeads, packKeysTask);
        for (stretchFrom = 0; stretchFrom < length; stretchFrom = stretchTo) {
            stretchTo = Math.min(length, stretchFrom + stretch);
            packChunks = Math.ceilDiv(stretchRows(), HeadProduct.PACKED_ROWS);
            team.run(packChunks * keyHeads, packQueriesTask);
            team.run(Math.ceilDiv(stretchTo - stretchFrom, queries) * keyHeads, queryTask);
            team.run(Math.ceilDiv(stretchTo, keyBlock) * keyHeads, keyTask);
        }
    }

    /** Lays out the operands of every key head for stretches of at most {@code rows} stacked rows. */
    private void place(int keyHeads, int width, int rows) {
        int d = shape.headDim();
        long columns = Sizes.roundUp(product.packedBytes(Layout.COLUMNS, length, d), 64);
        long depth = Sizes.roundUp(product.packedBytes(Layout.DEPTH, length, d), 64);
        long summed = Sizes.roundUp(product.packedBytes(Layout.SUMMED, rows, d), 64);
        long stride = product.leftStride(width);
        long matrix = Sizes.roundUp(rows * stride, 64);
        long panelBytes = 2 * columns + depth + 2 * summed;
        MemorySegment panels = packed.atLeast(keyHeads * panelBytes);
        MemorySegment matrices = large.atLeast(keyHeads * 2 * matrix);
        if (ofKeys.length != keyHeads) {
            ofKeys = new KeyOperands[keyHeads];
            ofQueries = new QueryOperands[keyHeads];
        }
        for (int h = 0; h < keyHeads; h++) {
            long at = h * panelBytes;
            ofKeys[h] = new KeyOperands(
                    new Packed(Layout.COLUMNS, panels, at, length, d),
                    new Packed(Layout.COLUMNS, panels, at + columns, length, d),
                    new Packed(Layout.DEPTH, panels, at + 2 * columns, length, d));
            at += 2 * columns + depth;
            ofQueries[h] = new QueryOperands(
                    new Packed(Layout.SUMMED, panels, at, rows, d),
                    new Packed(Layout.SUMMED, panels, at + summed, rows, d),
                    new Matrix(matrices, 2 * h * matrix, stride),
                    new Matrix(matrices, (2 * h + 1) * matrix, stride));
        }
    }

    private long headBytes() {
        return 4L * shape.headDim();
    }

    private long keyOffset(int keyHead, int row) {
        return ((long) span.keyRowOf(row) * shape.keyValueHeads() + keyHead) * headBytes();
    }

    /** Row of q, out, ... of a stacked row of the stretch, in heads. */
    private long headRow(int keyHead, int row) {
        return (span.row() + stretchFrom + row / group) * (long) shape.heads() + keyHead * group + row % group;
    }

    private int stretchRows() {
        return (stretchTo - stretchFrom) * group;
    }

    private void packKeys(int chunk, int member) {
        int keyHead = chunk / packChunks;
        int from = chunk % packChunks * HeadProduct.PACKED_ROWS;
        int to = Math.min(length, from + HeadProduct.PACKED_ROWS);
        KeyOperands operands = ofKeys[keyHead];
        MemorySegment scratch = members[member].product;
        product.pack(keys, keyHead, from, to, operands.keyColumns, scratch);
        product.pack(values, keyHead, from, to, operands.valueColumns, scratch);
        product.pack(keys, keyHead, from, to, operands.keyDepth, scratch);
    }

    private void packQueries(int chunk, int member) {
        int keyHead = chunk / packChunks;
        int from = chunk % packChunks * HeadProduct.PACKED_ROWS;
        int to = Math.min(stretchRows(), from + HeadProduct.PACKED_ROWS);
        QueryOperands operands = ofQueries[keyHead];
        MemorySegment scratch = members[member].product;
        product.pack(queryRows, keyHead, from, to, operands.queries, scratch);
        product.pack(gradientRows, keyHead, from, to, operands.gradients, scratch);
    }

    /**
     * P and dS of a block of queries, in whole key blocks, and its dQ. Late queries see most keys, so their blocks come
     * first.
     */
    private void queryBlock(int chunk, int member) {
        int d = shape.headDim();
        int blocks = Math.ceilDiv(stretchTo - stretchFrom, queries);
        int keyHead = chunk / blocks;
        int from = (blocks - 1 - chunk % blocks) * queries * group;
        int rows = Math.min(stretchRows() - from, queries * group);
        int position = stretchFrom + from / group;
        int keyFrom = shape.firstVisible(position) / keyBlock * keyBlock;
        int seen = Math.min(length, position + Math.ceilDiv(rows, group));
        MemberScratch my = members[member];
        for (int r = 0; r < rows; r++) {
            long at = headRow(keyHead, from + r) * headBytes();
            left(q, at, d, my.queries, r);
            left(dOut, at, d, my.gradients, r);
            my.deltas.set(Lanes.FLOAT, 4L * r, dot(at));
        }
        KeyOperands ofKey = ofKeys[keyHead];
        QueryOperands ofQuery = ofQueries[keyHead];
        for (int key = keyFrom; key < seen; key += KEYS) {
            int count = Math.min(KEYS, seen - key);
            product.timesTransposed(my.queries, rows, ofKey.keyColumns.part(key, count), my.scores, my.product);
            product.timesTransposed(
                    my.gradients, rows, ofKey.valueColumns.part(key, count), my.dProbabilities, my.product);
            long skipped = (long) product.elementBytes() * key;
            ScoreGradients block = new ScoreGradients(
                    shape,
                    my.scores,
                    my.dProbabilities,
                    ofQuery.probabilities.from(from, skipped),
                    ofQuery.scoreGradients.from(from, skipped));
            for (int r = 0; r < rows; r++) {
                row(block, r, keyHead, from + r, key, count, my.deltas.get(Lanes.FLOAT, 4L * r));
            }
            Write write = key == keyFrom ? Write.SET : Write.ADD;
            product.times(block.dScores(), rows, ofKey.keyDepth.part(key, count), my.dQueries, write, my.product);
        }
        for (int r = 0; r < rows; r++) {
            long to = headRow(keyHead, from + r) * headBytes();
            MemorySegment.copy(my.dQueries.memory(), my.dQueries.at(r), dQ, to, headBytes());
        }
    }

    private void left(MemorySegment from, long at, int count, Matrix to, int row) {
        product.left(from, at, count, to.memory(), to.at(row));
    }

    /**
     * A row's scores and dP become its part of P and dS, zeros where it does not see.
     *
     * @param r its number in the block, and
     * @param row in the stretch
     * @param key the block's first key
     * @param count its keys
     */
    private void row(ScoreGradients block, int r, int keyHead, int row, int key, int count, float delta) {
        int position = stretchFrom + row / group;
        int whole = (int) Sizes.roundUp(count, keyBlock);
        int from = Math.clamp(shape.firstVisible(position) - key, 0, whole);
        int to = Math.max(from, Math.min(count, position + 1 - key));
        zeros(block.probabilities(), r, 0, from);
        zeros(block.dScores(), r, 0, from);
        zeros(block.probabilities(), r, to, whole);
        zeros(block.dScores(), r, to, whole);
        if (from < to) {
            float rowLse = lse.get(Lanes.FLOAT, 4 * headRow(keyHead, row));
            product.gradients(block, r, from, to - from, rowLse, delta);
        }
    }

    /** Elements {@code from .. to - 1} of a row of P or dS. */
    private void zeros(Matrix matrix, int row, int from, int to) {
        long bytes = product.elementBytes();
        HeadProduct.zeros(matrix.memory(), matrix.at(row) + bytes * from, bytes * (to - from));
    }

    /** D of a head row, of the dO that the products see: else dS of a query that sees one key would not be zero. */
    private float dot(long at) {
        int d = shape.headDim();
        FloatVector sum = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i + L <= d; i += L) {
            FloatVector gradient = FloatVector.fromMemorySegment(FLOATS, dOut, at + 4L * i, ORDER);
            FloatVector output = FloatVector.fromMemorySegment(FLOATS, out, at + 4L * i, ORDER);
            sum = fma(rounds ? Lanes.roundedToBf16(gradient) : gradient, output, sum);
        }
        if (i < d) {
            VectorMask<Float> m = Lanes.first(d - i);
            FloatVector gradient = FloatVector.fromMemorySegment(FLOATS, dOut, at + 4L * i, ORDER, m);
            FloatVector output = FloatVector.fromMemorySegment(FLOATS, out, at + 4L * i, ORDER, m);
            sum = fma(rounds ? Lanes.roundedToBf16(gradient) : gradient, output, sum);
        }
        return Lanes.sum(sum);
    }

    /** dV and dK of a block of keys, summed over the stretch's queries. */
    private void keyBlock(int chunk, int member) {
        int blocks = Math.ceilDiv(stretchTo, keyBlock);
        int keyHead = chunk / blocks;
        int key = chunk % blocks * keyBlock;
        int last = Math.min(length, key + keyBlock);
        if (shape.window() != 0) {
            last = Math.min(length, last - 1 + shape.window());
        } else {
            last = length;
        }
        int from = Math.max(key, stretchFrom) - stretchFrom;
        int to = (int) Math.min(stretchTo, Sizes.roundUp(last, queries)) - stretchFrom;
        if (from < to) {
            QueryOperands operands = ofQueries[keyHead];
            keyGradient(member, keyHead, key, from, to, operands.probabilities, operands.gradients, dV);
            keyGradient(member, keyHead, key, from, to, operands.scoreGradients, operands.queries, dK);
        }
    }

    private void keyGradient(
            int member, int keyHead, int key, int from, int to, Matrix matrix, Packed operand, MemorySegment gradient) {
        long stride = shape.keyValueHeads() * headBytes();
        product.transposedTimes(
                matrix.from(from * group, (long) product.elementBytes() * key),
                Math.min(keyBlock, length - key),
                operand.part(from * group, (to - from) * group),
                new Matrix(gradient, (span.row() + key) * stride + keyHead * headBytes(), stride),
                key >= stretchFrom ? Write.SET : Write.ADD,
                members[member].product);
    }

    @Override
    public void close() {
        packed.close();
        large.close();
        own.close();
    }
}
