package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;

/**
 * The innermost part of a bf16 matrix product: a tile of up to {@value #ROWS} x {@value #COLUMNS} of C in registers,
 * {@code C = A B} or {@code C += A B} over a block of the depth, products of bf16 pairs summed in f32 by VDPBF16PS.
 *
 * <p>A is bf16 rows as they are stored, two neighbours of the depth in a dword. B is a panel
 * {@code [pairs][vectors][16]} of such dwords, a column each. Twenty-four accumulators hide the instruction's latency;
 * a step of the loop loads three vectors of B and broadcasts eight dwords of A for twenty-four products. There is a
 * function for each number of rows and of vectors, so that edges cost what they hold. As the instruction does,
 * subnormal inputs and results count as zero. Every element is one chain in the order of the depth: its bits do not
 * depend on how C was cut into tiles.
 */
public final class Bf16Tile {
    /** Most rows of a tile. */
    public static final int ROWS = 8;

    /** Lanes of a vector. */
    public static final int LANES = TileFrame.LANES;

    /** Most vectors side by side. */
    public static final int VECTORS = TileFrame.VECTORS;

    /** Most columns of a tile. */
    public static final int COLUMNS = VECTORS * LANES;

    private static final int B = ROWS * VECTORS;
    private static final int BROADCASTS = B + VECTORS;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13};

    private static final TileFrame FRAME = new TileFrame(available(), ROWS, Bf16Tile::generate);

    private Bf16Tile() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().bf16();
    }

    /**
     * Computes tiles below each other. The addresses are the caller's to check: nothing here does.
     *
     * @param rows of A and C; so many that it ends within microseconds
     * @param columns 1 .. {@value #COLUMNS}; the panel has as many vectors as they need
     * @param a address of the first row's first pair
     * @param aStride bytes from row to row
     * @param panel address of the panel
     * @param pairs pairs of the depth, 1 or more
     * @param c address of the first element
     * @param cStride bytes from row to row
     */
    public static void run(
            int rows, int columns, Write write, long a, long aStride, long panel, long pairs, long c, long cStride) {
        long mask = TileFrame.mask(columns);
        for (int done = 0; done < rows; ) {
            int height = Math.min(ROWS, rows - done);
            int tiles = (rows - done) / height;
            MemorySegment function = FRAME.function(height, columns, write);
            long from = a + done * aStride;
            ShortCall.run(function, from, aStride, panel, pairs, c + done * cStride, cStride, mask, tiles);
            done += height * tiles;
        }
    }

    /**
     * {@code void tiles(a, aStride, panel, pairs, c, cStride, mask, tiles)}, each {@code rows} x {@code vectors}, 8
     * rows apart.
     */
    static byte[] generate(int rows, int vectors, Write write) {
        return Function.of((x, a, aStride, panel, pairs, c, cStride, mask, tiles) -> {
            x.mov(Gp.RAX, mask.at());
            x.kmovw(TileFrame.MASK, Gp.RAX);
            x.mov(Gp.RAX, tiles.at());
            x.push(SAVED);
            Gp firstA = Gp.RBX;
            Gp firstPanel = Gp.RBP;
            Gp allPairs = Gp.R12;
            Gp left = Gp.R13;
            x.mov(firstA, a);
            x.mov(firstPanel, panel);
            x.mov(allPairs, pairs);
            x.mov(left, Gp.RAX);
            Assembler.Label tile = x.label();
            for (int i = 0; i < rows * vectors; i++) {
                x.zero(i);
            }
            RowAddresses aRows = RowAddresses.from(x, a, aStride);
            Assembler.Label loop = x.label();
            for (int j = 0; j < vectors; j++) {
                x.vector(Evex.VMOVUPS, V512, B + j, Address.at(panel, j * V512.bytes()));
            }
            for (int i = 0; i < rows; i++) {
                int pair = BROADCASTS + i % 4;
                x.vector(Evex.VPBROADCASTD, V512, pair, aRows.row(i));
                for (int j = 0; j < vectors; j++) {
                    x.vector(Evex.VDPBF16PS, V512, i * vectors + j, B + j, pair);
                }
            }
            aRows.advance(4);
            x.add(panel, vectors * V512.bytes());
            x.decrement(pairs);
            x.jumpIfNotZero(loop);
            TileFrame.store(x, RowAddresses.from(x, c, cStride)::row, rows, vectors, 0, write);
            x.lea(firstA, Address.at(firstA, aStride, ROWS, 0));
            x.lea(c, Address.at(c, cStride, ROWS, 0));
            x.mov(a, firstA);
            x.mov(panel, firstPanel);
            x.mov(pairs, allPairs);
            x.decrement(left);
            x.jumpIfNotZero(tile);
            x.pop(SAVED);
        });
    }
}
