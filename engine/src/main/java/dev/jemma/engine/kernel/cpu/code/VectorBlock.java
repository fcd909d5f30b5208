package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import java.util.function.Consumer;

/**
 * Code that quantizes a block of 32 floats of the vector that weights are multiplied by: the scale is the greatest magnitude / 127.
 * Magnitudes are compared as integers, among which a NaN is the greatest, so that the scale of its block is one too.
 */
final class VectorBlock {
    /** Bytes of the floats of a block. */
    static final int FLOAT_BYTES = 2 * V512.bytes();

    /** The vector whose dwords are the first sixteen elements, quantized. */
    static final int FIRST = 0;

    /** The vector whose dwords are the others. */
    static final int SECOND = 1;

    /** The vector whose first four lanes are the scale. */
    static final int SCALE = 3;

    /** Where {@link #start} leaves its sums. */
    static final int START = 0;

    private static final int MAGNITUDE = 31;
    private static final int LEAST = 30;
    private static final int LEVELS = 29;
    private static final int OFFSET = 28;

    private VectorBlock() {}

    /** Before the rest; RCX is minus the weights' offset. RAX is overwritten. */
    static void constants(Assembler x) {
        x.constant(MAGNITUDE, 0x7FFFFFFF);
        x.constant(LEAST, Float.floatToIntBits(1e-30f)); // a block of zeros divides by this
        x.constant(LEVELS, Float.floatToIntBits(127));
        x.mov(Gp.RAX, Gp.RCX);
        x.vector(Evex.VPBROADCASTD_GP, V512, OFFSET, Gp.RAX.ordinal());
    }

    /** Quantizes block {@code index} behind RDI; uses vector 2. */
    static void quantize(Assembler x, int index) {
        x.vector(Evex.VMOVUPS, V512, FIRST, Address.at(Gp.RDI, index * FLOAT_BYTES));
        x.vector(Evex.VMOVUPS, V512, SECOND, Address.at(Gp.RDI, index * FLOAT_BYTES + V512.bytes()));
        x.vector(Evex.VPANDD, V512, 2, FIRST, MAGNITUDE);
        x.vector(Evex.VPANDD, V512, 3, SECOND, MAGNITUDE);
        x.vector(Evex.VPMAXSD, V512, 2, 2, 3);
        for (int parts : new int[] {0x4E, 0xB1}) {
            x.vector(Evex.VSHUFI32X4, V512, 3, 2, 2, parts);
            x.vector(Evex.VPMAXSD, V512, 2, 2, 3);
        }
        for (int pairs : new int[] {0x4E, 0xB1}) {
            x.vector(Evex.VPSHUFD, V512, 3, 0, 2, pairs);
            x.vector(Evex.VPMAXSD, V512, 2, 2, 3);
        }
        x.vector(Evex.VPMAXSD, V512, 2, 2, LEAST);
        x.vector(Evex.VDIVPS, V128, SCALE, 2, LEVELS); // all lanes are equal: the narrowest division is the fastest
        x.vector(Evex.VDIVPS, V128, 2, LEVELS, 2);
        x.vector(Evex.VPBROADCASTD, V512, 2, 2);
        for (int half : new int[] {FIRST, SECOND}) {
            x.vector(Evex.VMULPS, V512, half, half, 2);
            x.vector(Evex.VCVTPS2DQ, V512, half, half);
        }
    }

    /** Minus the offset times the sum of the quantized block, as eight dwords whose sum it is. Overwrites the block. */
    static void start(Assembler x) {
        x.vector(Evex.VPADDD, V512, 0, FIRST, SECOND);
        x.vector(Evex.VSHUFI32X4, V512, 1, 0, 0, 0x4E);
        x.vector(Evex.VPADDD, V512, 0, 0, 1);
        x.vector(Evex.VPMULLD, V512, START, 0, OFFSET);
    }

    /** The same, the sum of the eight in every lane. */
    static void startOfAll(Assembler x) {
        start(x);
        x.vector(Evex.VSHUFI32X4, V512, 1, START, START, 0xB1);
        x.vector(Evex.VPADDD, V512, START, START, 1);
        for (int pairs : new int[] {0x4E, 0xB1}) {
            x.vector(Evex.VPSHUFD, V512, 1, 0, START, pairs);
            x.vector(Evex.VPADDD, V512, START, START, 1);
        }
    }

    /**
     * {@code void quantize(from, to, blocks, -offset, -, -)}: blocks of {@code bytes} bytes that begin with the quantized bytes.
     *
     * @param scaleAt where the scale is in a block
     * @param start writes what sums start from to the block at RSI
     */
    static byte[] quantizing(int bytes, int scaleAt, Consumer<Assembler> start) {
        Assembler x = new Assembler();
        constants(x);
        Assembler.Label block = x.label();
        quantize(x, 0);
        x.vector(Evex.VPMOVSDB_STORE, V512, FIRST, Address.at(Gp.RSI));
        x.vector(Evex.VPMOVSDB_STORE, V512, SECOND, Address.at(Gp.RSI, 16));
        x.vector(Evex.VMOVSS_STORE, V128, SCALE, Address.at(Gp.RSI, scaleAt));
        start.accept(x);
        x.add(Gp.RDI, FLOAT_BYTES);
        x.add(Gp.RSI, bytes);
        x.decrement(Gp.RDX);
        x.jumpIfNotZero(block);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }
}
