package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

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
    public static final int LANES = 16;

    /** Most vectors side by side. */
    public static final int VECTORS = 3;

    /** Most columns of a tile. */
    public static final int COLUMNS = VECTORS * LANES;

    private static final int B = ROWS * VECTORS;
    private static final int BROADCASTS = B + VECTORS;
    private static final int MASK = 1;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13};

    private static final MemorySegment[] FUNCTIONS = publish();

    private Bf16Tile() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().bf16();
    }

    private static MemorySegment[] publish() {
        if (!available()) {
            return new MemorySegment[0];
        }
        List<byte[]> functions = new ArrayList<>();
        for (Write write : Write.values()) {
            for (int rows = 1; rows <= ROWS; rows++) {
                for (int vectors = 1; vectors <= VECTORS; vectors++) {
                    functions.add(generate(rows, vectors, write));
                }
            }
        }
        return CodeMemory.publish(functions);
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
        int vectors = (columns + LANES - 1) / LANES;
        long mask = 0xFFFF >>> vectors * LANES - columns;
        int whole = rows / ROWS;
        int rest = rows % ROWS;
        if (whole > 0) {
            ShortCall.run(function(ROWS, vectors, write), a, aStride, panel, pairs, c, cStride, mask, whole);
        }
        if (rest > 0) {
            long done = (long) ROWS * whole;
            ShortCall.run(
                    function(rest, vectors, write),
                    a + done * aStride,
                    aStride,
                    panel,
                    pairs,
                    c + done * cStride,
                    cStride,
                    mask,
                    1);
        }
    }

    private static MemorySegment function(int rows, int vectors, Write write) {
        return FUNCTIONS[(write.ordinal() * ROWS + rows - 1) * VECTORS + vectors - 1];
    }

    /** {@code void tiles(a, aStride, panel, pairs, c, cStride, mask, tiles)}, each {@code rows} x {@code vectors}, 8 rows apart. */
    static byte[] generate(int rows, int vectors, Write write) {
        Assembler x = new Assembler();
        x.mov(Gp.RAX, ShortCall.SEVENTH);
        x.kmovw(MASK, Gp.RAX);
        x.mov(Gp.RAX, ShortCall.EIGHTH);
        for (Gp register : SAVED) {
            x.push(register);
        }
        x.mov(Gp.RBX, Gp.RDI);
        x.mov(Gp.RBP, Gp.RDX);
        x.mov(Gp.R12, Gp.RCX);
        x.mov(Gp.R13, Gp.RAX);
        Assembler.Label tile = x.label();
        for (int i = 0; i < rows * vectors; i++) {
            x.zero(i);
        }
        Address[] a = Rows8.addresses(x, Gp.RDI, Gp.RSI);
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
        Address[] c = Rows8.addresses(x, Gp.R8, Gp.R9);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < vectors; j++) {
                int mask = j == vectors - 1 ? MASK : Assembler.ALL;
                int sum = i * vectors + j;
                Address at = c[i].plus(j * V512.bytes());
                if (write == Write.ADD) {
                    x.vector(Evex.VADDPS, V512, sum, sum, at, mask);
                }
                x.vector(Evex.VMOVUPS_STORE, V512, sum, 0, at, mask);
            }
        }
        x.lea(Gp.RBX, Address.at(Gp.RBX, Gp.RSI, ROWS, 0));
        x.lea(Gp.R8, Address.at(Gp.R8, Gp.R9, ROWS, 0));
        x.mov(Gp.RDI, Gp.RBX);
        x.mov(Gp.RDX, Gp.RBP);
        x.mov(Gp.RCX, Gp.R12);
        x.decrement(Gp.R13);
        x.jumpIfNotZero(tile);
        for (int i = SAVED.length - 1; i >= 0; i--) {
            x.pop(SAVED[i]);
        }
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }
}
