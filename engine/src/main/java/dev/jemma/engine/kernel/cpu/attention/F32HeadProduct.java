package dev.jemma.engine.kernel.cpu.attention;

import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.product.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.product.Tiles.MR;
import static dev.jemma.engine.kernel.cpu.product.Tiles.NR;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.kernel.cpu.product.Pack;
import dev.jemma.engine.kernel.cpu.product.Tiles;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * {@link HeadProduct} in f32, over {@link F32Tile} where the CPU has it, which takes A by rows or by columns in place,
 * else over {@link Tiles}, for which A is packed into strips here.
 *
 * <p>COLUMNS: {@code [row / NR][D][NR]}. DEPTH and SUMMED: {@code [D / NR][rows][NR]}. Missing rows and columns are
 * zeros.
 */
final class F32HeadProduct implements HeadProduct {
    private static final int FLOAT = 4;
    private static final long STEP = (long) FLOAT * NR;

    @Override
    public int keyBlock() {
        return PACKED_ROWS;
    }

    @Override
    public int elementBytes() {
        return FLOAT;
    }

    @Override
    public long leftStride(int elements) {
        return (long) FLOAT * elements;
    }

    @Override
    public void left(MemorySegment from, long fromOffset, int count, MemorySegment to, long toOffset) {
        MemorySegment.copy(from, fromOffset, to, toOffset, (long) FLOAT * count);
    }

    @Override
    public float exponentials(MemorySegment scores, long at, int count, float max, MemorySegment to, long toAt) {
        float sum = Scores.exp(scores, at, count, max);
        left(scores, at, count, to, toAt);
        return sum;
    }

    @Override
    public void gradients(ScoreGradients block, int row, int from, int count, float lse, float delta) {
        Scores.gradients(block, row, from, count, lse, delta);
        left(block.scores(), block.probabilities(), row, from, count);
        left(block.dProbabilities(), block.dScores(), row, from, count);
    }

    private void left(Matrix source, Matrix target, int row, int from, int count) {
        long skipped = (long) FLOAT * from;
        left(source.memory(), source.at(row) + skipped, count, target.memory(), target.at(row) + skipped);
    }

    @Override
    public long packedBytes(Layout layout, int rows, int headDim) {
        return FLOAT * Sizes.roundUp(rows, NR) * Sizes.roundUp(headDim, NR);
    }

    @Override
    public long scratchBytes(int rows, int headDim) {
        long packing = squareBytes() + STEP * headDim;
        long product = stripBytes(Math.max(rows, keyBlock())) + Tiles.EDGE_BYTES;
        return Math.max(packing, product);
    }

    private static long squareBytes() {
        return (long) FLOAT * L * L;
    }

    private static long stripBytes(int rows) {
        return FLOAT * Sizes.roundUp(rows, MR) * DEPTH;
    }

    @Override
    public void pack(Unpacked x, int head, int from, int to, Packed packed, MemorySegment scratch) {
        switch (packed.layout()) {
            case COLUMNS -> {
                for (int row = from; row < to; row += NR) {
                    packColumns(x, head, row, Math.min(NR, to - row), packed, scratch);
                }
            }
            case DEPTH, SUMMED -> {
                for (int row = from; row < to; row++) {
                    packDepth(x.memory(), x.placement().offset(head, row), row, packed);
                }
            }
        }
    }

    /** One panel. Its rows are brought together first: in a ring they may be at its end and at its beginning. */
    private static void packColumns(Unpacked x, int head, int row, int count, Packed packed, MemorySegment scratch) {
        int d = packed.headDim();
        long stride = (long) FLOAT * d;
        MemorySegment together = scratch.asSlice(squareBytes(), NR * stride);
        for (int j = 0; j < count; j++) {
            MemorySegment.copy(x.memory(), x.placement().offset(head, row + j), together, j * stride, stride);
        }
        long to = packed.offset() + row * stride;
        Pack.panelAlong(DType.F32, together, 0, 0, stride, count, d, 1, packed.memory(), to, scratch);
    }

