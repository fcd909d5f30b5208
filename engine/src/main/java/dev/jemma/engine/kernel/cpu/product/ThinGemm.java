package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The six products of a low-rank map and its backward, in f32: one side of each is the rank, so packing operands would
 * cost as much as multiplying. {@link F32Tile} takes them as they are stored; only the factors themselves are
 * transposed where their columns are wanted.
 *
 * <p>N rows, I inputs, O outputs, r rank. Threads share out the rows, each doing both products of its rows, and then
 * the factors' gradients by their long side.
 */
final class ThinGemm implements AutoCloseable {
    private static final int WIDE = F32Tile.VECTORS * F32Tile.LANES;
    private static final int ROWS_PER_CHUNK = 32;
    private static final int LANES_PER_CHUNK = 64;
    private static final int SQUARE = 16;

    /** Rows at a multiple of this many bytes compete for few sets of the first cache. */
    private static final int CONFLICT = 2048;

    /** Of such rows a tile's part is copied first, so many elements at a time, to rows that are further apart. */
    private static final int COPIED = 512;

    private static final long COPIED_STRIDE = 4L * COPIED + Scratch.STAGGER;

    private final ThreadTeam team;
    private final Scratch transposedA = new Scratch();
    private final Scratch transposedB = new Scratch();
    private final Scratch own = new Scratch();
    private final MemorySegment copies;
    private final ThreadTeam.Task rowTask = this::rows;
    private final ThreadTeam.Task factorTask = this::factors;

    /** An operand as a tile sees it: bytes from row to row, and from one step of the depth to the next. */
    private record View(MemorySegment memory, long row, long step) {}

    /** {@code C = scale * A B} or {@code C += scale * A B}; C is [m, n], its rows contiguous. */
    private record Product(View a, View b, Tensor c, long depth, float scale, Write write) {
        int m() {
            return (int) c.dim(0);
        }

        int n() {
            return (int) c.dim(1);
        }
    }

    private static final Product NONE = new Product(
            new View(MemorySegment.NULL, 0, 0),
            new View(MemorySegment.NULL, 0, 0),
            Tensor.host(DType.F32, Shape.of(0, 0), MemorySegment.NULL),
            0,
            0,
            Write.SET);

    private Product first = NONE;
    private Product second = NONE;
    private int firstChunks;

    ThinGemm(ThreadTeam team) {
        this.team = team;
        this.copies = own.atLeast(COPIED_STRIDE * F32Tile.TALL * team.size());
    }

    /** {@code xa = x A^T}; {@code out += scale * xa B^T}. */
    void forward(Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        View a = transposed(adapter.a(), transposedA);
        View b = transposed(adapter.b(), transposedB);
        first = new Product(rowsOf(x), a, xa, x.dim(1), 1, Write.SET);
        second = new Product(rowsOf(xa), b, out, adapter.rank(), adapter.scale(), Write.ADD);
        team.run(Math.ceilDiv((int) x.dim(0), ROWS_PER_CHUNK), rowTask);
    }

    /** {@code g = scale * dOut B}; {@code dX += g A}; {@code dA += g^T x}; {@code dB += scale * dOut^T xa}. */
    void backward(Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor g) {
        long rows = x.dim(0);
        first = new Product(rowsOf(dOut), rowsOf(adapter.b()), g, dOut.dim(1), adapter.scale(), Write.SET);
        second = new Product(rowsOf(g), rowsOf(adapter.a()), dX, adapter.rank(), 1, Write.ADD);
        team.run(Math.ceilDiv((int) rows, ROWS_PER_CHUNK), rowTask);
        first = new Product(columnsOf(g), rowsOf(x), dA, rows, 1, Write.ADD);
        second = new Product(columnsOf(dOut), rowsOf(xa), dB, rows, adapter.scale(), Write.ADD);
        firstChunks = Math.ceilDiv(first.n(), LANES_PER_CHUNK);
        team.run(firstChunks + Math.ceilDiv(second.m(), LANES_PER_CHUNK), factorTask);
    }

    /** As A: its rows. As B: its rows are the steps of the depth. */
    private static View rowsOf(Tensor t) {
        return new View(t.segment(), 4 * t.dim(1), 4);
    }

    /** As A: its columns. */
    private static View columnsOf(Tensor t) {
        return new View(t.segment(), 4, 4 * t.dim(1));
    }

