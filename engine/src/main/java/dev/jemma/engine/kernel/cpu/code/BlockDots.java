package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import dev.jemma.engine.kernel.cpu.code.x86.StreamCall;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Dot products of one vector with many rows of Q8_0 weights, eight rows at a time, in int8: the vector is quantized by
 * blocks of 32 as the weights are, VPDPBUSD sums products of bytes exactly, and each block's sum is scaled in f32.
 * {@link NibbleDots} has those of Q4_0.
 *
 * <p>That instruction takes one factor unsigned. Weights become it by an offset, 128, and the sum starts at minus the
 * offset times the sum of the vector's block. A quantized block of the vector takes {@value #BLOCK_BYTES} bytes: 32
 * signed bytes, eight int32 to start from, and the f32 scale. Addresses are the caller's to check.
 *
 * <p>Whole blocks of either type are widened to f32 here, too.
 */
public final class BlockDots {
    /** Rows at a time. */
    public static final int ROWS = DotsOfEight.ROWS;

    /** Elements of a block. */
    public static final int BLOCK = 32;

    /** Bytes of a quantized block of the vector. */
    public static final int BLOCK_BYTES = 96;

    private static final int OFFSET = 128;
    private static final int START = 32;
    private static final int SCALE = 64;

    private static final int WEIGHT_BYTES = DType.Q8_0.blockBytes();

    /** Bytes of a weights' block before its elements: the f16 scale. */
    private static final int ELEMENTS = 2;

    private static final int VECTOR = 16;
    private static final int BEGIN = 17;
    private static final int VECTOR_SCALE = 18;
    private static final int FLIP = 31;

    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(dots(), quantizing(), widening(DType.Q8_0), widening(DType.Q4_0)))
            : new MemorySegment[0];

    private BlockDots() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().vnni();
    }

    /**
     * {@code out[o] = x . w[o]}.
     *
     * @param w address of the first row; rows are contiguous
     * @param x address of the vector, {@link #quantize}d
     * @param inputs length of a row, a multiple of 32
     * @param out address of the sums, f32
     * @param rows how many, a multiple of {@value #ROWS}, 1 or more
     */
    public static void run(long w, long x, long inputs, long out, long rows) {
        StreamCall.run(FUNCTIONS[0], w, DType.Q8_0.bytes(inputs), x, inputs / BLOCK, out, rows / ROWS);
    }

    /** Quantizes {@code inputs} floats, a multiple of 32: the scale of a block is its greatest magnitude / 127. */
    public static void quantize(long from, long inputs, long to) {
        StreamCall.run(FUNCTIONS[1], from, to, inputs / BLOCK, -OFFSET, 0, 0);
    }

    /** Widens whole blocks of a row, Q8_0 or Q4_0, to f32, times {@code scale}. */
    public static void toF32(DType type, long from, long elements, float scale, long to) {
        StreamCall.run(FUNCTIONS[type == DType.Q8_0 ? 2 : 3], from, to, elements / BLOCK, ShortCall.bits(scale), 0, 0);
    }

    /** {@code void dots(w, stride, vector, blocks, out, groups)}. */
    static byte[] dots() {
        return DotsOfEight.generate(
                WEIGHT_BYTES, BLOCK_BYTES, V256, x -> x.constant(FLIP, 0x80808080), (x, vector, rows) -> {
                    x.vector(Evex.VMOVUPS, V256, VECTOR, Address.at(vector));
                    x.vector(Evex.VMOVUPS, V256, BEGIN, Address.at(vector, START));
                    x.vector(Evex.VPBROADCASTD, V256, VECTOR_SCALE, Address.at(vector, SCALE));
                    for (int i = 0; i < ROWS; i++) {
                        int sum = 20 + i % 4;
                        int bytes = 24 + i % 4;
                        int scale = 28 + i % 3;
                        x.vector(Evex.VPXORD, V256, bytes, FLIP, rows.row(i).plus(ELEMENTS));
                        x.vector(Evex.VMOVUPS, V256, sum, BEGIN);
                        x.vector(Evex.VPDPBUSD, V256, sum, bytes, VECTOR);
                        x.vector(Evex.VPBROADCASTW, V128, scale, rows.row(i));
                        x.vector(Evex.VCVTPH2PS, V256, scale, scale);
                        x.vector(Evex.VCVTDQ2PS, V256, sum, sum);
                        x.vector(Evex.VMULPS, V256, scale, scale, VECTOR_SCALE);
                        x.vector(Evex.VFMADD231PS, V256, i, sum, scale);
                    }
                });
    }

    /** {@link #quantize}. */
    static byte[] quantizing() {
        return VectorBlock.quantizing(BLOCK_BYTES, SCALE, (x, block) -> {
            VectorBlock.start(x);
            x.vector(Evex.VMOVUPS_STORE, V256, VectorBlock.START, Address.at(block, START));
        });
    }

    /** {@link #toF32}, by blocks. */
    static byte[] widening(DType type) {
        return Function.of((x, from, to, blocks, factor, _, _) -> {
            int nibble = 31;
            int minusOffset = 30;
            int scale = 29;
            x.constant(nibble, 15);
            x.constant(minusOffset, -8);
            x.vector(Evex.VPBROADCASTD_GP, V512, scale, factor.ordinal());
            Assembler.Label block = x.label();
            x.vector(Evex.VPBROADCASTW, V256, 2, Address.at(from));
            x.vector(Evex.VCVTPH2PS, V512, 2, 2);
            if (type == DType.Q8_0) {
                x.vector(Evex.VPMOVSXBD, V512, 0, Address.at(from, ELEMENTS));
                x.vector(Evex.VPMOVSXBD, V512, 1, Address.at(from, ELEMENTS + 16));
            } else {
                x.vector(Evex.VPMOVZXBD, V512, 1, Address.at(from, ELEMENTS));
                x.vector(Evex.VPANDD, V512, 0, 1, nibble);
                x.shiftRight(V512, 1, 1, 4);
                x.vector(Evex.VPADDD, V512, 0, 0, minusOffset);
                x.vector(Evex.VPADDD, V512, 1, 1, minusOffset);
            }
            for (int half = 0; half < 2; half++) {
                x.vector(Evex.VCVTDQ2PS, V512, half, half);
                x.vector(Evex.VMULPS, V512, half, half, 2);
                x.vector(Evex.VMULPS, V512, half, half, scale);
                x.vector(Evex.VMOVUPS_STORE, V512, half, Address.at(to, half * V512.bytes()));
            }
            x.add(from, type.blockBytes());
            x.add(to, BLOCK * Float.BYTES);
            x.decrement(blocks);
            x.jumpIfNotZero(block);
        });
    }
}
