package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Brings the factors of a product into the order in which {@link Int8Tile} reads them: quantizes f32 rows by blocks of
 * 32, and takes block-quantized weights apart into unsigned bytes and scales. Addresses are the caller's to check.
 *
 * <p>A block of a quantized row takes {@value #BYTES} bytes: 32 signed bytes, the int32 that its sum of products starts
 * from, and the f32 scale. That start makes up for the offset by which weights became unsigned: minus the offset times
 * the sum of the row's block.
 */
public final class Int8Blocks {
    /** Elements of a block. */
    public static final int BLOCK = 32;

    /** Bytes of a quantized block of a row. */
    public static final int BYTES = 40;

    /** Where the start is in it. */
    static final int START = 32;

    /** Where the scale is. */
    static final int SCALE = 36;

    /** Bytes of a weights' block before its elements: the f16 scale. */
    private static final int ELEMENTS = 2;

    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(quantizing(), splitting(DType.Q8_0), splitting(DType.Q4_0)))
            : new MemorySegment[0];

    private Int8Blocks() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return Int8Tile.available();
    }

    /** What makes weights of {@code type}, Q8_0 or Q4_0, unsigned. */
    private static int offset(DType type) {
        return type == DType.Q8_0 ? 128 : 8;
    }

    /**
     * Quantizes {@code count} floats, a multiple of 32, for products with {@code weights}: a block's scale is its
     * greatest magnitude / 127.
     */
    public static void quantize(long from, long count, DType weights, long to) {
        ShortCall.run(FUNCTIONS[0], from, to, count / BLOCK, -offset(weights), 0, 0);
    }

    /**
     * Writes the elements of whole blocks of rows of weights, Q8_0 or Q4_0, as unsigned bytes, and their scales as f32.
     *
     * @param from address of the first row's first block
     * @param stride bytes from row to row
     * @param rows how many, 1 or more
     * @param elements of a row, a multiple of 32
     * @param to address of the first row's bytes
     * @param toStride bytes from row to row of them
     * @param scales address of the first row's scales
     * @param scalesStride bytes from row to row of them
     */
    public static void split(
            DType type,
            long from,
            long stride,
            long rows,
            long elements,
            long to,
            long toStride,
            long scales,
            long scalesStride) {
        MemorySegment function = FUNCTIONS[type == DType.Q8_0 ? 1 : 2];
        ShortCall.run(function, from, stride, to, toStride, scales, scalesStride, rows, elements / BLOCK);
    }

    /** {@link #quantize}. */
    static byte[] quantizing() {
        return VectorBlock.quantizing(BYTES, SCALE, (x, block) -> {
            VectorBlock.startOfAll(x);
            x.vector(Evex.VMOVSS_STORE, V128, VectorBlock.START, Address.at(block, START));
        });
    }

    /** {@link #split}. */
    static byte[] splitting(DType type) {
        return Function.of((x, from, stride, to, toStride, scales, scalesStride, rows, blocks) -> {
            int constant = 31;
            Gp[] saved = {Gp.RBX, Gp.RBP, Gp.R12};
            Gp rowsLeft = Gp.R11;
            Gp perRow = Gp.RAX;
            Gp source = Gp.R10;
            Gp target = Gp.RBX;
            Gp scale = Gp.R12;
            Gp left = Gp.RBP;
            x.constant(constant, type == DType.Q8_0 ? 0x80808080 : 0x0F0F0F0F);
            x.mov(rowsLeft, rows.at());
            x.mov(perRow, blocks.at());
            x.push(saved);
            Assembler.Label row = x.label();
            x.mov(source, from);
            x.mov(target, to);
            x.mov(scale, scales);
            x.mov(left, perRow);
            Assembler.Label block = x.label();
            x.vector(Evex.VPBROADCASTW, V128, 0, Address.at(source));
            x.vector(Evex.VCVTPH2PS, V128, 0, 0);
            x.vector(Evex.VMOVSS_STORE, V128, 0, Address.at(scale));
            if (type == DType.Q8_0) {
                x.vector(Evex.VPXORD, V256, 1, constant, Address.at(source, ELEMENTS));
                x.vector(Evex.VMOVUPS_STORE, V256, 1, Address.at(target));
            } else {
                x.vector(Evex.VMOVUPS, V128, 1, Address.at(source, ELEMENTS));
                x.shiftRight(V128, 2, 1, 4);
                x.vector(Evex.VPANDD, V128, 1, 1, constant);
                x.vector(Evex.VPANDD, V128, 2, 2, constant);
                x.vector(Evex.VMOVUPS_STORE, V128, 1, Address.at(target));
                x.vector(Evex.VMOVUPS_STORE, V128, 2, Address.at(target, V128.bytes()));
            }
            x.add(source, type.blockBytes());
            x.add(target, BLOCK);
            x.add(scale, Float.BYTES);
            x.decrement(left);
            x.jumpIfNotZero(block);
            x.add(from, stride);
            x.add(to, toStride);
            x.add(scales, scalesStride);
            x.decrement(rowsLeft);
            x.jumpIfNotZero(row);
            x.pop(saved);
        });
    }
}
