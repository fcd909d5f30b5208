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
 * The innermost part of a product with block-quantized weights: a tile of up to {@value #ROWS} x {@value #COLUMNS} of C
 * in registers, {@code C = A B} or {@code C += A B} over some blocks of 32 of the depth. VPDPBUSD sums a block's
 * products of bytes exactly, and its sum is scaled in f32 by the scales of both factors' blocks.
 *
 * <p>A is rows of {@link Int8Blocks}: signed bytes, a sum to start from, a scale. B is a panel
 * {@code [quads][vectors][16]} of dwords, four unsigned bytes of a column each, and apart from it
 * {@code [blocks][vectors][16]} f32 scales. The twelve sums of a block and the twelve of the whole depth take 24
 * registers. There is a function for each number of rows and of vectors. Every element is one chain in the order of the
 * depth: its bits do not depend on how C was cut into tiles.
 */
public final class Int8Tile {
    /** Most rows of a tile. */
    public static final int ROWS = 4;

    /** Lanes of a vector. */
    public static final int LANES = TileFrame.LANES;

    /** Most vectors side by side. */
    public static final int VECTORS = TileFrame.VECTORS;

    /** Most columns of a tile. */
    public static final int COLUMNS = VECTORS * LANES;

    /** Steps of the depth in a dword. */
    public static final int QUAD = 4;

    private static final int QUADS = Int8Blocks.BLOCK / QUAD;

    private static final int SUMS = ROWS * VECTORS;
    private static final int B = 2 * SUMS;
    private static final int A = B + VECTORS;

    private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13, Gp.R14};

    private static final TileFrame FRAME = new TileFrame(available(), ROWS, Int8Tile::generate);

    private Int8Tile() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().vnni();
    }

    /**
     * Computes tiles below each other. The addresses are the caller's to check: nothing here does.
     *
     * @param rows of A and C; so many that it ends within microseconds
     * @param columns 1 .. {@value #COLUMNS}; the panel has as many vectors as they need
     * @param a address of the first row's first block
     * @param aStride bytes from row to row
     * @param panel address of the panel's bytes
     * @param scales address of its scales
     * @param blocks of the depth, 1 or more
     * @param c address of the first element
     * @param cStride bytes from row to row
     */
    public static void run(
            int rows,
            int columns,
            Write write,
            long a,
            long aStride,
            long panel,
            long scales,
            long blocks,
            long c,
            long cStride) {
        long mask = TileFrame.mask(columns);
        for (int done = 0; done < rows; ) {
            int height = Math.min(ROWS, rows - done);
            int tiles = (rows - done) / height;
            MemorySegment function = FRAME.function(height, columns, write);
            long from = a + done * aStride;
            long to = c + done * cStride;
            ShortCall.run(function, from, aStride, panel, scales, blocks, to, cStride, (long) tiles << 16 | mask);
            done += height * tiles;
        }
    }

    /**
     * {@code void tiles(a, aStride, panel, scales, blocks, c, cStride, tiles << 16 | mask)}, each {@code rows} x
     * {@code vectors}, 4 rows apart.
     */
    static byte[] generate(int rows, int vectors, Write write) {
        return Function.of((x, a, aStride, panel, scales, blocks, c, cStride, tilesAndMask) -> {
            x.mov(Gp.RAX, tilesAndMask.at());
            x.kmovw(TileFrame.MASK, Gp.RAX);
            x.push(SAVED);
            Gp firstA = Gp.RBX;
            Gp firstPanel = Gp.RBP;
            Gp firstScales = Gp.R12;
            Gp allBlocks = Gp.R13;
            Gp left = Gp.R14;
            x.mov(firstA, a);
            x.mov(firstPanel, panel);
            x.mov(firstScales, scales);
            x.mov(allBlocks, blocks);
            x.mov(left, Gp.RAX);
            x.shiftRight(left, 16);
            Assembler.Label tile = x.label();
            for (int i = 0; i < rows * vectors; i++) {
                x.zero(SUMS + i);
            }
            RowAddresses aRows = RowAddresses.from(x, a, aStride);
            Assembler.Label block = x.label();
            block(x, aRows, panel, scales, rows, vectors);
            aRows.advance(Int8Blocks.BYTES);
            x.add(panel, QUADS * vectors * V512.bytes());
            x.add(scales, vectors * V512.bytes());
            x.decrement(blocks);
            x.jumpIfNotZero(block);
            Gp stride = Gp.RAX;
            x.mov(stride, cStride.at());
            TileFrame.store(x, RowAddresses.from(x, c, stride)::row, rows, vectors, SUMS, write);
            x.lea(firstA, Address.at(firstA, aStride, ROWS, 0));
            x.lea(c, Address.at(c, stride, ROWS, 0));
            x.mov(a, firstA);
            x.mov(panel, firstPanel);
            x.mov(scales, firstScales);
            x.mov(blocks, allBlocks);
            x.decrement(left);
            x.jumpIfNotZero(tile);
            x.pop(SAVED);
        });
    }

    /** Adds the products of one block of the depth to the sums. */
    private static void block(Assembler x, RowAddresses a, Gp panel, Gp scales, int rows, int vectors) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < vectors; j++) {
                x.vector(Evex.VPBROADCASTD, V512, i * vectors + j, a.row(i).plus(Int8Blocks.START));
            }
        }
        for (int quad = 0; quad < QUADS; quad++) {
            for (int j = 0; j < vectors; j++) {
                int at = (quad * vectors + j) * V512.bytes();
                x.vector(Evex.VMOVUPS, V512, B + j, Address.at(panel, at));
            }
            for (int i = 0; i < rows; i++) {
                x.vector(Evex.VPBROADCASTD, V512, A + i, a.row(i).plus(QUAD * quad));
                for (int j = 0; j < vectors; j++) {
                    x.vector(Evex.VPDPBUSD, V512, i * vectors + j, B + j, A + i);
                }
            }
        }
        for (int j = 0; j < vectors; j++) {
            x.vector(Evex.VMOVUPS, V512, B + j, Address.at(scales, j * V512.bytes()));
        }
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < vectors; j++) {
                int sum = i * vectors + j;
                int scale = A + sum % ROWS;
                x.vector(Evex.VCVTDQ2PS, V512, sum, sum);
                x.vectorBroadcast(Evex.VMULPS, V512, scale, B + j, a.row(i).plus(Int8Blocks.SCALE));
                x.vector(Evex.VFMADD231PS, V512, SUMS + sum, sum, scale);
            }
        }
    }
}
