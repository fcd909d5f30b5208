package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Widens sixteen columns of block-quantized rows, Q8_0 or Q4_0, into panels: to pairs of bf16 as {@link Bf16Tile} reads
 * them, rounded once, or to f32 as {@link F32Tile} does. Sixteen columns are half of a block. Addresses are the
 * caller's to check.
 */
public final class BlockColumns {
    /** Columns at a time. */
    public static final int COLUMNS = 16;

    /** Bytes of a block before its elements: the f16 scale. */
    private static final int ELEMENTS = 2;

    private static final List<DType> TYPES = List.of(DType.Q8_0, DType.Q4_0);
    private static final List<DType> TARGETS = List.of(DType.F32, DType.BF16);

    private static final int NIBBLE = 31;
    private static final int MINUS_OFFSET = 30;

    private static final MemorySegment[] FUNCTIONS = publish();

    private BlockColumns() {}

    /** Whether this machine can run {@link #widen}; {@link #pairs} wants {@link Bf16Tile#available} as well. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    private static MemorySegment[] publish() {
        if (!available()) {
            return new MemorySegment[0];
        }
        List<byte[]> functions = new ArrayList<>();
        for (DType type : TYPES) {
            for (DType target : TARGETS) {
                for (int half = 0; half < 2; half++) {
                    functions.add(generate(type, target, half));
                }
            }
        }
        return CodeMemory.publish(functions);
    }

    private static MemorySegment function(DType type, DType target, long column) {
        int half = (int) (column / COLUMNS % 2);
        return FUNCTIONS[(TYPES.indexOf(type) * TARGETS.size() + TARGETS.indexOf(target)) * 2 + half];
    }

    /**
     * {@code to[r][j] = from[r][column + j]}.
     *
     * @param from address of the block of the first row that has the columns
     * @param stride bytes from row to row
     * @param column the first column, a multiple of sixteen
     * @param rows how many, 1 or more
     * @param to address of the panel's first element in this vector
     * @param toStride bytes from row to row of the panel
     */
    public static void widen(DType type, long from, long stride, long column, long rows, long to, long toStride) {
        ShortCall.run(function(type, DType.F32, column), from, stride, to, toStride, rows, 0);
    }

    /** {@code to[k][j] = (from[2 k][column + j], from[2 k + 1][column + j])}; {@code pairs} of rows, 1 or more. */
    public static void pairs(DType type, long from, long stride, long column, long pairs, long to, long toStride) {
        ShortCall.run(function(type, DType.BF16, column), from, stride, to, toStride, pairs, 0);
    }

    /** {@link #widen} and {@link #pairs}; a step is a row, or two. */
    static byte[] generate(DType type, DType target, int half) {
        return Function.of((x, from, stride, to, toStride, steps, _) -> {
            x.constant(NIBBLE, 15);
            x.constant(MINUS_OFFSET, -8);
            Assembler.Label step = x.label();
            element(x, type, half, 0, Address.at(from));
            if (target == DType.F32) {
                x.add(from, stride);
            } else {
                element(x, type, half, 1, Address.at(from, stride, 1, 0));
                for (int row = 0; row < 2; row++) {
                    x.vector(Evex.VCVTNEPS2BF16, V512, row, row);
                    x.vector(Evex.VPMOVZXWD, V512, row, row);
                }
                x.shiftLeft(V512, 1, 1, 16);
                x.vector(Evex.VPORD, V512, 0, 0, 1);
                x.lea(from, Address.at(from, stride, 2, 0));
            }
            x.vector(Evex.VMOVUPS_STORE, V512, 0, Address.at(to));
            x.add(to, toStride);
            x.decrement(steps);
            x.jumpIfNotZero(step);
        });
    }

    /** {@code d} = sixteen elements of the block, in f32; uses d + 2. */
    private static void element(Assembler x, DType type, int half, int d, Address block) {
        int scale = d + 2;
        x.vector(Evex.VPBROADCASTW, V256, scale, block);
        x.vector(Evex.VCVTPH2PS, V512, scale, scale);
        if (type == DType.Q8_0) {
            x.vector(Evex.VPMOVSXBD, V512, d, block.plus(ELEMENTS + COLUMNS * half));
        } else {
            x.vector(Evex.VPMOVZXBD, V512, d, block.plus(ELEMENTS));
            if (half == 0) {
                x.vector(Evex.VPANDD, V512, d, d, NIBBLE);
            } else {
                x.shiftRight(V512, d, d, 4);
            }
            x.vector(Evex.VPADDD, V512, d, d, MINUS_OFFSET);
        }
        x.vector(Evex.VCVTDQ2PS, V512, d, d);
        x.vector(Evex.VMULPS, V512, d, d, scale);
    }
}