    private static void packDepth(MemorySegment x, long offset, int row, Packed packed) {
        int d = packed.headDim();
        for (int column = 0; column < d; column += NR) {
            long to = depthOffset(packed, column / NR, row);
            Pack.panelAcross(DType.F32, x, offset, column, 0, Math.min(NR, d - column), 1, 1, packed.memory(), to);
        }
    }

    private static long depthOffset(Packed packed, int panel, int row) {
        return packed.offset() + STEP * ((long) panel * packed.count() + row);
    }

    @Override
    public void timesTransposed(Matrix a, int m, Part x, Matrix c, MemorySegment scratch) {
        Packed all = x.x();
        int d = all.headDim();
        View right = new View(all.memory(), all.offset() + (long) FLOAT * x.first() * d, STEP, STEP * d);
        multiply(rows(a), right, c, m, (int) Sizes.roundUp(x.count(), NR), d, Write.SET, scratch);
    }

    @Override
    public void times(Matrix a, int m, Part x, Matrix c, Write write, MemorySegment scratch) {
        multiply(rows(a), depth(x), c, m, x.x().headDim(), x.count(), write, scratch);
    }

    @Override
    public void transposedTimes(Matrix m, int columns, Part x, Matrix c, Write write, MemorySegment scratch) {
        View left = new View(m.memory(), m.offset(), FLOAT, m.stride());
        multiply(left, depth(x), c, columns, x.x().headDim(), x.count(), write, scratch);
    }

    /**
     * Where a factor's elements are.
     *
     * @param offset bytes to the first
     * @param row of A: bytes from row to row; of B: from one step of the depth to the next
     * @param step of A: bytes from one step of the depth to the next; of B: from panel to panel
     */
    private record View(MemorySegment memory, long offset, long row, long step) {}

    private static View rows(Matrix a) {
        return new View(a.memory(), a.offset(), a.stride(), FLOAT);
    }

    private static View depth(Part part) {
        Packed x = part.x();
        return new View(x.memory(), depthOffset(x, 0, part.first()), STEP, STEP * x.count());
    }

    /** C [m, n] from A [m, depth] and B [depth, n] in panels. */
    private static void multiply(
            View a, View b, Matrix c, int m, int n, int depth, Write write, MemorySegment scratch) {
        if (F32Tile.available()) {
            byMachineCode(a, b, c, m, n, depth, write);
            return;
        }
        MemorySegment edge = scratch.asSlice(stripBytes(m), Tiles.EDGE_BYTES);
        for (int k = 0; k < depth; k += DEPTH) {
            int block = Math.min(DEPTH, depth - k);
            pack(a, k, m, block, scratch);
            for (int j = 0; j < n; j += NR) {
                for (int i = 0; i < m; i += MR) {
                    Tiles.product(
                            scratch,
                            (long) FLOAT * i * block,
                            b.memory,
                            b.offset + j / NR * b.step + k * b.row,
                            block,
                            c.memory(),
                            c.offset() + i * c.stride() + (long) FLOAT * j,
                            c.stride(),
                            Math.min(MR, m - i),
                            Math.min(NR, n - j),
                            k == 0 ? write : Write.ADD,
                            edge);
                }
            }
        }
    }

    private static void pack(View a, int k, int m, int depth, MemorySegment strips) {
        for (int i = 0; i < m; i += MR) {
            int rows = Math.min(MR, m - i);
            long from = a.offset + i * a.row + k * a.step;
            long to = (long) FLOAT * i * depth;
            if (a.step == FLOAT) {
                Pack.stripAlong(a.memory, from, a.row, rows, depth, strips, to);
            } else {
                Pack.stripAcross(a.memory, from, a.step, rows, depth, strips, to);
            }
        }
    }

    private static void byMachineCode(View a, View b, Matrix c, int m, int n, int depth, Write write) {
        for (int j = 0; j < n; j += NR) {
            F32Tile.run(
                    m,
                    Math.min(NR, n - j),
                    write,
                    1,
                    a.memory.address() + a.offset,
                    a.row,
                    a.step,
                    b.memory.address() + b.offset + j / NR * b.step,
                    b.row,
                    depth,
                    c.address() + (long) FLOAT * j,
                    c.stride());
        }
    }
}
