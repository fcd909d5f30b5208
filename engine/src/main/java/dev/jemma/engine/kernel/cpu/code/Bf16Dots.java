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
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.StreamCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Dot products of one vector with many rows of bf16 weights: what a decoded token is made of. Each weight is read once,
 * widened exactly and multiplied in f32; so memory is the limit, and rows are taken one by one: a single stream is what
 * it gives fastest. Long rows are taken by eight, since reading the vector anew for each would cost more.
 *
 * <p>A dword of weights holds two neighbours: shifted up it is the even one as f32, masked the odd one. So the vector
 * is wanted with evens and odds apart, see {@link #split}. Addresses are the caller's to check.
 */
public final class Bf16Dots {
    /** Weights of a row at a time. */
    public static final int STEP = 32;

    /** How far ahead to ask for memory: the hardware's own prefetching stops at the end of a page. */
    private static final int PREFETCH_BYTES = 4 << 10;

    /**
     * Inputs from which on the vector does not stay in the first-level cache beside the weights: eight rows share its
     * reading.
     */
    private static final int LONG = 4096;

    private static final int EVEN_VECTOR = 8;
    private static final int ODD_VECTOR = 9;

    private static final int EVENS = 0;
    private static final int ODDS = 1;
    private static final int PAIRS = 2;
    private static final int EVEN = 3;
    private static final int ODD = 4;
    private static final int MASK = 31;

    private static final MemorySegment[] FUNCTIONS =
            available() ? CodeMemory.publish(List.of(dots(), splitting(), dotsOfEight())) : new MemorySegment[0];

    private Bf16Dots() {}

    /** Whether this machine can run it. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * {@code out[o] = x . w[o]}.
     *
     * @param w address of the first row, bf16; rows are contiguous
     * @param x address of the vector, {@link #split}
     * @param inputs length of a row, a multiple of {@value #STEP}
     * @param out address of the sums, f32
     * @param rows how many, a multiple of {@link #rows}, 1 or more
     */
    public static void run(long w, long x, long inputs, long out, long rows) {
        if (rows(inputs) == 1) {
            StreamCall.run(FUNCTIONS[0], w, 0, x, inputs / STEP, out, rows);
        } else {
            StreamCall.run(FUNCTIONS[2], w, 2 * inputs, x, inputs / STEP, out, rows / DotsOfEight.ROWS);
        }
    }

    /** Rows at a time. */
    public static int rows(long inputs) {
        return inputs > LONG ? DotsOfEight.ROWS : 1;
    }

    /**
     * Copies {@code inputs} floats (a multiple of {@value #STEP}), of every {@value #STEP} the even ones first, then
     * the odd ones.
     */
    public static void split(long from, long inputs, long to) {
        StreamCall.run(FUNCTIONS[1], from, to, inputs / STEP, 0, 0, 0);
    }

    /** {@code void dots(w, -, vector, steps, out, rows)}: rows one by one. */
    static byte[] dots() {
        return Function.of((x, w, _, vector, steps, out, rows) -> {
            Gp at = Gp.R10;
            Gp left = Gp.R11;
            mask(x);
            Assembler.Label row = x.label();
            x.mov(at, vector);
            x.mov(left, steps);
            x.zero(EVENS);
            x.zero(ODDS);
            Assembler.Label step = x.label();
            x.vector(Evex.VMOVUPS, V512, PAIRS, Address.at(w));
            x.prefetchFirst(Address.at(w, PREFETCH_BYTES));
            x.shiftLeft(V512, EVEN, PAIRS, 16);
            x.vector(Evex.VPANDD, V512, ODD, PAIRS, MASK);
            x.vector(Evex.VFMADD231PS, V512, EVENS, EVEN, Address.at(at));
            x.vector(Evex.VFMADD231PS, V512, ODDS, ODD, Address.at(at, V512.bytes()));
            x.add(w, V512.bytes());
            x.add(at, 2 * V512.bytes());
            x.decrement(left);
            x.jumpIfNotZero(step);
            x.vector(Evex.VADDPS, V512, EVENS, EVENS, ODDS);
            AcrossLanes.reduce(x, Evex.VADDPS, EVENS, ODDS);
            x.vector(Evex.VMOVSS_STORE, V128, EVENS, Address.at(out));
            x.add(out, Float.BYTES);
            x.decrement(rows);
            x.jumpIfNotZero(row);
        });
    }

    /** Lets {@link #MASK} be the upper halves of dwords. */
    private static void mask(Assembler x) {
        x.ones(MASK);
        x.shiftLeft(V512, MASK, MASK, 16);
    }

    /** {@code void dots(w, stride, vector, steps, out, groups)}: rows by eights. */
    static byte[] dotsOfEight() {
        return DotsOfEight.generate(V512.bytes(), 2 * V512.bytes(), V512, Bf16Dots::mask, (x, vector, rows) -> {
            x.vector(Evex.VMOVUPS, V512, EVEN_VECTOR, Address.at(vector));
            x.vector(Evex.VMOVUPS, V512, ODD_VECTOR, Address.at(vector, V512.bytes()));
            for (int i = 0; i < DotsOfEight.ROWS; i++) {
                int even = 16 + i;
                int odd = 10 + i % 4;
                x.shiftLeft(V512, even, rows.row(i), 16);
                x.vector(Evex.VPANDD, V512, odd, MASK, rows.row(i));
                x.vector(Evex.VFMADD231PS, V512, i, even, EVEN_VECTOR);
                x.vector(Evex.VFMADD231PS, V512, i, odd, ODD_VECTOR);
            }
        });
    }

    /** {@link #split}, by steps: the lower dwords of qwords are the evens. */
    static byte[] splitting() {
        return Function.of((x, from, to, steps, _, _, _) -> {
            Assembler.Label loop = x.label();
            for (int half = 0; half < 2; half++) {
                x.vector(Evex.VMOVUPS, V512, 0, Address.at(from, half * V512.bytes()));
                x.shiftRightQwords(V512, 1, 0, 32);
                x.vector(Evex.VPMOVQD_STORE, V512, 0, Address.at(to, half * V256.bytes()));
                x.vector(Evex.VPMOVQD_STORE, V512, 1, Address.at(to, V512.bytes() + half * V256.bytes()));
            }
            x.add(from, 2 * V512.bytes());
            x.add(to, 2 * V512.bytes());
            x.decrement(steps);
            x.jumpIfNotZero(loop);
        });
    }
}
