package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.all;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;
import static dev.jemma.engine.kernel.cpu.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.Tiles.NR;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.PanelProduct.View;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Attention of spans with many rows: blocks of queries against blocks of keys with a running softmax (Dao et al., "FlashAttention",
 * 2022), all products through {@link PanelProduct}.
 *
 * <p>The query heads that share a key head are stacked: row {@code i * G + g} of a block is query i, head g of G, so a panel of
 * keys serves all of them. Spans of few rows go to {@link DecodeAttention}.
 */
final class Attention implements AutoCloseable {
    /** Stacked rows a query block should have. */
    static final int STACKED = 48;

    private static final int KEYS = DEPTH;
    /** Rows of a span from which blocks pay. */
    private static final int BLOCK_ROWS = 4;

    private final ThreadTeam team;
    private final DecodeAttention decode;
    private final Scratch packed = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task packTask = this::pack;
    private final ThreadTeam.Task blockTask = this::block;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment lse = MemorySegment.NULL;
    private MemorySegment q = MemorySegment.NULL;
    private MemorySegment k = MemorySegment.NULL;
    private MemorySegment v = MemorySegment.NULL;
    private MemorySegment panels = MemorySegment.NULL;
    private AttentionShape shape = new AttentionShape(1, 1, 2, 1, 0, 0);
    private Span span = new Span(0, 1, 0, 0, 1);

    /** First and past-the-last position packed; first is the start of panel 0. */
    private int first;

    private int end;
    private int group;
    private int queries;
    private int blocks;
    private int panelCount;
    private long keyFloats;
    private MemberScratch[] members = new MemberScratch[0];
    private int memberHeadDim;
    private int memberRows;

    /** Buffers of one member, all [rows, ...]: queries, scores that become probabilities, output, and per row maximum and sum. */
    private record MemberScratch(
            MemorySegment queries,
            MemorySegment scores,
            MemorySegment output,
            MemorySegment state,
            MemorySegment square,
            MemorySegment product) {}

    Attention(ThreadTeam team) {
        this.team = team;
        this.decode = new DecodeAttention(team);
    }

    void forward(
            Tensor outT, Tensor lseT, Tensor qT, Tensor kT, Tensor vT, AttentionShape attentionShape, Span[] spans) {
        decode.forward(outT, lseT, qT, kT, vT, attentionShape, spans, BLOCK_ROWS);
        out = outT.segment();
        lse = lseT.segment();
        q = qT.segment();
        k = kT.segment();
        v = vT.segment();
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
        first = shape.firstVisible(span.position());
        end = span.position() + span.length();
        panelCount = Gemm.ceilDiv(end - first, NR);
        blocks = Gemm.ceilDiv(span.length(), queries);
        keyFloats = KeyPanels.floats(end - first, shape.headDim());
        panels = packed.atLeast(4 * 2 * keyFloats * shape.keyValueHeads());
        prepareMembers();
        team.run(panelCount * shape.keyValueHeads(), packTask);
        team.run(blocks * shape.keyValueHeads(), blockTask);
    }

    private void prepareMembers() {
        int rows = queries * group;
        int d = shape.headDim();
        if (members.length != 0 && memberHeadDim == d && memberRows == rows) {
            return;
        }
        memberHeadDim = d;
        memberRows = rows;
        long[] bytes = {
            4L * rows * d, 4L * rows * KEYS, 4L * rows * d, 8L * rows, 4L * L * L, PanelProduct.scratchBytes(rows)
        };
        long total = 0;
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = bytes[i] + 63 & -64;
            total += bytes[i];
        }
        MemorySegment region = own.atLeast(total * team.size());
        members = new MemberScratch[team.size()];
        MemorySegment[] parts = new MemorySegment[bytes.length];
        for (int m = 0; m < members.length; m++) {
            long at = total * m;
            for (int i = 0; i < bytes.length; i++) {
                parts[i] = region.asSlice(at, bytes[i]);
                at += bytes[i];
            }
            members[m] = new MemberScratch(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
        }
    }

    private long keyOffset(int keyHead) {
        return 4 * 2 * keyFloats * keyHead;
    }

    private long valueOffset(int keyHead) {
        return keyOffset(keyHead) + 4 * keyFloats;
    }

    /** One panel of keys and as many values of one key head. */
    private void pack(int chunk, int member) {
        int d = shape.headDim();
        int keyHead = chunk / panelCount;
        int from = first + chunk % panelCount * NR;
        int to = Math.min(end, from + NR);
        long stride = 4L * shape.keyValueHeads() * d;
        long head = 4L * keyHead * d;
        long panel = keyOffset(keyHead) + 4L * (from - first) * d;
        KeyPanels.columns(k, stride, head, d, span, from, to, panels, panel, members[member].square);
        for (int p = from; p < to; p++) {
            KeyPanels.depthRow(
                    v, span.keyRowOf(p) * stride + head, d, p - first, end - first, panels, valueOffset(keyHead));
        }
    }

