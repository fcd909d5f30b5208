package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.Tiles.NR;

import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * Rows of head size D packed as the right-hand sides of attention's products, once for all query blocks.
 *
 * <p>"Columns": the rows are the columns of the product ({@code Q K^T}): {@code [row / NR][D][NR]}. "Depth": the rows are summed
 * over ({@code P V}): blocks of {@link Tiles#DEPTH} rows, each {@code [D / NR][rows][NR]}; all blocks but the last are full, so
 * {@link #depthOffset} finds any row. Missing rows and columns are zeros.
 */
final class KeyPanels {
    private KeyPanels() {}

    /** Floats that {@code rows} rows take in either layout. */
    static long floats(int rows, int headDim) {
        return Gemm.roundUp(rows, NR) * Gemm.roundUp(headDim, NR);
    }

    /** Packs positions {@code first .. first + NR - 1} of a span as one panel of columns, those from {@code end} on as zeros. */
    static void columns(
            MemorySegment x,
            long stride,
            long headOffset,
            int headDim,
            Span span,
            int first,
            int end,
            MemorySegment to,
            long toOffset,
            MemorySegment square) {
        int count = Math.min(NR, end - first);
        int slot = first % span.capacity();
        if (slot + count <= span.capacity()) {
            long from = (span.keyRow() + slot) * stride + headOffset;
            Pack.panelAlong(DType.F32, x, from, 0, stride, count, headDim, 1, to, toOffset, square);
            return;
        }
        for (int j = 0; j < NR; j++) { // the ring wraps inside the panel
            long from = j < count ? span.keyRowOf(first + j) * stride + headOffset : -1;
            for (int k = 0; k < headDim; k++) {
                to.set(Lanes.FLOAT, toOffset + 4L * (k * NR + j), from < 0 ? 0 : x.get(Lanes.FLOAT, from + 4L * k));
            }
        }
    }

    /** Byte offset of row {@code row} in panel {@code panel} of a depth layout of {@code rows} rows. */
    static long depthOffset(int row, int panel, int rows, int headDim) {
        int block = row / DEPTH;
        int depth = Math.min(DEPTH, rows - block * DEPTH);
        return 4L * ((long) block * DEPTH * Gemm.roundUp(headDim, NR) + ((long) panel * depth + row % DEPTH) * NR);
    }

    /** Packs one row into its place of a depth layout. */
    static void depthRow(
            MemorySegment x, long offset, int headDim, int row, int rows, MemorySegment to, long toOffset) {
        for (int column = 0; column < headDim; column += NR) {
            long at = toOffset + depthOffset(row, column / NR, rows, headDim);
            int count = Math.min(NR, headDim - column);
            Pack.panelAcross(DType.F32, x, offset, column, 0, count, 1, 1, to, at);
        }
    }
}
