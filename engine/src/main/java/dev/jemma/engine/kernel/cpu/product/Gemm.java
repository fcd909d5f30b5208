package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.product.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.product.Tiles.MR;
import static dev.jemma.engine.kernel.cpu.product.Tiles.NR;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Products of matrices: {@code C = scale * A B} or {@code C += scale * A B}, A and C f32, B any weight type, each of A
 * and B either as it is stored or transposed.
 *
 * <p>After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): A is packed once into
 * strips, by all threads; then each thread takes columns of C, packs one panel of B at a time (it stays in the
 * first-level cache) and runs the strips past it. The depth is cut into blocks that depend on it alone, so an element's
 * bits depend on neither threads nor tiles.
 */
final class Gemm implements AutoCloseable {
    /** Rows of C worked on at a time: bounds the scratch for A. */
    private static final int ROWS = 128 * MR;

    /** Blocks of the depth worked on at a time: bounds the scratch for A. */
    private static final int BLOCKS = 16;

    private static final int STRIPS_PER_CHUNK = 4;
    private static final int CHUNKS_PER_MEMBER = 4;

    /** Scratch of a member: a panel, what {@link Pack} transposes in and an edge tile. */
    private static final long PANEL_BYTES = 4L * DEPTH * NR;

    private static final long SQUARE_BYTES = Pack.SCRATCH_BYTES;
    private static final long MEMBER_BYTES = PANEL_BYTES + SQUARE_BYTES + Tiles.EDGE_BYTES;

    private final ThreadTeam team;
    private final Scratch packed = new Scratch();
    private final Scratch own = new Scratch();
    private final MemorySegment[] panels;
    private final MemorySegment[] squares;
    private final MemorySegment[] edges;
    private final ThreadTeam.Task packTask = this::packStrips;
    private final ThreadTeam.Task columnTask = this::multiplyColumns;

    private MemorySegment a = MemorySegment.NULL;
    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment c = MemorySegment.NULL;
    private MemorySegment strips = MemorySegment.NULL;
    private Order aOrder = Order.PLAIN;
    private Order bOrder = Order.PLAIN;
    private DType bType = DType.F32;
    private Write write = Write.SET;
    private float scale;
    private long aStride;
    private long bStride;
    private long cStride;
    private int columns;
    private int depthBlock;
    private int row;
    private int rows;
    private long depthFrom;
    private long depthTo;
    private int panelsPerChunk;
    private int rowGroups;

    Gemm(ThreadTeam team) {
        this.team = team;
        panels = new MemorySegment[team.size()];
        squares = new MemorySegment[team.size()];
        edges = new MemorySegment[team.size()];
        long stride = MEMBER_BYTES + 63 & -64;
        MemorySegment all = own.atLeast(stride * team.size());
        for (int i = 0; i < team.size(); i++) {
            panels[i] = all.asSlice(i * stride, PANEL_BYTES);
            squares[i] = all.asSlice(i * stride + PANEL_BYTES, SQUARE_BYTES);
            edges[i] = all.asSlice(i * stride + PANEL_BYTES + SQUARE_BYTES, Tiles.EDGE_BYTES);
        }
    }

    /** C [M, N] from A [M, K] (TRANSPOSED: the tensor is [K, M]) and B [K, N] (TRANSPOSED: [N, K]). */
    void multiply(Tensor out, Tensor left, Order leftOrder, Tensor right, Order rightOrder, float factor, Write mode) {
        int m = Math.toIntExact(out.dim(0));
        int n = Math.toIntExact(out.dim(1));
        long k = leftOrder == Order.PLAIN ? left.dim(1) : left.dim(0);
        if (m == 0 || n == 0) {
            return;
        }
        a = left.segment();
        b = right.segment();
        c = out.segment();
        aOrder = leftOrder;
        bOrder = rightOrder;
        bType = right.dtype();
        scale = factor;
        columns = n;
        aStride = 4 * (leftOrder == Order.PLAIN ? k : m);
        bStride = bType.bytes(rightOrder == Order.PLAIN ? n : k);
        cStride = 4L * n;
        depthBlock = depthBlock(k);
        strips = packed.atLeast(4L * Math.min(ROWS, Sizes.roundUp(m, MR)) * Math.min(k, (long) BLOCKS * depthBlock));
        int panelCount = Math.ceilDiv(n, NR);
        for (row = 0; row < m; row += ROWS) {
            rows = Math.min(ROWS, m - row);
            int stripCount = Math.ceilDiv(rows, MR);
            chunk(panelCount, stripCount);
            for (depthFrom = 0; depthFrom < k; depthFrom = depthTo) {
                depthTo = Math.min(k, depthFrom + (long) BLOCKS * depthBlock);
                write = depthFrom == 0 ? mode : Write.ADD;
                team.run(Math.ceilDiv(stripCount, STRIPS_PER_CHUNK), packTask);
                team.run(Math.ceilDiv(panelCount, panelsPerChunk) * rowGroups, columnTask);
            }
        }
    }

