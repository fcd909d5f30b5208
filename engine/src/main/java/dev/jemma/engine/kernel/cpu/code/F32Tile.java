package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.WideCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tile of an f32 matrix product in registers, {@code C = scale * A B} or {@code C += scale * A B}, with operands as
 * they are stored: A by any two strides (so that it may be a transpose), B and C by rows. For thin products, where
 * packing would cost more than it saves.
 *
 * <p>Shapes: up to {@value #TALL} x 16, or up to {@value #LOW} x 48. Every element is one chain of FMAs in the order of
 * the depth.
 */
public final class F32Tile {
    /** Most rows of a tile of one vector. */
    public static final int TALL = 16;

    /** Most rows of a tile of two or three vectors. */
    public static final int LOW = 8;

    /** Lanes of a vector. */
    public static final int LANES = TileFrame.LANES;

    /** Most vectors side by side. */
    public static final int VECTORS = TileFrame.VECTORS;

    private static final int B = 24;
    private static final int ELEMENT = 27;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13, Gp.R14, Gp.R15};

    private static final TileFrame FRAME = new TileFrame(available(), TALL, F32Tile::existing);

    private F32Tile() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** Most rows of a tile with {@code columns} columns. */
    public static int mostRows(int columns) {
        return columns <= LANES ? TALL : LOW;
    }

    private static byte[] existing(int rows, int vectors, Write write) {
        return rows <= mostRows(vectors * LANES) ? generate(rows, vectors, write) : new byte[0];
    }

    /**
     * Computes tiles below each other. The addresses are the caller's to check: nothing here does.
     *
     * @param rows of A and C; so many that it ends within microseconds
     * @param columns 1 .. 48
     * @param a address of A's first element
     * @param aRow bytes from row to row of A
     * @param aStep bytes from step to step of the depth in A
     * @param b address of B's first element in these columns
     * @param bStep bytes from step to step of the depth in B
     * @param depth 1 or more
     * @param c address of the first element
     * @param cRow bytes from row to row of C
     */
    public static void run(
            int rows,
            int columns,
            Write write,
            float scale,
            long a,
            long aRow,
            long aStep,
            long b,
            long bStep,
            long depth,
            long c,
            long cRow) {
        long mask = TileFrame.mask(columns);
        long factor = Float.floatToRawIntBits(scale);
        for (int done = 0; done < rows; ) {
            int height = Math.min(mostRows(columns), rows - done);
            long tiles = (rows - done) / height;
            MemorySegment function = FRAME.function(height, columns, write);
            long from = a + done * aRow;
            long to = c + done * cRow;
            WideCall.run(function, from, aRow, b, depth, to, cRow, mask, aStep, bStep, factor, tiles);
            done += height * (int) tiles;
        }
    }

    /**
     * {@code void tiles(a, aRow, b, depth, c, cRow, mask, aStep, bStep, scale, tiles)}, each {@code rows} x
     * {@code vectors}.
     */
    static byte[] generate(int rows, int vectors, Write write) {
        return Function.of((x, a, aRow, b, depth, c, cRow, mask, aStep, bStep, scale, tiles) -> {
            x.push(SAVED);
            x.mov(Gp.RAX, mask.at());
            x.kmovw(TileFrame.MASK, Gp.RAX);
            Gp step = Gp.RAX;
            Gp stepB = Gp.R13;
            Gp firstA = Gp.R14;
            Gp firstB = Gp.R15;
            Gp wholeDepth = Gp.RBP;
            x.mov(stepB, bStep.at());
            x.mov(firstA, a);
            x.mov(firstB, b);
            x.mov(wholeDepth, depth);
            Assembler.Label tile = x.label();
            x.mov(step, aStep.at());
            for (int i = 0; i < rows * vectors; i++) {
                x.zero(i);
            }
            List<RowAddresses> aRows = eights(x, rows, a, aRow);
            Assembler.Label loop = x.label();
            for (int j = 0; j < vectors; j++) {
                int columns = j == vectors - 1 ? TileFrame.MASK : Assembler.ALL;
                x.vectorOrZero(Evex.VMOVUPS, V512, B + j, Address.at(b, j * V512.bytes()), columns);
            }
            for (int i = 0; i < rows; i++) {
                if (vectors == 1) {
                    x.vectorBroadcast(Evex.VFMADD231PS, V512, i, B, row(aRows, i));
                    continue;
                }
                int element = ELEMENT + i % 4;
                x.vector(Evex.VPBROADCASTD, V512, element, row(aRows, i));
                for (int j = 0; j < vectors; j++) {
                    x.vector(Evex.VFMADD231PS, V512, i * vectors + j, B + j, element);
                }
            }
            aRows.forEach(eight -> eight.advance(step));
            x.add(b, stepB);
            x.decrement(depth);
            x.jumpIfNotZero(loop);
            x.vector(Evex.VPBROADCASTD, V512, B, scale.at());
            for (int i = 0; i < rows * vectors; i++) {
                x.vector(Evex.VMULPS, V512, i, i, B);
            }
            List<RowAddresses> cRows = eights(x, rows, c, cRow);
            TileFrame.store(x, i -> row(cRows, i), rows, vectors, 0, write);
            for (int advanced = 0; advanced < rows; advanced += LOW) {
                x.lea(firstA, Address.at(firstA, aRow, LOW, 0));
                x.lea(c, Address.at(c, cRow, LOW, 0));
            }
            x.mov(a, firstA);
            x.mov(b, firstB);
            x.mov(depth, wholeDepth);
            x.mov(Gp.RAX, tiles.at());
            x.decrement(Gp.RAX);
            x.movStore(tiles.at(), Gp.RAX);
            x.jumpIfNotZero(tile);
            x.pop(SAVED);
        });
    }

    /** Rows by eights; for the second eight, RBX and R12 are overwritten too. */
    private static List<RowAddresses> eights(Assembler x, int rows, Gp base, Gp stride) {
        RowAddresses low = RowAddresses.from(x, base, stride);
        if (rows <= LOW) {
            return List.of(low);
        }
        x.lea(Gp.RBX, Address.at(base, stride, LOW, 0));
        return List.of(low, RowAddresses.from(x, Gp.RBX, stride, Gp.R12));
    }

    private static Address row(List<RowAddresses> eights, int i) {
        return eights.get(i / LOW).row(i % LOW);
    }
}
