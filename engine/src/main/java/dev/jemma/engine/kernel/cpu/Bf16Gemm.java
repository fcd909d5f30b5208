package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.LANES;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.Gemm.Order;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Products of matrices with both factors in bf16 and sums in f32: {@code C = A B} or {@code C += A B}, A f32 and rounded here, B any
 * weight type, as it lies or transposed. Weights that are not bf16 are rounded to it.
 *
 * <p>As {@link Gemm}, but over {@link Bf16Tile}: A is rounded once, by all threads, and stays rows; each thread takes columns of C,
 * packs a panel of B over a block of the depth (it stays in the second-level cache) and runs A's rows past it. Where the CPU has no
 * such instruction, {@link Gemm} multiplies the rounded rows.
 */
final class Bf16Gemm implements AutoCloseable {
    /** Rows of C worked on at a time: bounds the scratch for A. */
    private static final int ROWS = 1024;

    /** Greatest depth of a block: a panel of it takes {@code 2 * COLUMNS} bytes for each step. */
    private static final int DEPTH = 1024;

    private static final int BF16 = 2;
    private static final int PAIR = 2 * BF16;
    private static final int BLOCK = BlockDots.BLOCK;
    private static final int ROWS_A_CHUNK = 16;
    private static final int COPIED_A_CHUNK = 1 << 13;
    private static final int CHUNKS_A_MEMBER = 4;

    /** Rows of A are this much further apart than they are long, so that eight of them do not compete for one set of the first cache. */
    private static final long STAGGER = 64;

    private static final long PAGE = 4096;
    private static final long PANEL_BYTES = (long) BF16 * DEPTH * COLUMNS;

    /** A member's staged weights: 16 rows of a block's depth, or all columns of a panel for each step of the depth. */
    private static final long STAGE_COLUMNS = COLUMNS;

    private final ThreadTeam team;
    private final Gemm gemm;
    private final Scratch rounded = new Scratch();
    private final Scratch roundedWeights = new Scratch();
    private final Scratch own = new Scratch();
    private final MemorySegment[] panels;
    private final MemorySegment[] stages;
    private final MemorySegment[] lines;
    private final int[] touched;
    private final ThreadTeam.Task roundTask = this::roundRows;
    private final ThreadTeam.Task copyTask = this::copyRounded;
    private final ThreadTeam.Task columnTask = this::multiplyColumns;

    private MemorySegment a = MemorySegment.NULL;
    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment c = MemorySegment.NULL;
    private MemorySegment left = MemorySegment.NULL;
    private Order order = Order.PLAIN;
    private DType type = DType.BF16;
    private Write write = Write.SET;
    private int columns;
    private int depth;
    private int depthBlock;
    private int row;
    private int rows;
    private long leftStride;
    private int rowGroups;
    private Tensor copied = Tensor.host(DType.F32, Shape.of(0), MemorySegment.NULL);

    Bf16Gemm(ThreadTeam team, Gemm gemm) {
        this.team = team;
        this.gemm = gemm;
        panels = new MemorySegment[team.size()];
        stages = new MemorySegment[team.size()];
        lines = new MemorySegment[team.size()];
        touched = new int[16 * team.size()];
        long stageBytes = BF16 * DEPTH * STAGE_COLUMNS;
        long lineBytes = 4L * Math.max(DEPTH, STAGE_COLUMNS);
        long stride = PANEL_BYTES + stageBytes + lineBytes;
        MemorySegment all = own.atLeast(stride * team.size());
        for (int i = 0; i < team.size(); i++) {
            MemorySegment mine = all.asSlice(i * stride, stride);
            panels[i] = mine.asSlice(0, PANEL_BYTES);
            stages[i] = mine.asSlice(PANEL_BYTES, stageBytes);
            lines[i] = mine.asSlice(PANEL_BYTES + stageBytes, lineBytes);
        }
    }

