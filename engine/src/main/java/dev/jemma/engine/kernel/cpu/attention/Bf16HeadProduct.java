package dev.jemma.engine.kernel.cpu.attention;

import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Bf16Tile.LANES;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Narrow;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Bf16Tile;
import dev.jemma.engine.kernel.cpu.code.Elements;
import java.lang.foreign.MemorySegment;

/**
 * {@link HeadProduct} over {@link Bf16Tile}: all factors rounded to bf16, two neighbours of the depth in a dword, sums
 * in f32.
 *
 * <p>COLUMNS: {@code [row / 48][pairs of D][48]}. DEPTH:
 * {@code [D / 48][pairs of rows][columns of the panel in whole vectors]}. SUMMED is X^T, rows of pairs: {@code M^T X}
 * is computed as the transpose of {@code X^T M}, so that M, which changes from call to call, is the factor whose rows
 * only need to be interleaved. Missing rows and columns are zeros.
 */
final class Bf16HeadProduct implements HeadProduct {
    private static final int BF16 = 2;
    private static final int PAIR = 2 * BF16;
    private static final int FLOAT = 4;

    /** Rows staged at once: sixteen pairs. */
    private static final int STAGED = 2 * LANES;

    /** Pairs of rows of M interleaved at once: 96 KiB, which stay in the second-level cache. */
    private static final int DEPTH_PAIRS = 512;

    private static final long PANEL_STEP = (long) PAIR * COLUMNS;
    private static final long SQUARE_BYTES = (long) PAIR * LANES * LANES;

    static boolean available() {
        return Bf16Tile.available() && Bf16Panels.available() && Elements.available();
    }

    @Override
    public int keyBlock() {
        return COLUMNS;
    }

    @Override
    public int elementBytes() {
        return BF16;
    }

    @Override
    public long leftStride(int elements) {
        return BF16 * Sizes.roundUp(elements, STAGED) + Scratch.STAGGER;
    }

    @Override
    public void left(MemorySegment from, long fromOffset, int count, MemorySegment to, long toOffset) {
        Narrow.round(from, fromOffset, to, toOffset, count, (int) Sizes.roundUp(count, 2));
    }

    @Override
    public float exponentials(MemorySegment scores, long at, int count, float max, MemorySegment to, long toAt) {
        return Scores.expBf16(scores, at, count, max, to, toAt);
    }

    @Override
    public void gradients(ScoreGradients block, int row, int from, int count, float lse, float delta) {
        Scores.gradientsBf16(block, row, from, count, lse, delta);
    }

    /** Pairs of {@code elements} in whole vectors. */
    private static long pairs(int elements) {
        return Sizes.roundUp(elements, STAGED) / 2;
    }

    @Override
    public long packedBytes(Layout layout, int rows, int headDim) {
        return switch (layout) {
            case COLUMNS -> Math.ceilDiv(rows, COLUMNS) * pairs(headDim) * PANEL_STEP;
            case DEPTH -> pairs(rows) * PAIR * Sizes.roundUp(headDim, LANES);
            case SUMMED -> leftStride(rows) * Sizes.roundUp(headDim, LANES);
        };
    }

    @Override
    public long scratchBytes(int rows, int headDim) {
        long packing = STAGED * leftStride(headDim) + SQUARE_BYTES;
        long product = DEPTH_PAIRS * PANEL_STEP + 2 * FLOAT * COLUMNS * Sizes.roundUp(headDim, LANES);
        return Math.max(packing, product);
    }

    @Override
    public void pack(Unpacked x, int head, int from, int to, Packed packed, MemorySegment scratch) {
        int atOnce = packed.layout() == Layout.COLUMNS ? LANES : STAGED;
        for (int row = from; row < to; row += atOnce) {
            stage(x, head, row, Math.min(atOnce, to - row), packed.headDim(), scratch);
            switch (packed.layout()) {
                case COLUMNS -> packColumns(row, packed, scratch);
                case DEPTH -> packDepth(row, packed, scratch);
                case SUMMED -> packSummed(row, packed, scratch);
            }
        }
    }

    /** {@value #STAGED} rows as bf16, those from {@code count} on zeros. */
    private void stage(Unpacked x, int head, int row, int count, int headDim, MemorySegment stage) {
        long stride = leftStride(headDim);
        int padded = (int) Sizes.roundUp(headDim, STAGED);
        for (int i = 0; i < count; i++) {
            long from = x.placement().offset(head, row + i);
            Narrow.round(x.memory(), from, stage, i * stride, headDim, padded);
        }
        stage.asSlice(count * stride, (STAGED - count) * stride).fill((byte) 0);
    }

    /** Sixteen rows: one vector of a panel. */
    private void packColumns(int row, Packed packed, MemorySegment stage) {
        long pairs = pairs(packed.headDim());
        long to = packed.memory().address()
                + packed.offset()
                + row / COLUMNS * pairs * PANEL_STEP
                + (long) PAIR * (row % COLUMNS);
        Bf16Panels.transpose(stage.address(), leftStride(packed.headDim()), pairs, to, PANEL_STEP);
    }

    /** Sixteen pairs of rows of every panel. */
    private void packDepth(int row, Packed packed, MemorySegment stage) {
        int d = packed.headDim();
        for (int column = 0; column < d; column += LANES) {
            Bf16Panels.interleave(
                    stage.address() + (long) BF16 * column,
                    leftStride(d),
                    Math.min(LANES, d - column),
                    LANES,
                    depthAddress(packed, column, row),
                    depthStep(d, column));
        }
    }

