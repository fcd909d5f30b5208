package dev.jemma.engine.kernel.cpu;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The six products of a low-rank map and its backward, in f32: one side of each is the rank, so packing operands would cost as much as
 * multiplying. {@link F32Tile} takes them as they lie; only the factors themselves are transposed where their columns are wanted.
 *
 * <p>N rows, I inputs, O outputs, r rank.
 */
final class ThinProducts implements AutoCloseable {
    private static final int WIDE = F32Tile.VECTORS * F32Tile.LANES;
    private static final int ROWS_A_CHUNK = 32;
    private static final int COLUMNS_A_CHUNK = 64;
    private static final int SQUARE = 16;

    private final ThreadTeam team;
    private final Scratch transposed = new Scratch();
    private final ThreadTeam.Task rowTask = this::rows;
    private final ThreadTeam.Task columnTask = this::columns;

    /** An operand as a tile sees it. */
    private record View(long address, long row, long step) {}

    private View a = new View(0, 0, 0);
    private View b = a;
    private MemorySegment c = MemorySegment.NULL;
    private Write write = Write.SET;
    private float scale;
    private int m;
    private int n;
    private int k;

    ThinProducts(ThreadTeam team) {
        this.team = team;
    }

    static boolean available() {
        return F32Tile.available();
    }

    /** {@code xa = x A^T}; {@code out += scale * xa B^T}. */
    void forward(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        View aColumns = transposed(adapter.a());
        multiply(xa, rowsOf(x), aColumns, x.dim(1), 1, Write.SET);
        View bColumns = transposed(adapter.b());
        multiply(out, rowsOf(xa), bColumns, adapter.rank(), adapter.scale(), Write.ADD);
    }

    /** {@code g = scale * dOut B}; {@code dA += g^T x}; {@code dB += scale * dOut^T xa}; {@code dX += g A}. */
    void backward(Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor g) {
        long rows = x.dim(0);
        multiply(g, rowsOf(dOut), rowsOf(adapter.b()), dOut.dim(1), adapter.scale(), Write.SET);
        multiply(dA, columnsOf(g), rowsOf(x), rows, 1, Write.ADD);
        multiply(dB, columnsOf(dOut), rowsOf(xa), rows, adapter.scale(), Write.ADD);
        multiply(dX, rowsOf(g), rowsOf(adapter.a()), adapter.rank(), 1, Write.ADD);
    }

    /** As A: its rows. As B: its rows are the steps of the depth. */
    private static View rowsOf(Tensor t) {
        long row = 4 * t.dim(1);
        return new View(t.segment().address(), row, 4);
    }

    /** As A: its columns. */
    private static View columnsOf(Tensor t) {
        return new View(t.segment().address(), 4, 4 * t.dim(1));
    }

    /** A copy of the transpose, which lives until the next. */
    private View transposed(Tensor t) {
        int rows = Math.toIntExact(t.dim(0));
        int columns = Math.toIntExact(t.dim(1));
        MemorySegment from = t.segment();
        MemorySegment to = transposed.atLeast(4L * rows * columns);
        int wholeRows = Bf16Panels.available() ? rows - rows % SQUARE : 0;
        int wholeColumns = columns - columns % SQUARE;
        for (int r = 0; r < wholeRows; r += SQUARE) {
            Bf16Panels.transpose(
                    from.address() + 4L * r * columns, 4L * columns, wholeColumns, to.address() + 4L * r, 4L * rows);
        }
        for (int r = 0; r < rows; r++) {
            for (int column = r < wholeRows ? wholeColumns : 0; column < columns; column++) {
                to.set(
                        Lanes.FLOAT,
                        4 * ((long) column * rows + r),
                        from.get(Lanes.FLOAT, 4 * ((long) r * columns + column)));
            }
        }
        return new View(to.address(), 4L * rows, 4);
    }

    private void multiply(Tensor out, View left, View right, long depth, float factor, Write mode) {
        a = left;
        b = right;
        c = out.segment();
        m = Math.toIntExact(out.dim(0));
        n = Math.toIntExact(out.dim(1));
        k = Math.toIntExact(depth);
        scale = factor;
        write = mode;
        if (m <= F32Tile.TALL) {
            team.run(Gemm.ceilDiv(n, COLUMNS_A_CHUNK), columnTask);
        } else {
            team.run(Gemm.ceilDiv(m, ROWS_A_CHUNK), rowTask);
        }
    }

    /** Few rows, the rank: every step of the depth is read once, a vector of columns at a time. */
    private void columns(int chunk, int member) {
        int to = Math.min(n, (chunk + 1) * COLUMNS_A_CHUNK);
        for (int j = chunk * COLUMNS_A_CHUNK; j < to; j += F32Tile.LANES) {
            tile(0, m, j, Math.min(F32Tile.LANES, to - j));
        }
    }

    private void rows(int chunk, int member) {
        int to = Math.min(m, (chunk + 1) * ROWS_A_CHUNK);
        int tall = F32Tile.mostRows(n);
        for (int i = chunk * ROWS_A_CHUNK; i < to; i += tall) {
            for (int j = 0; j < n; j += WIDE) {
                tile(i, Math.min(tall, to - i), j, Math.min(WIDE, n - j));
            }
        }
    }

    private void tile(int row, int rows, int column, int columns) {
        F32Tile.run(
                rows,
                columns,
                write,
                scale,
                a.address + row * a.row,
                a.row,
                a.step,
                b.address + 4L * column,
                b.row,
                k,
                c.address() + 4L * ((long) row * n + column),
                4L * n);
    }

    @Override
    public void close() {
        transposed.close();
    }
}
