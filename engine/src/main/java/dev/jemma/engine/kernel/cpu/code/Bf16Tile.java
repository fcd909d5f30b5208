package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;

/**
 * The innermost part of a bf16 matrix product: a tile of up to {@value #ROWS} x {@value #COLUMNS} of C in registers,
 * {@code C = A B} or {@code C += A B} over a block of the depth, products of bf16 pairs summed in f32 by VDPBF16PS.
 *
 * <p>A is bf16 rows as they lie, two neighbours of the depth in a dword. B is a panel {@code [pairs][vectors][16]} of such dwords, a
 * column each. Twenty-four accumulators hide the instruction's latency; a step of the loop loads three vectors of B and broadcasts
 * eight dwords of A for twenty-four products. There is a function for each number of rows and of vectors, so that edges cost what
 * they hold. As the instruction does, subnormal inputs and results count as zero. Every element is one chain in the order of the
 * depth: its bits do not depend on how C was cut into tiles.
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

    /** {@code void tiles(a, aStride, panel, pairs, c, cStride, mask, tiles)}, each {@code rows} x {@code vectors}, 8 rows apart. */
    static byte[] generate(int rows, int vectors, Write write) {
        Assembler x = new Assembler();
        x.mov(Gp.RAX, ShortCall.SEVENTH);
        x.kmovw(TileFrame.MASK, Gp.RAX);
        x.mov(Gp.RAX, ShortCall.EIGHTH);
        x.push(SAVED);
        x.mov(Gp.RBX, Gp.RDI);
        x.mov(Gp.RBP, Gp.RDX);
        x.mov(Gp.R12, Gp.RCX);
        x.mov(Gp.R13, Gp.RAX);
        Assembler.Label tile = x.label();
        for (int i = 0; i < rows * vectors; i++) {
            x.zero(i);
        }
        Address[] a = RowAddresses.addresses(x, Gp.RDI, Gp.RSI);
        Assembler.Label loop = x.label();
        for (int j = 0; j < vectors; j++) {
            x.vector(Evex.VMOVUPS, V512, B + j, Address.at(Gp.RDX, j * V512.bytes()));
        }
        for (int i = 0; i < rows; i++) {
            int pair = BROADCASTS + i % 4;
            x.vector(Evex.VPBROADCASTD, V512, pair, a[i]);
            for (int j = 0; j < vectors; j++) {
                x.vector(Evex.VDPBF16PS, V512, i * vectors + j, B + j, pair);
            }
        }
        x.add(Gp.RDI, 4);
        x.add(Gp.R11, 4);
        x.add(Gp.RDX, vectors * V512.bytes());
        x.decrement(Gp.RCX);
        x.jumpIfNotZero(loop);
        TileFrame.store(x, RowAddresses.addresses(x, Gp.R8, Gp.R9), rows, vectors, 0, write);
        x.lea(Gp.RBX, Address.at(Gp.RBX, Gp.RSI, ROWS, 0));
        x.lea(Gp.R8, Address.at(Gp.R8, Gp.R9, ROWS, 0));
        x.mov(Gp.RDI, Gp.RBX);
        x.mov(Gp.RDX, Gp.RBP);
        x.mov(Gp.RCX, Gp.R12);
        x.decrement(Gp.R13);
        x.jumpIfNotZero(tile);
        x.pop(SAVED);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }
}