    /** C [M, N] from A [M, K] and B [K, N] (TRANSPOSED: the tensor is [N, K]). */
    void multiply(Tensor out, Tensor x, Tensor weight, Order weightOrder, Write mode) {
        if (!Bf16Tile.available()) {
            multiplyRounded(out, x, weight, weightOrder, mode);
            return;
        }
        int m = Math.toIntExact(out.dim(0));
        columns = Math.toIntExact(out.dim(1));
        depth = Math.toIntExact(x.dim(1));
        a = x.segment();
        b = weight.segment();
        c = out.segment();
        order = weightOrder;
        type = weight.dtype();
        depthBlock = depthBlock(depth);
        leftStride = BF16 * Gemm.roundUp(depth, 2 * LANES) + STAGGER;
        left = rounded.atLeast(Math.min(m, ROWS) * leftStride);
        int panelCount = Gemm.ceilDiv(columns, COLUMNS);
        int wanted = CHUNKS_A_MEMBER * team.size();
        for (row = 0; row < m; row += ROWS) {
            rows = Math.min(ROWS, m - row);
            rowGroups = team.size() == 1 || panelCount >= wanted
                    ? 1
                    : Math.min(Gemm.ceilDiv(rows, Bf16Tile.ROWS), Gemm.ceilDiv(wanted, panelCount));
            write = mode;
            team.run(Gemm.ceilDiv(rows, ROWS_A_CHUNK), roundTask);
            team.run(panelCount * rowGroups, columnTask);
        }
    }

    private void multiplyRounded(Tensor out, Tensor x, Tensor weight, Order weightOrder, Write mode) {
        Tensor roundedX = roundedCopy(x, rounded);
        Tensor roundedWeight = weight.dtype() == DType.BF16 ? weight : roundedCopy(weight, roundedWeights);
        gemm.multiply(out, roundedX, Order.PLAIN, roundedWeight, weightOrder, 1, mode);
    }

    /** A copy as f32 whose values bf16 can hold. */
    private Tensor roundedCopy(Tensor x, Scratch scratch) {
        long count = x.elements();
        copied = x;
        left = scratch.atLeast(4 * count).asSlice(0, 4 * count);
        team.run(Math.toIntExact((count + COPIED_A_CHUNK - 1) / COPIED_A_CHUNK), copyTask);
        return Tensor.host(DType.F32, x.shape(), left);
    }

    private void copyRounded(int chunk, int member) {
        long from = (long) chunk * COPIED_A_CHUNK;
        int count = (int) Math.min(COPIED_A_CHUNK, copied.elements() - from);
        Widen.row(copied.dtype(), copied.segment(), 0, from, count, 1, left, 4 * from);
        for (long i = from; i < from + count; i++) {
            left.set(Lanes.FLOAT, 4 * i, Conversion.rounded(left.get(Lanes.FLOAT, 4 * i), DType.BF16));
        }
    }

    /** Depth of a block: equal parts of at most {@link #DEPTH}, rounded up for the transposition of 16 pairs. */
    static int depthBlock(int depth) {
        int blocks = Math.max(1, Gemm.ceilDiv(depth, DEPTH));
        return (int) Math.min(DEPTH, Gemm.roundUp(Gemm.ceilDiv(depth, blocks), 2 * LANES));
    }

    private void roundRows(int chunk, int member) {
        int from = chunk * ROWS_A_CHUNK;
        int to = Math.min(rows, from + ROWS_A_CHUNK);
        for (int i = from; i < to; i++) {
            Bf16Rows.round(a, 4L * (row + i) * depth, left, i * leftStride, depth, (int) Gemm.roundUp(depth, 2));
        }
    }

    private void multiplyColumns(int chunk, int member) {
        int group = chunk % rowGroups;
        int strips = Gemm.ceilDiv(rows, Bf16Tile.ROWS);
        int from = (int) ((long) strips * group / rowGroups) * Bf16Tile.ROWS;
        int to = Math.min(rows, (int) ((long) strips * (group + 1) / rowGroups) * Bf16Tile.ROWS);
        int column = chunk / rowGroups * COLUMNS;
        int count = Math.min(COLUMNS, columns - column);
        long cStride = 4L * columns;
        long panel = panels[member].address();
        for (int k = 0; k < depth; k += depthBlock) {
            int block = Math.min(depthBlock, depth - k);
            int pairs = Gemm.ceilDiv(block, 2);
            switch (order) {
                case TRANSPOSED -> packAlong(member, k, block, column, count);
                case PLAIN -> packAcross(member, k, block, column, count);
            }
            Write mode = k == 0 ? write : Write.ADD;
            for (int i = from; i < to; i += Bf16Tile.ROWS) {
                Bf16Tile.run(
                        Math.min(Bf16Tile.ROWS, to - i),
                        count,
                        mode,
                        left.address() + i * leftStride + (long) BF16 * k,
                        leftStride,
                        panel,
                        pairs,
                        c.address() + (row + i) * cStride + 4L * column,
                        cStride);
            }
        }
    }

    private static long panelStride(int count) {
        return (long) PAIR * LANES * Gemm.ceilDiv(count, LANES);
    }

    // ---- B from rows of the tensor that run along the depth