    /** A copy of the transpose in {@code scratch}. */
    private static View transposed(Tensor t, Scratch scratch) {
        int rows = Math.toIntExact(t.dim(0));
        int columns = Math.toIntExact(t.dim(1));
        MemorySegment from = t.segment();
        MemorySegment to = scratch.atLeast(4L * rows * columns);
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
        return new View(to, 4L * rows, 4);
    }

    /** Both products of some rows; the second reads what the first has written. */
    private void rows(int chunk, int member) {
        int from = chunk * ROWS_PER_CHUNK;
        int to = Math.min(first.m(), from + ROWS_PER_CHUNK);
        multiply(first, from, to, 0, first.n(), member);
        multiply(second, from, to, 0, second.n(), member);
    }

    /**
     * Some columns of dA, or some rows of dB. They run across the rows of x and dOut, of which the next chunk's part is
     * asked for.
     */
    private void factors(int chunk, int member) {
        int next = chunk + team.size();
        if (next < firstChunks) {
            prefetch(first.b.memory, first.b.row, first.depth, next, first.n());
        } else if ((next - firstChunks) * LANES_PER_CHUNK < second.m()) {
            prefetch(second.a.memory, second.a.step, second.depth, next - firstChunks, second.m());
        }
        if (chunk < firstChunks) {
            int from = chunk * LANES_PER_CHUNK;
            multiply(first, 0, first.m(), from, Math.min(first.n(), from + LANES_PER_CHUNK), member);
        } else {
            int from = (chunk - firstChunks) * LANES_PER_CHUNK;
            multiply(second, from, Math.min(second.m(), from + LANES_PER_CHUNK), 0, second.n(), member);
        }
    }

    private static void prefetch(MemorySegment rows, long stride, long count, int chunk, int elements) {
        int from = chunk * LANES_PER_CHUNK;
        Bf16Panels.prefetch(rows.address() + 4L * from, stride, count, 4L * Math.min(LANES_PER_CHUNK, elements - from));
    }

    private void multiply(Product p, int rowFrom, int rowTo, int columnFrom, int columnTo, int member) {
        int columns = columnTo - columnFrom;
        boolean thin = columns <= F32Tile.LANES || p.m() <= F32Tile.TALL;
        int tall = thin ? F32Tile.TALL : F32Tile.LOW;
        int wide = thin ? F32Tile.LANES : WIDE;
        if (p.a.step == 4 && p.a.row % CONFLICT == 0 && columns <= wide) {
            MemorySegment copy = copies.asSlice(member * COPIED_STRIDE * F32Tile.TALL);
            for (int i = rowFrom; i < rowTo; i += tall) {
                copied(p, i, Math.min(tall, rowTo - i), columnFrom, columns, copy);
            }
            return;
        }
        long a = p.a.memory.address() + rowFrom * p.a.row;
        for (int j = columnFrom; j < columnTo; j += wide) {
            tiles(p, rowFrom, rowTo - rowFrom, j, Math.min(wide, columnTo - j), a, p.a.row, 0, p.depth, p.write);
        }
    }

    /** One tile of rows that would drive each other out of the cache. */
    private static void copied(Product p, int row, int rows, int column, int columns, MemorySegment copy) {
        for (long k = 0; k < p.depth; k += COPIED) {
            long count = Math.min(COPIED, p.depth - k);
            for (int i = 0; i < rows; i++) {
                MemorySegment.copy(p.a.memory, (row + i) * p.a.row + 4 * k, copy, i * COPIED_STRIDE, 4 * count);
            }
            Write mode = k == 0 ? p.write : Write.ADD;
            tiles(p, row, rows, column, columns, copy.address(), COPIED_STRIDE, k, count, mode);
        }
    }

    /**
     * Tiles of {@code rows} rows over {@code depth} steps from {@code k} on; {@code a} is the address of A's first
     * element in them.
     */
    private static void tiles(
            Product p, int row, int rows, int column, int columns, long a, long aRow, long k, long depth, Write mode) {
        F32Tile.run(
                rows,
                columns,
                mode,
                p.scale,
                a,
                aRow,
                p.a.step,
                p.b.memory.address() + k * p.b.row + 4L * column,
                p.b.row,
                depth,
                p.c.segment().address() + 4L * ((long) row * p.n() + column),
                4L * p.n());
    }

    @Override
    public void close() {
        transposedA.close();
        transposedB.close();
        own.close();
    }
}
