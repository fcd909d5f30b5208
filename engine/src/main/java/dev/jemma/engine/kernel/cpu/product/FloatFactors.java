package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.LANES;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Narrow;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.kernel.cpu.code.BlockColumns;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Quantization;
import java.lang.foreign.MemorySegment;

/**
 * Factors in bf16, as {@link Bf16Tile} reads them, or in f32, as {@link F32Tile} does; weights of any type. Panels stay
 * in the second-level cache.
 *
 * <p>A panel is {@code [steps][columns in whole vectors]} of dwords: in bf16 a step is two of the depth, in f32 one.
 * Where a block's depth is odd in bf16, a step of zeros follows.
 */
final class FloatFactors implements TileFactors {
    private static final int BF16 = 2;
    private static final int PAIR = 2 * BF16;
    private static final int FLOAT = 4;
    private static final int BLOCK = Quantization.BLOCK;

    private static final long PANEL_BYTES = 96L << 10;

    /** Staged weights: 16 rows of a block's depth, or all columns of a panel for each step of the depth. */
    private static final long STAGE_BYTES = PANEL_BYTES;

    private static final long LINE_BYTES = PANEL_BYTES / COLUMNS * 2;

    private final Scratch own = new Scratch();
    private final MemorySegment[] panels;
    private final MemorySegment[] stages;
    private final MemorySegment[] lines;
    private final boolean rounds;
    private final int element;

    private PanelSource source = PanelSource.NONE;

    FloatFactors(int members, Arithmetic arithmetic) {
        rounds = arithmetic == Arithmetic.BF16;
        element = rounds ? BF16 : FLOAT;
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

    @Override
    public int rows() {
        return Bf16Tile.ROWS;
    }

    @Override
    public int deepest() {
        return (int) (PANEL_BYTES / COLUMNS / element);
    }

    /** A transposition takes sixteen pairs. */
    @Override
    public int unit() {
        return 2 * LANES;
    }

    @Override
    public long leftBytes(int steps) {
        return (long) element * steps;
    }

    @Override
    public void begin(PanelSource weight) {
        source = weight;
    }

    @Override
    public void left(MemorySegment x, long from, int depth, MemorySegment to, long offset) {
        if (rounds) {
            Narrow.round(x, from, to, offset, depth, (int) Sizes.roundUp(depth, 2));
        } else {
            MemorySegment.copy(x, from, to, offset, (long) FLOAT * depth);
        }
    }

    @Override
    public long pack(int member, int k, int block, int column, int count) {
        switch (source.order()) {
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

    @Override
    public void multiply(
            int height, int count, Write write, long a, long aStride, long panel, int block, long c, long cStride) {
        if (rounds) {
            int pairs = Math.ceilDiv(block, 2);
            Bf16Tile.run(height, count, write, a, aStride, panel, pairs, c, cStride);
        } else {
            F32Tile.run(height, count, write, 1, a, aStride, FLOAT, panel, stride(count), block, c, cStride);
        }
    }

    /** Bytes from one step (in bf16, pair) of a panel of {@code count} columns to the next. */
    private static long stride(int count) {
        return (long) PAIR * LANES * Math.ceilDiv(count, LANES);
    }

    // ---- B from rows of the tensor that run along the depth

    private void packAlong(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        int pairs = (int) Sizes.roundUp(Math.ceilDiv(block, 2), LANES);
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            long to = panels[member].address() + (long) PAIR * j;
            long stride = (long) BF16 * source.depth();
            long at = (column + j) * stride + (long) BF16 * k;
            if (source.type() == DType.BF16 && present == LANES && block % (2 * LANES) == 0) {
                Bf16Panels.transpose(
                        source.mapped(at, stride, LANES, (long) BF16 * block), stride, pairs, to, toStride);
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
        MemorySegment line = lines[member];
        Widen.row(source.type(), source.segment(), 0, r * source.depth() + k, count, 1, line, 0);
        Narrow.round(line, 0, stage, offset, count, padded);
    }

    // ---- B from rows of the tensor that run along the columns

    private void packAcross(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        int pairs = source.type() == DType.BF16 || inBlocks() ? block / 2 : 0;
        if (pairs > 0) {
            long stride = source.type().bytes(source.columns());
            long at = across(k, 2 * pairs, column, count);
            if (source.type() == DType.BF16) {
                interleave(member, at, stride, pairs, count, 0, toStride);
            } else {
                for (int j = 0; j < count; j += LANES) {
                    long to = panels[member].address() + (long) PAIR * j;
                    BlockColumns.pairs(source.type(), at + block(column, j), stride, column + j, pairs, to, toStride);
                }
            }
        }
        int packed = 2 * pairs;
        if (packed < block) {
            MemorySegment stage = stages[member];
            int staged = (int) Sizes.roundUp(block - packed, 2);
            long stageStride = BF16 * COLUMNS;
            for (int i = 0; i < staged; i++) {
                boolean present = packed + i < block;
                stageColumns(member, stage, i * stageStride, k + packed + i, column, present ? count : 0);
            }
            interleave(member, stage.address(), stageStride, staged / 2, count, pairs, toStride);
        }
    }

    /** Whether columns of blocks are widened by machine code. */
    private boolean inBlocks() {
        return source.type().isQuantized() && BlockColumns.available();
    }

    /** Address of rows {@code k .. k + rows - 1} of the tensor from the element or block of {@code column} on. */
    private long across(int k, int rows, int column, int count) {
        DType type = source.type();
        int unit = type.isQuantized() ? BLOCK : 1;
        int first = column / unit * unit;
        int covering = (int) Sizes.roundUp(column + count - first, unit);
        long at = type.bytes((long) k * source.columns() + first);
        return source.mapped(at, type.bytes(source.columns()), rows, type.bytes(covering));
    }

    /** Bytes from the block of {@code column} to that of {@code column + j}. */
    private long block(int column, int j) {
        return (long) ((column + j) / BLOCK - column / BLOCK) * source.type().blockBytes();
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
        Widen.row(source.type(), source.segment(), 0, r * source.columns() + column, count, 1, line, 0);
        Narrow.round(line, 0, stage, offset, count, COLUMNS);
    }

    // ---- in f32

    private void widenAlong(int member, int k, int block, int column, int count) {
        MemorySegment stage = stages[member];
        int padded = (int) Sizes.roundUp(block, LANES);
        long stageStride = (long) FLOAT * padded;
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            for (int i = 0; i < present; i++) {
                Widen.row(
                        source.type(),
                        source.segment(),
                        0,
                        (long) (column + j + i) * source.depth() + k,
                        block,
                        1,
                        stage,
                        i * stageStride);
            }
            long to = panels[member].address() + (long) FLOAT * j;
            Bf16Panels.transpose(stage.address(), stageStride, padded, to, stride(count));
        }
    }

    private void widenAcross(int member, int k, int block, int column, int count) {
        long toStride = stride(count);
        if (inBlocks()) {
            long stride = source.type().bytes(source.columns());
            long at = across(k, block, column, count);
            for (int j = 0; j < count; j += LANES) {
                long to = panels[member].address() + (long) FLOAT * j;
                BlockColumns.widen(source.type(), at + block(column, j), stride, column + j, block, to, toStride);
            }
            return;
        }
        for (int i = 0; i < block; i++) {
            Widen.row(
                    source.type(),
                    source.segment(),
                    0,
                    (long) (k + i) * source.columns() + column,
                    count,
                    1,
                    panels[member],
                    i * toStride);
        }
    }

    @Override
    public void close() {
        own.close();
    }
}
