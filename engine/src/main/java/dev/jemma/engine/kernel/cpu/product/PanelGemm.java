package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.LANES;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Products of matrices by machine code, {@code C = A B} or {@code C += A B}, A f32, B any weight type, as it is stored
 * or transposed, sums in f32; in f32, or with both factors rounded to bf16.
 *
 * <p>As {@link Gemm}, but A stays rows, brought into a suitable form by all threads once; each thread takes columns of
 * C, packs a panel of B over a block of the depth and runs A's rows past it, while what it will probably pack next is
 * on its way to the cache. Where C is small and the depth is great, as in the gradient of a loss head, threads take
 * parts of the depth instead, whose sums are added in their order.
 */
final class PanelGemm implements AutoCloseable {
    /** Most rows of C worked on at a time, and bytes of A's scratch that they may take. */
    private static final int ROWS = 1024;

    private static final long LEFT_BYTES = 64L << 20;
    private static final int ROWS_PER_CHUNK = 16;
    private static final int CHUNKS_PER_MEMBER = 4;

    /**
     * Rows by a panel in one call of machine code, which ends within some tens of microseconds: no thread waits longer
     * at a safepoint.
     */
    private static final int ROWS_PER_CALL = 64;

    /**
     * Panels per member that are left for the end of a task, in halves: members finish within half a panel of each
     * other.
     */
    private static final int HALVED_PER_MEMBER = 2;

    /** Rows from which packing a panel twice costs less than waiting for it. */
    private static final int HALVED_ROWS = 256;

    /**
     * The depth from which it is shared out, in how many parts whatever the number of threads, and the depth of their
     * blocks.
     */
    private static final int DEEP = 1 << 14;

    private static final int PARTS = 16;
    private static final int PART_BLOCK = 512;

    /** Most elements of C for that: the parts' sums must stay in the caches. */
    private static final long MOST_SUMS = 1 << 18;

    private static final int SUMS_PER_CHUNK = 1 << 12;

    private final ThreadTeam team;
    private final TileFactors factors;
    private final Scratch lefts = new Scratch();
    private final Scratch partSums = new Scratch();
    private final ThreadTeam.Task leftTask = this::leftRows;
    private final ThreadTeam.Task columnTask = this::multiplyColumns;
    private final ThreadTeam.Task partTask = this::multiplyPart;
    private final ThreadTeam.Task sumTask = this::addParts;

    private MemorySegment a = MemorySegment.NULL;
    private MemorySegment c = MemorySegment.NULL;
    private PanelSource source = PanelSource.NONE;
    private MemorySegment left = MemorySegment.NULL;
    private MemorySegment sums = MemorySegment.NULL;
    private Write write = Write.SET;
    private int columns;
    private int depth;
    private int depthBlock;
    private int row;
    private int rows;
    private long leftStride;
    private int panelCount;
    /** Panels that are one chunk each; the others are as many as {@link #rowGroups}. */
    private int wholePanels;

    private int rowGroups;
    private int depthPart;

    /** Products of {@code factors}, which it closes. */
    PanelGemm(ThreadTeam team, TileFactors factors) {
        this.team = team;
        this.factors = factors;
    }

    /** C [M, N] from A [M, K] and B [K, N] (TRANSPOSED: the tensor is [N, K]). */
    void multiply(Tensor out, Tensor x, Tensor weight, Order weightOrder, Write mode) {
        int m = Math.toIntExact(out.dim(0));
        columns = Math.toIntExact(out.dim(1));
        depth = Math.toIntExact(x.dim(1));
        a = x.segment();
        c = out.segment();
        source = PanelSource.of(weight, weightOrder);
        factors.begin(source);
        panelCount = Math.ceilDiv(columns, COLUMNS);
        leftStride = factors.leftBytes((int) Sizes.roundUp(depth, factors.unit())) + Scratch.STAGGER;
        int atOnce = (int) Math.clamp(LEFT_BYTES / leftStride / factors.rows() * factors.rows(), factors.rows(), ROWS);
        left = lefts.atLeast(Math.min(m, atOnce) * leftStride);
        write = mode;
        for (row = 0; row < m; row += atOnce) {
            rows = Math.min(atOnce, m - row);
            boolean deep = depth >= DEEP && (long) rows * columns <= MOST_SUMS;
            team.run(Math.ceilDiv(rows, ROWS_PER_CHUNK), leftTask);
            if (deep) {
                multiplyDeep();
            } else {
                multiplyWide();
            }
        }
    }

    private void multiplyWide() {
        depthBlock = depthBlock(depth);
        int wanted = CHUNKS_PER_MEMBER * team.size();
        if (team.size() == 1) {
            wholePanels = panelCount;
            rowGroups = 1;
        } else if (panelCount >= wanted) {
            rowGroups = rows >= HALVED_ROWS ? 2 : 1;
            wholePanels = panelCount - HALVED_PER_MEMBER * team.size();
        } else {
            rowGroups = Math.min(Math.ceilDiv(rows, factors.rows()), Math.ceilDiv(wanted, panelCount));
            wholePanels = 0;
        }
        team.run(wholePanels + (panelCount - wholePanels) * rowGroups, columnTask);
    }

