package dev.jemma.engine.kernel.cpu.attention;

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
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Attention of spans with many rows: blocks of queries against blocks of keys with a running softmax (Dao et al.,
 * "FlashAttention", 2022), both products through {@link HeadProduct}.
 *
 * <p>The query heads that share a key head are stacked: row {@code i * G + g} of a block is query i, head g of G, so a
 * panel of keys serves all of them. Spans of few rows go to {@link DecodeAttention}.
 */
public final class Attention implements AutoCloseable {
    /** Stacked rows a query block should have. */
    static final int STACKED = 48;

    /** Keys of a block: a multiple of every {@link HeadProduct#keyBlock}. */
    private static final int KEYS = 5 * HeadProduct.PACKED_ROWS;

    /** Rows of a span from which blocks pay. */
    private static final int BLOCK_ROWS = 4;

    private final ThreadTeam team;
    private final HeadProduct product;
    private final DecodeAttention decode;
    private final Scratch packed = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task packTask = this::pack;
    private final ThreadTeam.Task blockTask = this::block;
    private final Placement keyPlacement = this::keyOffset;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment lse = MemorySegment.NULL;
    private MemorySegment q = MemorySegment.NULL;
    private Unpacked k = new Unpacked(MemorySegment.NULL, keyPlacement);
    private Unpacked v = new Unpacked(MemorySegment.NULL, keyPlacement);
    private AttentionShape shape = new AttentionShape(1, 1, 2, 1, 0, 0);
    private Span span = new Span(0, 1, 0, 0, 1);

    /** First position packed. */
    private int first;

    /** Positions packed. */
    private int count;

    private int group;
    private int queries;
    private int blocks;
    private int packChunks;
    private Packed[] keys = new Packed[0];
    private Packed[] values = new Packed[0];
    private MemberScratch[] members = new MemberScratch[0];
    private int memberHeadDim;
    private int memberRows;

    /**
     * Buffers of one member. Of every stacked row: query, scores, probabilities, output, and its maximum and sum so
     * far.
     */
    private record MemberScratch(
            Matrix queries,
            Matrix scores,
            Matrix probabilities,
            Matrix output,
            MemorySegment state,
            MemorySegment product) {}

    /** By the threads of {@code team}, borrowed, with products of heads. */
    public Attention(ThreadTeam team, HeadProduct product) {
        this.team = team;
        this.product = product;
        this.decode = new DecodeAttention(team);
    }

    /** Attention of all spans; the rows of {@code outT} and {@code lseT} that they have are written. */
    public void forward(
            Tensor outT, Tensor lseT, Tensor qT, Tensor kT, Tensor vT, AttentionShape attentionShape, Span[] spans) {
        decode.forward(outT, lseT, qT, kT, vT, attentionShape, spans, BLOCK_ROWS);
        out = outT.segment();
        lse = lseT.segment();
        q = qT.segment();
        k = new Unpacked(kT.segment(), keyPlacement);
        v = new Unpacked(vT.segment(), keyPlacement);
        shape = attentionShape;
        group = shape.heads() / shape.keyValueHeads();
        queries = Math.max(1, STACKED / group);
        for (Span s : spans) {
            if (s.length() >= BLOCK_ROWS) {
                span = s;
                spanForward();
            }
        }
    }

    private void spanForward() {
        int d = shape.headDim();
        int keyHeads = shape.keyValueHeads();
        first = shape.firstVisible(span.position());
        count = span.position() + span.length() - first;
        blocks = Math.ceilDiv(span.length(), queries);
        packChunks = Math.ceilDiv(count, HeadProduct.PACKED_ROWS);
        long keyBytes = Sizes.roundUp(product.packedBytes(Layout.COLUMNS, count, d), 64);
        long valueBytes = Sizes.roundUp(product.packedBytes(Layout.DEPTH, count, d), 64);
        MemorySegment panels = packed.atLeast((keyBytes + valueBytes) * keyHeads);
        if (keys.length != keyHeads) {
            keys = new Packed[keyHeads];
            values = new Packed[keyHeads];
        }
        for (int h = 0; h < keyHeads; h++) {
            long at = (keyBytes + valueBytes) * h;
            keys[h] = new Packed(Layout.COLUMNS, panels, at, count, d);
            values[h] = new Packed(Layout.DEPTH, panels, at + keyBytes, count, d);
        }
        prepareMembers();
        team.run(packChunks * keyHeads, packTask);
        team.run(blocks * keyHeads, blockTask);
    }

    private void prepareMembers() {
        int rows = queries * group;
        int d = shape.headDim();
        if (members.length != 0 && memberHeadDim == d && memberRows == rows) {
            return;
        }
        memberHeadDim = d;
        memberRows = rows;
        long[] strides = {product.leftStride(d), 4L * KEYS, product.leftStride(KEYS), 4L * d};
        long[] starts = new long[strides.length];
        long total = 0;
        for (int i = 0; i < strides.length; i++) {
            starts[i] = total;
            total += Sizes.roundUp(rows * strides[i], 64);
        }
        long stateBytes = Sizes.roundUp(8L * rows, 64);
        long productBytes = product.scratchBytes(rows, d);
        long bytes = Sizes.roundUp(total + stateBytes + productBytes, 64);
        MemorySegment region = own.atLeast(bytes * team.size());
        members = new MemberScratch[team.size()];
        for (int m = 0; m < members.length; m++) {
            MemorySegment mine = region.asSlice(bytes * m, bytes);
            members[m] = new MemberScratch(
                    new Matrix(mine, starts[0], strides[0]),
                    new Matrix(mine, starts[1], strides[1]),
                    new Matrix(mine, starts[2], strides[2]),
                    new Matrix(mine, starts[3], strides[3]),
                    mine.asSlice(total, stateBytes),
                    mine.asSlice(total + stateBytes, productBytes));
        }
    }