    /** Bytes from pair to pair of the panel that holds {@code column}. */
    private static long depthStep(int headDim, int column) {
        int vectors = Math.ceilDiv(Math.min(COLUMNS, headDim - column / COLUMNS * COLUMNS), LANES);
        return (long) PAIR * LANES * vectors;
    }

    private static long depthAddress(Packed packed, int column, int row) {
        int panel = column / COLUMNS;
        return packed.memory().address()
                + packed.offset()
                + panel * pairs(packed.count()) * PANEL_STEP
                + row / 2 * depthStep(packed.headDim(), column)
                + (long) PAIR * (column % COLUMNS);
    }

    /** Sixteen pairs of every row of the transpose. */
    private void packSummed(int row, Packed packed, MemorySegment scratch) {
        int d = packed.headDim();
        long stride = leftStride(packed.count());
        long square = scratch.address() + STAGED * leftStride(d);
        long to = packed.memory().address() + packed.offset() + (long) BF16 * row;
        for (int column = 0; column < d; column += LANES) {
            Bf16Panels.interleave(
                    scratch.address() + (long) BF16 * column,
                    leftStride(d),
                    Math.min(LANES, d - column),
                    LANES,
                    square,
                    (long) PAIR * LANES);
            Bf16Panels.transpose(square, (long) PAIR * LANES, LANES, to + column * stride, stride);
        }
    }

    @Override
    public void timesTransposed(Matrix a, int m, Part x, Matrix c, MemorySegment scratch) {
        Packed all = x.x();
        int d = all.headDim();
        long pairs = pairs(d);
        for (int j = 0; j < x.count(); j += COLUMNS) {
            long panel = all.memory().address() + all.offset() + (x.first() + j) / COLUMNS * pairs * PANEL_STEP;
            long to = c.address() + (long) FLOAT * j;
            Bf16Tile.run(m, COLUMNS, Write.SET, a.address(), a.stride(), panel, Math.ceilDiv(d, 2), to, c.stride());
        }
    }

    @Override
    public void times(Matrix a, int m, Part x, Matrix c, Write write, MemorySegment scratch) {
        int d = x.x().headDim();
        int pairs = Math.ceilDiv(x.count(), 2);
        for (int j = 0; j < d; j += COLUMNS) {
            long panel = depthAddress(x.x(), j, x.first());
            int columns = Math.min(COLUMNS, d - j);
            long to = c.address() + (long) FLOAT * j;
            Bf16Tile.run(m, columns, write, a.address(), a.stride(), panel, pairs, to, c.stride());
        }
    }

    @Override
    public void transposedTimes(Matrix m, int columns, Part x, Matrix c, Write write, MemorySegment scratch) {
        Packed all = x.x();
        int d = all.headDim();
        int count = x.count();
        int pairs = Math.ceilDiv(count, 2);
        long panelStep = (long) PAIR * Sizes.roundUp(columns, LANES);
        Matrix panel = new Matrix(scratch, 0, panelStep);
        Matrix transposed = new Matrix(scratch, DEPTH_PAIRS * PANEL_STEP, (long) FLOAT * COLUMNS);
        Matrix result = new Matrix(
                scratch,
                transposed.offset() + Sizes.roundUp(d, LANES) * transposed.stride(),
                FLOAT * Sizes.roundUp(d, LANES));
        for (int k = 0; k < pairs; k += DEPTH_PAIRS) {
            int block = Math.min(DEPTH_PAIRS, pairs - k);
            int whole = Math.min(block, count / 2 - k);
            interleave(m.address() + 2 * k * m.stride(), m.stride(), columns, whole, panel);
            if (whole < block) {
                lastRow(m, count - 1, columns, panel.from(whole, 0), scratch.asSlice(result.offset()));
            }
            long left = all.memory().address() + all.offset() + (long) BF16 * (x.first() + 2 * k);
            Write mode = k == 0 ? Write.SET : Write.ADD;
            long stride = leftStride(all.count());
            long to = transposed.address();
            Bf16Tile.run(d, columns, mode, left, stride, panel.address(), block, to, transposed.stride());
        }
        for (int i = 0; i < d; i += LANES) {
            Bf16Panels.transpose(
                    transposed.address() + i * transposed.stride(),
                    transposed.stride(),
                    Sizes.roundUp(columns, LANES),
                    result.address() + (long) FLOAT * i,
                    result.stride());
        }
        for (int j = 0; j < columns; j++) {
            put(result.memory(), result.at(j), d, c.memory(), c.at(j), write);
        }
    }

    private static void interleave(long from, long stride, int columns, int pairs, Matrix panel) {
        for (int j = 0; pairs > 0 && j < columns; j += LANES) {
            Bf16Panels.interleave(
                    from + (long) BF16 * j,
                    stride,
                    Math.min(LANES, columns - j),
                    pairs,
                    panel.address() + (long) PAIR * j,
                    panel.stride());
        }
    }

    /** A pair of the last of an odd number of rows and zeros. What follows the row in memory is not M's. */
    private static void lastRow(Matrix m, int row, int columns, Matrix panel, MemorySegment pair) {
        long bytes = (long) BF16 * columns;
        MemorySegment.copy(m.memory(), m.at(row), pair, 0, bytes);
        pair.asSlice(bytes, bytes).fill((byte) 0);
        interleave(pair.address(), bytes, columns, 1, panel);
    }

    private static void put(MemorySegment from, long at, int count, MemorySegment to, long toAt, Write write) {
        if (write == Write.SET) {
            MemorySegment.copy(from, at, to, toAt, (long) FLOAT * count);
            return;
        }
        long sum = Addresses.of(to, toAt, (long) FLOAT * count);
        Elements.add(sum, sum, from.address() + at, count);
    }
}