    /** Depth of a block: equal parts of at most {@link Tiles#DEPTH}, rounded up for the transposition of pairs. */
    static int depthBlock(long k) {
        long blocks = Math.max(1, (k + DEPTH - 1) / DEPTH);
        return (int) Math.min(DEPTH, Sizes.roundUp((k + blocks - 1) / blocks, 2 * Lanes.L));
    }

    /** Chooses how many panels a chunk has, and in how many groups the rows are cut where panels alone are too few. */
    private void chunk(int panelCount, int stripCount) {
        int wanted = CHUNKS_PER_MEMBER * team.size();
        panelsPerChunk = Math.clamp(panelCount / wanted, 1, 4);
        int chunks = Math.ceilDiv(panelCount, panelsPerChunk);
        rowGroups = team.size() == 1 || chunks >= wanted ? 1 : Math.min(stripCount, Math.ceilDiv(wanted, chunks));
    }

    private long stripOffset(long depth, int strip, int blockDepth) {
        return 4L * MR * ((depth - depthFrom) * Math.ceilDiv(rows, MR) + (long) strip * blockDepth);
    }

    private void packStrips(int chunk, int member) {
        int from = chunk * STRIPS_PER_CHUNK;
        int to = Math.min(Math.ceilDiv(rows, MR), from + STRIPS_PER_CHUNK);
        for (long k = depthFrom; k < depthTo; k += depthBlock) {
            int depth = (int) Math.min(depthBlock, depthTo - k);
            for (int strip = from; strip < to; strip++) {
                int first = row + strip * MR;
                int count = Math.min(MR, row + rows - first);
                long offset = stripOffset(k, strip, depth);
                switch (aOrder) {
                    case PLAIN -> Pack.stripAlong(a, first * aStride + 4 * k, aStride, count, depth, strips, offset);
                    case TRANSPOSED ->
                        Pack.stripAcross(a, k * aStride + 4L * first, aStride, count, depth, strips, offset);
                }
            }
        }
    }

    private void multiplyColumns(int chunk, int member) {
        int group = chunk % rowGroups;
        int stripCount = Math.ceilDiv(rows, MR);
        int stripFrom = (int) ((long) stripCount * group / rowGroups);
        int stripTo = (int) ((long) stripCount * (group + 1) / rowGroups);
        int from = chunk / rowGroups * panelsPerChunk * NR;
        int to = Math.min(columns, from + panelsPerChunk * NR);
        for (long k = depthFrom; k < depthTo; k += depthBlock) {
            int depth = (int) Math.min(depthBlock, depthTo - k);
            Write mode = k == depthFrom ? write : Write.ADD;
            for (int column = from; column < to; column += NR) {
                int count = Math.min(NR, to - column);
                packPanel(member, k, depth, column, count);
                for (int strip = stripFrom; strip < stripTo; strip++) {
                    int first = row + strip * MR;
                    Tiles.product(
                            strips,
                            stripOffset(k, strip, depth),
                            panels[member],
                            0,
                            depth,
                            c,
                            first * cStride + 4L * column,
                            cStride,
                            Math.min(MR, row + rows - first),
                            count,
                            mode,
                            edges[member]);
                }
            }
        }
    }

    private void packPanel(int member, long k, int depth, int column, int count) {
        MemorySegment panel = panels[member];
        switch (bOrder) {
            case PLAIN -> Pack.panelAcross(bType, b, k * bStride, column, bStride, count, depth, scale, panel, 0);
            case TRANSPOSED ->
                Pack.panelAlong(bType, b, column * bStride, k, bStride, count, depth, scale, panel, 0, squares[member]);
        }
    }

    @Override
    public void close() {
        packed.close();
        own.close();
    }
}