    /** Where the key or value of position {@code first + row} is. */
    private long keyOffset(int keyHead, int row) {
        return 4L * ((long) span.keyRowOf(first + row) * shape.keyValueHeads() + keyHead) * shape.headDim();
    }

    /** Keys and values of one key head. */
    private void pack(int chunk, int member) {
        int keyHead = chunk / packChunks;
        int from = chunk % packChunks * HeadProduct.PACKED_ROWS;
        int to = Math.min(count, from + HeadProduct.PACKED_ROWS);
        MemorySegment scratch = members[member].product;
        product.pack(k, keyHead, from, to, keys[keyHead], scratch);
        product.pack(v, keyHead, from, to, values[keyHead], scratch);
    }

    /** Row of q and out, in heads, of a stacked row of the block that begins with query {@code queryFrom}. */
    private long headRow(int keyHead, int queryFrom, int r) {
        return (span.row() + queryFrom + r / group) * (long) shape.heads() + keyHead * group + r % group;
    }

    /**
     * One block of queries of one key head. Late queries see most keys, so their blocks come first: short ones end the
     * task evenly.
     */
    private void block(int chunk, int member) {
        MemberScratch my = members[member];
        int d = shape.headDim();
        int keyHead = chunk / blocks;
        int queryFrom = (blocks - 1 - chunk % blocks) * queries;
        int queryCount = Math.min(queries, span.length() - queryFrom);
        int rows = queryCount * group;
        for (int r = 0; r < rows; r++) {
            long at = 4 * headRow(keyHead, queryFrom, r) * d;
            product.left(q, at, d, my.queries.memory(), my.queries.at(r));
            my.state.set(Lanes.FLOAT, 8L * r, Float.NEGATIVE_INFINITY);
            my.state.set(Lanes.FLOAT, 8L * r + 4, 0);
        }
        int position = span.position() + queryFrom;
        int visibleFrom = shape.firstVisible(position) - first;
        int visibleTo = position + queryCount - first;
        int from = visibleFrom / product.keyBlock() * product.keyBlock();
        for (int key = from; key < visibleTo; key += KEYS) {
            int width = Math.min(KEYS, visibleTo - key);
            product.timesTransposed(my.queries, rows, keys[keyHead].part(key, width), my.scores, my.product);
            for (int r = 0; r < rows; r++) {
                softmax(my, r, position + r / group - first, key, width);
            }
            Write write = key == from ? Write.SET : Write.ADD;
            product.times(my.probabilities, rows, values[keyHead].part(key, width), my.output, write, my.product);
        }
        for (int r = 0; r < rows; r++) {
            finish(my, r, headRow(keyHead, queryFrom, r));
        }
    }

    /**
     * Turns a row of scores into unnormalized probabilities, and rescales what the row has so far to its new maximum.
     *
     * @param position of the query, and
     * @param key the block's first key, both counted from {@link #first}
     */
    private void softmax(MemberScratch my, int r, int position, int key, int width) {
        Matrix p = my.probabilities;
        long row = p.at(r);
        int bytes = product.elementBytes();
        int padded = (int) Sizes.roundUp(width, 2);
        int from = Math.max(0, shape.firstVisible(position + first) - first - key);
        int to = Math.min(width, position + 1 - key);
        if (to <= from) {
            HeadProduct.zeros(p.memory(), row, (long) bytes * padded);
            return;
        }
        HeadProduct.zeros(p.memory(), row, (long) bytes * from);
        HeadProduct.zeros(p.memory(), row + (long) bytes * to, (long) bytes * (padded - to));
        MemorySegment scores = my.scores.memory();
        long seen = my.scores.at(r) + 4L * from;
        float old = my.state.get(Lanes.FLOAT, 8L * r);
        float max = Math.max(old, Scores.capAndMax(scores, seen, to - from, shape.scale(), shape.softcap()));
        float sum = product.exponentials(scores, seen, to - from, max, p.memory(), row + (long) bytes * from);
        float keep = old == max ? 1 : (float) StrictMath.exp(old - max);
        if (keep != 1 && old != Float.NEGATIVE_INFINITY) {
            scale(my.output, r, keep);
        }
        my.state.set(Lanes.FLOAT, 8L * r, max);
        my.state.set(Lanes.FLOAT, 8L * r + 4, Lanes.fma(my.state.get(Lanes.FLOAT, 8L * r + 4), keep, sum));
    }

    private void scale(Matrix output, int r, float factor) {
        long at = output.at(r);
        Widen.row(DType.F32, output.memory(), at, 0, shape.headDim(), factor, output.memory(), at);
    }

    private void finish(MemberScratch my, int r, long row) {
        long at = my.output.at(r);
        float max = my.state.get(Lanes.FLOAT, 8L * r);
        float sum = my.state.get(Lanes.FLOAT, 8L * r + 4);
        int d = shape.headDim();
        Widen.row(DType.F32, my.output.memory(), at, 0, d, 1 / sum, out, 4 * row * d);
        lse.set(Lanes.FLOAT, 4 * row, (float) (max + StrictMath.log(sum)));
    }

    @Override
    public void close() {
        packed.close();
        own.close();
        decode.close();
    }
}