    private void multiplyDeep() {
        depthBlock = PART_BLOCK;
        depthPart = (int) Sizes.roundUp(Math.ceilDiv(depth, PARTS), PART_BLOCK);
        sums = partSums.atLeast(4L * PARTS * rows * columns);
        team.run(Math.ceilDiv(depth, depthPart), partTask);
        team.run(Math.ceilDiv(rows * columns, SUMS_PER_CHUNK), sumTask);
    }

    /** Depth of a block: equal parts of at most what a panel holds, rounded up to the factors' unit. */
    private int depthBlock(int ofDepth) {
        int blocks = Math.max(1, Math.ceilDiv(ofDepth, factors.deepest()));
        return (int) Math.min(factors.deepest(), Sizes.roundUp(Math.ceilDiv(ofDepth, blocks), factors.unit()));
    }

    private void leftRows(int chunk, int member) {
        int from = chunk * ROWS_PER_CHUNK;
        int to = Math.min(rows, from + ROWS_PER_CHUNK);
        for (int i = from; i < to; i++) {
            factors.left(a, 4L * (row + i) * depth, depth, left, i * leftStride);
        }
    }

    /** First column of a panel: panels differ by one vector at most, the wider ones come first. */
    private int column(int panel) {
        int vectors = Math.ceilDiv(columns, LANES);
        return Math.min(columns, LANES * (panel * (vectors / panelCount) + Math.min(panel, vectors % panelCount)));
    }

    private void multiplyColumns(int chunk, int member) {
        int panel = panel(chunk);
        int group = chunk < wholePanels ? 0 : (chunk - wholePanels) % rowGroups;
        int groups = chunk < wholePanels ? 1 : rowGroups;
        int strips = Math.ceilDiv(rows, factors.rows());
        int from = (int) ((long) strips * group / groups) * factors.rows();
        int to = Math.min(rows, (int) ((long) strips * (group + 1) / groups) * factors.rows());
        int next = Math.min(panelCount - 1, panel(chunk + team.size()));
        long target = c.address() + 4L * row * columns;
        for (int k = 0; k < depth; k += depthBlock) {
            boolean last = k + depthBlock >= depth;
            Write mode = k == 0 ? write : Write.ADD;
            multiplyPanel(member, panel, k, from, to, mode, target, last ? next : panel, last ? 0 : k + depthBlock);
        }
    }

    /** The panel of a chunk. */
    private int panel(int chunk) {
        return chunk < wholePanels ? chunk : wholePanels + (chunk - wholePanels) / rowGroups;
    }

    /**
     * Rows {@code from .. to - 1} by one panel over the block of the depth from {@code k} on.
     *
     * @param target address of C's first row
     * @param nextPanel what the member will probably pack next
     * @param nextK and from which step on
     */
    private void multiplyPanel(
            int member, int panel, int k, int from, int to, Write mode, long target, int nextPanel, int nextK) {
        int column = column(panel);
        int count = column(panel + 1) - column;
        int block = Math.min(depthBlock, depth - k);
        int nextColumn = column(nextPanel);
        int nextCount = column(nextPanel + 1) - nextColumn;
        int nextBlock = Math.min(depthBlock, depth - nextK);
        long packed = factors.pack(member, k, block, column, count);
        long stride = 4L * columns;
        int calls = Math.ceilDiv(to - from, ROWS_PER_CALL);
        for (int call = 0; call < calls; call++) {
            int i = from + call * ROWS_PER_CALL;
            source.prefetch(nextK, nextBlock, nextColumn, nextCount, call, calls);
            int height = Math.min(ROWS_PER_CALL, to - i);
            long aAt = left.address() + i * leftStride + factors.leftBytes(k);
            long cAt = target + i * stride + 4L * column;
            factors.multiply(height, count, mode, aAt, leftStride, packed, block, cAt, stride);
        }
    }

    /** A part of the depth, for all of C: block by block, whose rows of B are read once. */
    private void multiplyPart(int part, int member) {
        int to = Math.min(depth, (part + 1) * depthPart);
        long target = sums.address() + 4L * part * rows * columns;
        for (int k = part * depthPart; k < to; k += depthBlock) {
            Write mode = k == part * depthPart ? Write.SET : Write.ADD;
            for (int panel = 0; panel < panelCount; panel++) {
                boolean last = panel == panelCount - 1;
                int nextK = last ? Math.min(k + depthBlock, depth - 1) : k;
                multiplyPanel(member, panel, k, 0, rows, mode, target, last ? 0 : panel + 1, nextK);
            }
        }
    }

    private void addParts(int chunk, int member) {
        int parts = Math.ceilDiv(depth, depthPart);
        long count = (long) rows * columns;
        long from = (long) chunk * SUMS_PER_CHUNK;
        long to = Math.min(count, from + SUMS_PER_CHUNK);
        long out = 4L * row * columns;
        for (long i = from; i < to; i++) {
            float sum = sums.get(Lanes.FLOAT, 4 * i);
            for (int part = 1; part < parts; part++) {
                sum += sums.get(Lanes.FLOAT, 4 * (part * count + i));
            }
            long at = out + 4 * i;
            c.set(Lanes.FLOAT, at, write == Write.ADD ? c.get(Lanes.FLOAT, at) + sum : sum);
        }
    }

    @Override
    public void close() {
        lefts.close();
        partSums.close();
        factors.close();
    }
}