    private void packAlong(int member, int k, int block, int column, int count) {
        long toStride = panelStride(count);
        int pairs = (int) Gemm.roundUp(Gemm.ceilDiv(block, 2), LANES);
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            long to = panels[member].address() + (long) PAIR * j;
            long stride = (long) BF16 * depth;
            long at = (column + j) * stride + (long) BF16 * k;
            if (type == DType.BF16 && present == LANES && block % (2 * LANES) == 0) {
                touch(member, at, stride, LANES, (long) BF16 * block);
                Bf16Panels.transpose(b.address() + at, stride, pairs, to, toStride);
            } else {
                MemorySegment stage = stages[member];
                for (int i = 0; i < LANES; i++) {
                    stageRow(
                            member,
                            stage,
                            (long) PAIR * pairs * i,
                            column + j + i,
                            k,
                            i < present ? block : 0,
                            2 * pairs);
                }
                Bf16Panels.transpose(stage.address(), (long) PAIR * pairs, pairs, to, toStride);
            }
        }
    }

    /** {@code count} elements of row {@code r} from {@code k} on, as bf16, then zeros up to {@code padded}. */
    private void stageRow(int member, MemorySegment stage, long offset, long r, int k, int count, int padded) {
        if (type.isQuantized() && BlockDots.available() && k % BLOCK == 0 && count == padded && count > 0) {
            long at = type.bytes(r * depth + k);
            touch(member, at, 0, 1, type.bytes(count));
            BlockDots.toBf16(type, b.address() + at, count, stage.address() + offset);
            return;
        }
        MemorySegment line = lines[member];
        Widen.row(type, b, 0, r * depth + k, count, 1, line, 0);
        Bf16Rows.round(line, 0, stage, offset, count, padded);
    }

    // ---- B from rows of the tensor that run along the columns

    private void packAcross(int member, int k, int block, int column, int count) {
        long toStride = panelStride(count);
        int whole = type == DType.BF16 ? block / 2 : 0;
        long stride = (long) BF16 * columns;
        long at = k * stride + (long) BF16 * column;
        if (whole > 0) {
            touch(member, at, stride, 2 * whole, 1);
            interleave(member, b.address() + at, stride, whole, count, 0, toStride);
        }
        if (2 * whole < block) {
            MemorySegment stage = stages[member];
            int staged = (int) Gemm.roundUp(block, 2) - 2 * whole;
            long stageStride = BF16 * STAGE_COLUMNS;
            for (int i = 0; i < staged; i++) {
                boolean present = 2 * whole + i < block;
                stageColumns(member, stage, i * stageStride, k + 2 * whole + i, column, present ? count : 0);
            }
            interleave(member, stage.address(), stageStride, staged / 2, count, whole, toStride);
        }
    }

    private void interleave(int member, long from, long stride, int pairs, int count, int firstPair, long toStride) {
        long to = panels[member].address() + firstPair * toStride;
        for (int j = 0; j < count; j += LANES) {
            Bf16Panels.interleave(
                    from + (long) BF16 * j, stride, Math.min(LANES, count - j), pairs, to + (long) PAIR * j, toStride);
        }
    }

    private void stageColumns(int member, MemorySegment stage, long offset, long r, int column, int count) {
        MemorySegment line = lines[member];
        if (type.isQuantized() && BlockDots.available() && count > 0) {
            int first = column - column % BLOCK;
            int covering = (int) Gemm.roundUp(column + count - first, BLOCK);
            long at = type.bytes(r * columns + first);
            touch(member, at, 0, 1, type.bytes(covering));
            BlockDots.toBf16(type, b.address() + at, covering, line.address());
            MemorySegment.copy(line, (long) BF16 * (column - first), stage, offset, (long) BF16 * count);
            return;
        }
        Widen.row(type, b, 0, r * columns + column, count, 1, line, 0);
        Bf16Rows.round(line, 0, stage, offset, count, COLUMNS);
    }

    /**
     * Reads a byte of every page that machine code is about to read: where a mapped file was cut short, Java throws an error, and
     * machine code would end the process.
     */
    private void touch(int member, long offset, long stride, int count, long bytes) {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            long first = offset + i * stride;
            for (long at = 0; at < bytes; at += PAGE) {
                sum += b.get(ValueLayout.JAVA_BYTE, first + at);
            }
            sum += b.get(ValueLayout.JAVA_BYTE, first + bytes - 1);
        }
        touched[16 * member] += sum;
    }

    @Override
    public void close() {
        rounded.close();
        roundedWeights.close();
        own.close();
    }
}
