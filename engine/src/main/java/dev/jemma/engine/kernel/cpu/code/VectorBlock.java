package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;

/**
 * Code that quantizes a block of 32 floats of the vector that weights are multiplied by: the scale is the greatest
 * magnitude / 127. Magnitudes are compared as integers, among which a NaN is the greatest, so that the scale of its
 * block is one too.
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

    /** Before the rest. RAX is overwritten. */
    static void constants(Assembler x, Gp minusOffset) {
        x.constant(MAGNITUDE, 0x7FFFFFFF);
        x.constant(LEAST, Float.floatToIntBits(1e-30f)); // a block of zeros divides by this
        x.constant(LEVELS, Float.floatToIntBits(127));
        x.mov(Gp.RAX, minusOffset);
        x.vector(Evex.VPBROADCASTD_GP, V512, OFFSET, Gp.RAX.ordinal());
    }

    /** Quantizes block {@code index} from {@code floats} on; uses vector 2. */
    static void quantize(Assembler x, Gp floats, int index) {
        x.vector(Evex.VMOVUPS, V512, FIRST, Address.at(floats, index * FLOAT_BYTES));
        x.vector(Evex.VMOVUPS, V512, SECOND, Address.at(floats, index * FLOAT_BYTES + V512.bytes()));
        x.vector(Evex.VPANDD, V512, 2, FIRST, MAGNITUDE);
        x.vector(Evex.VPANDD, V512, 3, SECOND, MAGNITUDE);
        x.vector(Evex.VPMAXSD, V512, 2, 2, 3);
        AcrossLanes.reduce(x, Evex.VPMAXSD, 2, 3);
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
        x.vector(Evex.VPADDD, V512, START, FIRST, SECOND);
        AcrossLanes.reduce(x, Evex.VPADDD, START, SECOND, 8, 8);
        x.vector(Evex.VPMULLD, V512, START, START, OFFSET);
    }

    /** The same, the sum of the eight in every lane. */
    static void startOfAll(Assembler x) {
        start(x);
        AcrossLanes.reduce(x, Evex.VPADDD, START, SECOND, 4, 1);
    }

    /** Writes what sums start from, to a quantized block. */
    @FunctionalInterface
    interface Start {
        void write(Assembler x, Gp block);
    }

    /**
     * {@code void quantize(from, to, blocks, -offset)}: blocks of {@code bytes} bytes that begin with the quantized
     * bytes.
     *
     * @param scaleAt where the scale is in a block
     */
    static byte[] quantizing(int bytes, int scaleAt, Start start) {
        return Function.of((x, from, to, blocks, minusOffset, _, _) -> {
            constants(x, minusOffset);
            Assembler.Label block = x.label();
            quantize(x, from, 0);
            x.vector(Evex.VPMOVSDB_STORE, V512, FIRST, Address.at(to));
            x.vector(Evex.VPMOVSDB_STORE, V512, SECOND, Address.at(to, 16));
            x.vector(Evex.VMOVSS_STORE, V128, SCALE, Address.at(to, scaleAt));
            start.write(x, to);
            x.add(from, FLOAT_BYTES);
            x.add(to, bytes);
            x.decrement(blocks);
            x.jumpIfNotZero(block);
        });
    }
}