    /** One block of queries of one key head. */
    private void block(int chunk, int member) {
        MemberScratch my = members[member];
        int d = shape.headDim();
        int keyHead = chunk / blocks;
        int queryFrom = chunk % blocks * queries;
        int queryCount = Math.min(queries, span.length() - queryFrom);
        int rows = queryCount * group;
        loadQueries(my, keyHead, queryFrom, rows);
        my.output.fill((byte) 0);
        for (int r = 0; r < rows; r++) {
            my.state.set(Lanes.FLOAT, 8L * r, Float.NEGATIVE_INFINITY);
            my.state.set(Lanes.FLOAT, 8L * r + 4, 0);
        }
        int position = span.position() + queryFrom;
        int visibleFrom = shape.firstVisible(position) - first;
        int visibleTo = position + queryCount - first;
        for (int key = visibleFrom / KEYS * KEYS; key < visibleTo; key += KEYS) {
            int count = Math.min(KEYS, visibleTo - key);
            scores(my, keyHead, key, count, rows);
            for (int r = 0; r < rows; r++) {
                softmax(my, r, position + r / group, key, count, d);
            }
            addValues(my, keyHead, key, count, rows);
        }
        for (int r = 0; r < rows; r++) {
            finish(my, r, (span.row() + queryFrom + r / group) * (long) shape.heads() + keyHead * group + r % group);
        }
    }

    private void loadQueries(MemberScratch my, int keyHead, int queryFrom, int rows) {
        long bytes = 4L * shape.headDim();
        for (int r = 0; r < rows; r++) {
            long row = (span.row() + queryFrom + r / group) * (long) shape.heads() + keyHead * group + r % group;
            MemorySegment.copy(q, row * bytes, my.queries, r * bytes, bytes);
        }
    }

    /** scores [rows, KEYS] = Q K^T for keys {@code key .. key + count - 1} (counted from {@link #first}). */
    private void scores(MemberScratch my, int keyHead, int key, int count, int rows) {
        int d = shape.headDim();
        PanelProduct.multiply(
                View.rows(my.queries, 0, 4L * d),
                View.panels(panels, keyOffset(keyHead) + 4L * key * d, 4L * NR * d),
                View.rows(my.scores, 0, 4L * KEYS),
                rows,
                count,
                d,
                Write.SET,
                my.product);
    }

    /** Turns a row of scores into unnormalized probabilities, and rescales what the row has so far to its new maximum. */
    private void softmax(MemberScratch my, int r, int position, int key, int count, int d) {
        long at = 4L * r * KEYS;
        int from = Math.max(0, shape.firstVisible(position) - first - key);
        int to = Math.min(count, position + 1 - first - key);
        if (to <= from) {
            fill(my.scores, at, 0, count, 0);
            return;
        }
        fill(my.scores, at, 0, from, Float.NEGATIVE_INFINITY);
        fill(my.scores, at, to, count, Float.NEGATIVE_INFINITY);
        float old = my.state.get(Lanes.FLOAT, 8L * r);
        float max = Math.max(old, Scores.capAndMax(my.scores, at, count, shape.scale(), shape.softcap()));
        float sum = Scores.exp(my.scores, at, count, max);
        float keep = old == max ? 1 : VectorMath.exp(all(old - max)).lane(0);
        if (keep != 1) {
            scaleRow(my.output, 4L * r * d, d, keep);
        }
        my.state.set(Lanes.FLOAT, 8L * r, max);
        my.state.set(Lanes.FLOAT, 8L * r + 4, Lanes.fma(my.state.get(Lanes.FLOAT, 8L * r + 4), keep, sum));
    }

    private static void fill(MemorySegment s, long at, int from, int to, float value) {
        for (int i = from; i < to; i++) {
            s.set(Lanes.FLOAT, at + 4L * i, value);
        }
    }

    private static void scaleRow(MemorySegment s, long at, int d, float factor) {
        int i = 0;
        for (; i + L <= d; i += L) {
            store(load(s, at + 4L * i).mul(factor), s, at + 4L * i);
        }
        for (; i < d; i++) {
            s.set(Lanes.FLOAT, at + 4L * i, s.get(Lanes.FLOAT, at + 4L * i) * factor);
        }
    }

    /** output += P V. */
    private void addValues(MemberScratch my, int keyHead, int key, int count, int rows) {
        int d = shape.headDim();
        long first = KeyPanels.depthOffset(key, 0, end - this.first, d);
        long second = KeyPanels.depthOffset(key, 1, end - this.first, d);
        PanelProduct.multiply(
                View.rows(my.scores, 0, 4L * KEYS),
                View.panels(panels, valueOffset(keyHead) + first, second - first),
                View.rows(my.output, 0, 4L * d),
                rows,
                d,
                count,
                Write.ADD,
                my.product);
    }

    private void finish(MemberScratch my, int r, long row) {
        int d = shape.headDim();
        float max = my.state.get(Lanes.FLOAT, 8L * r);
        float sum = my.state.get(Lanes.FLOAT, 8L * r + 4);
        FloatVector inverse = all(1 / sum);
        int i = 0;
        for (; i + L <= d; i += L) {
            store(load(my.output, 4L * (r * d + i)).mul(inverse), out, 4 * (row * d + i));
        }
        for (; i < d; i++) {
            out.set(Lanes.FLOAT, 4 * (row * d + i), my.output.get(Lanes.FLOAT, 4L * (r * d + i)) * (1 / sum));
        }
        lse.set(Lanes.FLOAT, 4 * row, (float) (max + StrictMath.log(sum)));
    }

    @Override
    public void close() {
        packed.close();
        own.close();
        decode.close();
    }
}
