package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Brings matrices into the order in which {@link Bf16Tile} reads them: rounds f32 rows to bf16, and turns bf16 rows
 * into panels of pairs. Addresses are the caller's to check.
 */
public final class Bf16Panels {
    private static final int LANES = Bf16Tile.LANES;
    private static final int MASK = 1;

    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(transposition(), interleaving(), rounding(), prefetching()))
            : new MemorySegment[0];

    private Bf16Panels() {}

    /** Whether this machine can run them; {@link #round} wants {@link Bf16Tile#available} as well. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * Sixteen rows of the source become one vector of columns of a panel: {@code to[k][j] = pair k of row j}.
     *
     * @param from address of the first row's first pair
     * @param stride bytes from row to row
     * @param pairs how many, a multiple of 16; may be 0
     * @param to address of the panel's first pair in this vector
     * @param toStride bytes from pair to pair of the panel
     */
    public static void transpose(long from, long stride, long pairs, long to, long toStride) {
        if (pairs > 0) {
            ShortCall.run(FUNCTIONS[0], from, stride, to, toStride, pairs / LANES, 0);
        }
    }

    /**
     * Two neighbouring rows of the source become a pair of the panel:
     * {@code to[k][j] = (from[2 k][j], from[2 k + 1][j])}.
     *
     * @param columns of the source that exist, 1 .. 16; the others become zeros
     * @param pairs how many, 1 or more; the source has twice as many rows
     */
    public static void interleave(long from, long stride, int columns, long pairs, long to, long toStride) {
        ShortCall.run(FUNCTIONS[1], from, stride, to, toStride, pairs << 16 | 0xFFFF >>> LANES - columns, 0);
    }

    /**
     * {@code to[i] = bf16(from[i])} to nearest even, subnormals to zero; {@code count} is a multiple of 16, and may be
     * 0.
     */
    public static void round(long from, long to, long count) {
        if (count > 0) {
            ShortCall.run(FUNCTIONS[2], from, to, count / LANES, 0, 0, 0);
        }
    }

    /**
     * Asks for {@code bytes} bytes, 1 or more, of each of {@code rows} rows, 1 or more, into the second-level cache.
     * Any address will do.
     */
    public static void prefetch(long from, long stride, long rows, long bytes) {
        long lines = ((from & 63) + bytes + 63) / 64;
        ShortCall.run(FUNCTIONS[3], from, stride, rows, lines, 0, 0);
    }

    /**
     * {@link #transpose}, of squares of 16 x 16 dwords. Two rounds exchange within 128-bit parts (after which vector 4
     * g + i holds column i of every part, of rows 4 g .. 4 g + 3), two more exchange the parts.
     */
    static byte[] transposition() {
        return Function.of((x, from, stride, to, toStride, squares, _) -> {
            Gp row = Gp.RAX;
            Assembler.Label square = x.label();
            x.mov(row, from);
            for (int i = 0; i < LANES; i++) {
                x.vector(Evex.VMOVUPS, V512, i, Address.at(row));
                x.add(row, stride);
            }
            for (int g = 0; g < LANES; g += 4) { // dwords: rows g, g + 1 and g + 2, g + 3
                x.vector(Evex.VPUNPCKLDQ, V512, 16 + g, g, g + 1);
                x.vector(Evex.VPUNPCKHDQ, V512, 17 + g, g, g + 1);
                x.vector(Evex.VPUNPCKLDQ, V512, 18 + g, g + 2, g + 3);
                x.vector(Evex.VPUNPCKHDQ, V512, 19 + g, g + 2, g + 3);
            }
            for (int g = 0; g < LANES; g += 4) { // qwords
                x.vector(Evex.VPUNPCKLQDQ, V512, g, 16 + g, 18 + g);
                x.vector(Evex.VPUNPCKHQDQ, V512, g + 1, 16 + g, 18 + g);
                x.vector(Evex.VPUNPCKLQDQ, V512, g + 2, 17 + g, 19 + g);
                x.vector(Evex.VPUNPCKHQDQ, V512, g + 3, 17 + g, 19 + g);
            }
            for (int i = 0; i < 4; i++) { // parts 0 and 2, 1 and 3, of two groups of rows
                x.vector(Evex.VSHUFI32X4, V512, 16 + i, i, 4 + i, 0x88);
                x.vector(Evex.VSHUFI32X4, V512, 20 + i, i, 4 + i, 0xDD);
                x.vector(Evex.VSHUFI32X4, V512, 24 + i, 8 + i, 12 + i, 0x88);
                x.vector(Evex.VSHUFI32X4, V512, 28 + i, 8 + i, 12 + i, 0xDD);
            }
            for (int i = 0; i < 4; i++) {
                x.vector(Evex.VSHUFI32X4, V512, i, 16 + i, 24 + i, 0x88);
                x.vector(Evex.VSHUFI32X4, V512, 4 + i, 20 + i, 28 + i, 0x88);
                x.vector(Evex.VSHUFI32X4, V512, 8 + i, 16 + i, 24 + i, 0xDD);
                x.vector(Evex.VSHUFI32X4, V512, 12 + i, 20 + i, 28 + i, 0xDD);
            }
            for (int i = 0; i < LANES; i++) {
                x.vector(Evex.VMOVUPS_STORE, V512, i, Address.at(to));
                x.add(to, toStride);
            }
            x.add(from, V512.bytes());
            x.decrement(squares);
            x.jumpIfNotZero(square);
        });
    }

    /** {@link #interleave}, {@code pairs << 16 | mask}. */
    static byte[] interleaving() {
        return Function.of((x, from, stride, to, toStride, pairsAndMask, _) -> {
            x.kmovw(MASK, pairsAndMask);
            Gp pairs = pairsAndMask;
            x.shiftRight(pairs, 16);
            Assembler.Label loop = x.label();
            x.vectorOrZero(Evex.VPMOVZXWD, V512, 0, Address.at(from), MASK);
            x.vectorOrZero(Evex.VPMOVZXWD, V512, 1, Address.at(from, stride, 1, 0), MASK);
            x.shiftLeft(V512, 1, 1, 16);
            x.vector(Evex.VPORD, V512, 0, 0, 1);
            x.vector(Evex.VMOVUPS_STORE, V512, 0, Address.at(to));
            x.lea(from, Address.at(from, stride, 2, 0));
            x.add(to, toStride);
            x.decrement(pairs);
            x.jumpIfNotZero(loop);
        });
    }

    /** {@link #round}, by vectors. */
    static byte[] rounding() {
        return Function.of((x, from, to, vectors, _, _, _) -> {
            Assembler.Label loop = x.label();
            x.vector(Evex.VCVTNEPS2BF16, V512, 0, Address.at(from));
            x.vector(Evex.VMOVUPS_STORE, V256, 0, Address.at(to));
            x.add(from, V512.bytes());
            x.add(to, V256.bytes());
            x.decrement(vectors);
            x.jumpIfNotZero(loop);
        });
    }

    /** {@link #prefetch}, by lines. */
    static byte[] prefetching() {
        return Function.withoutVectors((x, from, stride, rows, lines, left, _) -> {
            Gp at = Gp.RAX;
            Assembler.Label row = x.label();
            x.mov(at, from);
            x.mov(left, lines);
            Assembler.Label line = x.label();
            x.prefetch(Address.at(at));
            x.add(at, 64);
            x.decrement(left);
            x.jumpIfNotZero(line);
            x.add(from, stride);
            x.decrement(rows);
            x.jumpIfNotZero(row);
        });
    }
}
