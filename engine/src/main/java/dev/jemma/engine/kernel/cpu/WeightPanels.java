package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.LANES;

import dev.jemma.engine.kernel.cpu.Gemm.Order;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The right factor of {@link PanelGemm}, any weight type: each thread packs a panel of it at a time, as {@link Bf16Tile} or
 * {@link F32Tile} reads it, into memory of its own, which stays in the second-level cache.
 *
 * <p>A panel is {@code [steps][columns in whole vectors]} of dwords: in bf16 a step is two of the depth, in f32 one.
 */
final class WeightPanels implements AutoCloseable {
    private static final int BF16 = 2;
    private static final int PAIR = 2 * BF16;
    private static final int FLOAT = 4;
    private static final int BLOCK = BlockDots.BLOCK;

    private static final long PANEL_BYTES = 96L << 10;

    /** Staged weights: 16 rows of a block's depth, or all columns of a panel for each step of the depth. */
    private static final long STAGE_BYTES = PANEL_BYTES;

    private static final long LINE_BYTES = PANEL_BYTES / COLUMNS * 2;

    private final Scratch own = new Scratch();
    private final MemorySegment[] panels;
    private final MemorySegment[] stages;
    private final MemorySegment[] lines;
    private final boolean rounds;

    private Order order = Order.PLAIN;
    private DType type = DType.BF16;
    private MemorySegment b = MemorySegment.NULL;
    private int columns;
    private int depth;

    /** In {@code element}: BF16 or F32. */
    WeightPanels(int members, DType element) {
        rounds = element == DType.BF16;
        panels = new MemorySegment[members];
        stages = new MemorySegment[members];
        lines = new MemorySegment[members];
        long stride = PANEL_BYTES + STAGE_BYTES + LINE_BYTES;
        MemorySegment all = own.atLeast(stride * members);
        for (int i = 0; i < members; i++) {
            MemorySegment mine = all.asSlice(i * stride, stride);
            panels[i] = mine.asSlice(0, PANEL_BYTES);
            stages[i] = mine.asSlice(PANEL_BYTES, STAGE_BYTES);
            lines[i] = mine.asSlice(PANEL_BYTES + STAGE_BYTES, LINE_BYTES);
        }
    }

    /** Greatest depth of a panel. */
    int deepest() {
        return (int) (PANEL_BYTES / COLUMNS / (rounds ? BF16 : FLOAT));
    }

    /** B [K, N] is {@code weight} from now on (TRANSPOSED: the tensor is [N, K]). */
    void begin(Tensor weight, Order weightOrder) {
        order = weightOrder;
        type = weight.dtype();
        b = weight.segment();
        columns = Math.toIntExact(weight.dim(order == Order.PLAIN ? 1 : 0));
        depth = Math.toIntExact(weight.dim(order == Order.PLAIN ? 0 : 1));
    }

    /**
     * Packs steps {@code k .. k + block - 1} of {@code count} columns; where the block's depth is odd, a step of zeros follows.
     *
     * @return the panel's address; it lasts until the member's next call
     */
    long pack(int member, int k, int block, int column, int count) {
        switch (order) {
            case TRANSPOSED -> {
                if (rounds) {
                    packAlong(member, k, block, column, count);
                } else {
                    widenAlong(member, k, block, column, count);
                }
            }
            case PLAIN -> {
                if (rounds) {
                    packAcross(member, k, block, column, count);
                } else {
                    widenAcross(member, k, block, column, count);
                }
            }
        }
        return panels[member].address();
    }

    /**
     * Brings a part of what {@link #pack} will read to the second-level cache.
     *
     * @param part 0 .. parts - 1: of so many equal parts
     */
    void prefetch(int k, int block, int column, int count, int part, int parts) {
        boolean plain = order == Order.PLAIN;
        int rows = plain ? block : count;
        int from = (int) ((long) rows * part / parts);
        int to = (int) ((long) rows * (part + 1) / parts);
        if (from == to) {
            return;
        }
        long width = plain ? columns : depth;
        int element = plain ? column : k;
        int unit = type.isQuantized() ? BLOCK : 1;
        long row = (plain ? k : column) + from;
        Bf16Panels.prefetch(
                b.address() + type.bytes(row * width + element / unit * unit),
                type.bytes(width),
                to - from,
                type.bytes(Gemm.roundUp(plain ? count : block, unit)));
    }

    /** Bytes from one step (in bf16, pair) of a panel of {@code count} columns to the next. */
    static long stride(int count) {
        return (long) PAIR * LANES * Gemm.ceilDiv(count, LANES);
    }

    /** Address of {@code rows} rows of the weight, which a file that was cut short may lack. */
    private long mapped(long at, long stride, int rows, long bytes) {
        for (int i = 1; i < rows; i++) {
            Addresses.ofMapped(b, at + i * stride, bytes);
        }
        return Addresses.ofMapped(b, at, bytes);
    }

    // ---- B from rows of the tensor that run along the depth

    private void packAlong(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        int pairs = (int) Gemm.roundUp(Gemm.ceilDiv(block, 2), LANES);
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            long to = panels[member].address() + (long) PAIR * j;
            long stride = (long) BF16 * depth;
            long at = (column + j) * stride + (long) BF16 * k;
            if (type == DType.BF16 && present == LANES && block % (2 * LANES) == 0) {
                Bf16Panels.transpose(mapped(at, stride, LANES, (long) BF16 * block), stride, pairs, to, toStride);
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
            BlockDots.toBf16(type, mapped(at, 0, 1, type.bytes(count)), count, stage.address() + offset);
            return;
        }
        MemorySegment line = lines[member];
        Widen.row(type, b, 0, r * depth + k, count, 1, line, 0);
        Bf16Rows.round(line, 0, stage, offset, count, padded);
    }

    // ---- B from rows of the tensor that run along the columns

    private void packAcross(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        int whole = type == DType.BF16 ? block / 2 : 0;
        long stride = (long) BF16 * columns;
        long at = k * stride + (long) BF16 * column;
        if (whole > 0) {
            interleave(member, mapped(at, stride, 2 * whole, (long) BF16 * count), stride, whole, count, 0, toStride);
        }
        if (2 * whole < block) {
            MemorySegment stage = stages[member];
            int staged = (int) Gemm.roundUp(block, 2) - 2 * whole;
            long stageStride = BF16 * COLUMNS;
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
            BlockDots.toBf16(type, mapped(at, 0, 1, type.bytes(covering)), covering, line.address());
            MemorySegment.copy(line, (long) BF16 * (column - first), stage, offset, (long) BF16 * count);
            return;
        }
        Widen.row(type, b, 0, r * columns + column, count, 1, line, 0);
        Bf16Rows.round(line, 0, stage, offset, count, COLUMNS);
    }

    // ---- in f32

    private void widenAlong(int member, int k, int block, int column, int count) {
        MemorySegment stage = stages[member];
        int padded = (int) Gemm.roundUp(block, LANES);
        long stageStride = (long) FLOAT * padded;
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            for (int i = 0; i < present; i++) {
                Widen.row(type, b, 0, (long) (column + j + i) * depth + k, block, 1, stage, i * stageStride);
            }
            long to = panels[member].address() + (long) FLOAT * j;
            Bf16Panels.transpose(stage.address(), stageStride, padded, to, stride(count));
        }
    }

    private void widenAcross(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        for (int i = 0; i < block; i++) {
            Widen.row(type, b, 0, (long) (k + i) * columns + column, count, 1, panels[member], i * toStride);
        }
    }

    @Override
    public void close() {
        own.close();
    }
}
