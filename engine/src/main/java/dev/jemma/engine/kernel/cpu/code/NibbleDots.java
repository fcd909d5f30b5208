package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.StreamCall;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Dot products of one vector with many rows of Q4_0 weights in int8, as {@link BlockDots} has them for Q8_0; but a
 * block of 18 bytes leaves less time for its scale and for its sum across lanes than memory takes to bring it. So
 * sixteen blocks are one step, four of each of four rows:
 *
 * <ul>
 *   <li>A byte permutation brings the nibbles of a row's four blocks to a vector whose 128-bit parts are a block each,
 *       and another their scales to the place of this row.
 *   <li>Two VPDPBUSD with the lower and the upper nibbles leave four sums a block. They fit 16 bits (8 products of at
 *       most 15 * 127), so that packing and VPMADDWD with ones add lanes of two vectors at once: after two rounds there
 *       is one vector with a lane for each of the sixteen blocks, lane 4 * block + row.
 *   <li>One conversion and one multiplication by sixteen scales finish them.
 * </ul>
 *
 * <p>The quantized vector takes {@value #UNIT_BYTES} bytes for {@value #STEP} elements: 4 x 16 signed bytes that meet
 * lower nibbles, 4 x 16 that meet upper ones, sixteen int32 (-8 times the sum of a block, since nibbles have that
 * offset), sixteen f32 scales, the latter two in the order of the lanes. Addresses are the caller's to check.
 */
public final class NibbleDots {
    /** Rows at a time. */
    public static final int ROWS = 4;

    /** Weights of a row at a time: four blocks. */
    public static final int STEP = 128;

    /** Bytes of {@value #STEP} elements of the quantized vector. */
    public static final int UNIT_BYTES = 256;

    private static final int BLOCKS = 4;
    private static final int BLOCK_BYTES = 18;
    private static final int STEP_BYTES = BLOCKS * BLOCK_BYTES;
    private static final int UPPER = 64;
    private static final int START = 128;
    private static final int SCALES = 192;
    private static final int OFFSET = 8;

    /** How far ahead of the rows to ask for memory. */
    private static final int PREFETCH_BYTES = 16 << 10;

    private static final int SUM = 0;
    private static final int SCALE = 1;
    private static final int LOWER_VECTOR = 2;
    private static final int UPPER_VECTOR = 3;
    private static final int PARTS = 4;
    private static final int RAW = 16;
    private static final int NIBBLES = 20;
    private static final int UPPER_NIBBLES = 24;
    private static final int ONES = 28;
    private static final int MASK = 29;
    private static final int TO_NIBBLES = 30;
    private static final int TO_SCALES = 31;

    /** Mask of the bytes whose nibbles are in the first 64 bytes of a row's step; masks 2, 3, 4: a row's scales. */
    private static final int NEAR = 1;

    private static final MemorySegment[] FUNCTIONS =
            available() ? CodeMemory.publish(List.of(dots(), quantizing())) : new MemorySegment[0];

    private NibbleDots() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().vnni() && CpuFeatures.ofThisMachine().vbmi();
    }

    /**
     * {@code out[o] = x . w[o]}.
     *
     * @param w address of the first row; rows are contiguous
     * @param x address of the vector, {@link #quantize}d
     * @param inputs length of a row, a multiple of {@value #STEP}
     * @param out address of the sums, f32
     * @param rows how many, a multiple of {@value #ROWS}, 1 or more
     */
    public static void run(long w, long x, long inputs, long out, long rows) {
        StreamCall.run(FUNCTIONS[0], w, DType.Q4_0.bytes(inputs), x, inputs / STEP, out, rows / ROWS);
    }

    /**
     * Quantizes {@code inputs} floats, a multiple of {@value #STEP}, in blocks of 32: the scale of a block is its
     * greatest magnitude / 127.
     */
    public static void quantize(long from, long inputs, long to) {
        StreamCall.run(FUNCTIONS[1], from, to, inputs / STEP, -OFFSET, 0, 0);
    }

    /** {@code void dots(w, stride, vector, steps, out, groups)}. */
    static byte[] dots() {
        return Function.of((x, w, stride, vector, steps, out, groups) -> {
            Gp threeStrides = Gp.R10;
            Gp next = Gp.R11;
            Gp first = Gp.RAX;
            Gp part = Gp.RBX;
            Gp left = Gp.RBP;
            List<Address> rows = List.of(
                    Address.at(w),
                    Address.at(w, stride, 1, 0),
                    Address.at(w, stride, 2, 0),
                    Address.at(w, threeStrides, 1, 0));
            constants(x);
            x.lea(threeStrides, Address.at(stride, stride, 2, 0));
            x.lea(next, Address.at(w, PREFETCH_BYTES));
            x.push(part);
            x.push(left);
            Assembler.Label group = x.label();
            x.mov(first, w);
            x.mov(part, vector);
            x.mov(left, steps);
            x.zero(SUM);
            Assembler.Label step = x.label();
            x.vector(Evex.VMOVUPS, V512, LOWER_VECTOR, Address.at(part));
            x.vector(Evex.VMOVUPS, V512, UPPER_VECTOR, Address.at(part, UPPER));
            for (int i = 0; i < ROWS; i++) {
                row(x, i, rows.get(i));
            }
            for (int i = 0; i < ROWS; i += 2) {
                addLanes(x, PARTS + i, PARTS + i + 1);
            }
            addLanes(x, PARTS, PARTS + 2);
            x.vector(Evex.VPADDD, V512, PARTS, PARTS, Address.at(part, START));
            x.vector(Evex.VCVTPH2PS, V512, SCALE, SCALE);
            x.vector(Evex.VMULPS, V512, SCALE, SCALE, Address.at(part, SCALES));
            x.vector(Evex.VCVTDQ2PS, V512, PARTS, PARTS);
            x.vector(Evex.VFMADD231PS, V512, SUM, PARTS, SCALE);
            for (int at = 0; at < ROWS * STEP_BYTES; at += 64) {
                x.prefetch(Address.at(next, at));
            }
            x.add(next, ROWS * STEP_BYTES);
            x.add(w, STEP_BYTES);
            x.add(part, UNIT_BYTES);
            x.decrement(left);
            x.jumpIfNotZero(step);
            AcrossLanes.reduce(x, Evex.VADDPS, SUM, PARTS, 8, 4);
            x.vector(Evex.VMOVUPS_STORE, V128, SUM, Address.at(out));
            x.add(out, ROWS * Float.BYTES);
            x.lea(w, Address.at(first, stride, ROWS, 0));
            x.decrement(groups);
            x.jumpIfNotZero(group);
            x.pop(left);
            x.pop(part);
        });
    }

    private static void constants(Assembler x) {
        byte[] toNibbles = new byte[64];
        byte[] toScales = new byte[64];
        for (int i = 0; i < 64; i++) {
            toNibbles[i] = (byte) (i / 16 * BLOCK_BYTES + 2 + i % 16);
            toScales[i] = (byte) (i / 8 % BLOCKS * BLOCK_BYTES + i % 2);
        }
        x.constant(TO_NIBBLES, toNibbles);
        x.constant(TO_SCALES, toScales);
        x.constant(MASK, 0x0F0F0F0F);
        x.constant(ONES, 0x00010001);
        x.mov(Gp.RAX, (1L << 56) - 1);
        x.kmovq(NEAR, Gp.RAX);
        for (int i = 1; i < ROWS; i++) {
            x.mov(Gp.RAX, 0x03030303L << 2 * i);
            x.kmovq(NEAR + i, Gp.RAX);
        }
    }

    /** Leaves the four sums of each of a row's four blocks, and the blocks' scales. */
    private static void row(Assembler x, int i, Address row) {
        x.vector(Evex.VMOVUPS, V512, RAW + i, row);
        x.vector(Evex.VPBROADCASTQ, V512, NIBBLES + i, row.plus(64)); // the last eight bytes
        x.vectorWhere(NEAR, Evex.VPERMB, V512, NIBBLES + i, TO_NIBBLES, RAW + i);
        x.vectorWhere(i == 0 ? Assembler.ALL : NEAR + i, Evex.VPERMB, V512, SCALE, TO_SCALES, RAW + i);
        x.shiftRight(V512, UPPER_NIBBLES + i, NIBBLES + i, 4);
        x.vector(Evex.VPANDD, V512, NIBBLES + i, NIBBLES + i, MASK);
        x.vector(Evex.VPANDD, V512, UPPER_NIBBLES + i, UPPER_NIBBLES + i, MASK);
        x.zero(PARTS + i);
        x.vector(Evex.VPDPBUSD, V512, PARTS + i, NIBBLES + i, LOWER_VECTOR);
        x.vector(Evex.VPDPBUSD, V512, PARTS + i, UPPER_NIBBLES + i, UPPER_VECTOR);
    }

    /** {@code a} = the sums of neighbouring lanes of a, then of b, in each 128-bit part. */
    private static void addLanes(Assembler x, int a, int b) {
        x.vector(Evex.VPACKSSDW, V512, a, a, b);
        x.vector(Evex.VPMADDWD, V512, a, a, ONES);
    }

    /** {@link #quantize}, by steps. */
    static byte[] quantizing() {
        return Function.of((x, from, to, steps, minusOffset, _, _) -> {
            VectorBlock.constants(x, minusOffset);
            Assembler.Label step = x.label();
            for (int block = 0; block < BLOCKS; block++) {
                VectorBlock.quantize(x, from, block);
                x.vector(Evex.VPMOVSDB_STORE, V512, VectorBlock.FIRST, Address.at(to, 16 * block));
                x.vector(Evex.VPMOVSDB_STORE, V512, VectorBlock.SECOND, Address.at(to, UPPER + 16 * block));
                x.vector(Evex.VMOVUPS_STORE, V128, VectorBlock.SCALE, Address.at(to, SCALES + 16 * block));
                VectorBlock.startOfAll(x);
                x.vector(Evex.VMOVUPS_STORE, V128, VectorBlock.START, Address.at(to, START + 16 * block));
            }
            x.add(from, BLOCKS * VectorBlock.FLOAT_BYTES);
            x.add(to, UNIT_BYTES);
            x.decrement(steps);
            x.jumpIfNotZero(step);
        });
    }
}
