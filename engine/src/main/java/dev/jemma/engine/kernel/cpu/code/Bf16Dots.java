package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.StreamCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Dot products of one vector with many rows of bf16 weights: what a decoded token is made of. Each weight is read once, widened exactly and
 * multiplied in f32; so memory is the limit, and rows are taken one by one: a single stream is what it gives fastest. Long rows are taken by
 * eight, since reading the vector anew for each would cost more.
 *
 * <p>A dword of weights holds two neighbours: shifted up it is the even one as f32, masked the odd one. So the vector is wanted with
 * evens and odds apart, see {@link #split}. Addresses are the caller's to check.
 */
public final class Bf16Dots {
    /** Weights of a row at a time. */
    public static final int STEP = 32;

    /** How far ahead to ask for memory: the hardware's own prefetching stops at the end of a page. */
    private static final int PREFETCH_BYTES = 4 << 10;

    /** Inputs from which on the vector does not stay in the first-level cache beside the weights: eight rows share its reading. */
    private static final int LONG = 4096;

    private static final int EIGHT = 8;
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
     * @param w address of the first row, bf16; rows lie behind each other
     * @param x address of the vector, {@link #split}
     * @param inputs length of a row, a multiple of {@value #STEP}
     * @param out address of the sums, f32
     * @param rows how many, a multiple of {@link #rows}, 1 or more
     */
    public static void run(long w, long x, long inputs, long out, long rows) {
        if (rows(inputs) == 1) {
            StreamCall.run(FUNCTIONS[0], w, 0, x, inputs / STEP, out, rows);
        } else {
            StreamCall.run(FUNCTIONS[2], w, 2 * inputs, x, inputs / STEP, out, rows / EIGHT);
        }
    }

    /** Rows at a time. */
    public static int rows(long inputs) {
        return inputs > LONG ? EIGHT : 1;
    }

    /** Copies {@code inputs} floats (a multiple of {@value #STEP}), of every {@value #STEP} the even ones first, then the odd ones. */
    public static void split(long from, long inputs, long to) {
        StreamCall.run(FUNCTIONS[1], from, to, inputs / STEP, 0, 0, 0);
    }

    /** {@code void dots(w, -, x, steps, out, rows)}. */
    static byte[] dots() {
        Assembler x = new Assembler();
        x.ones(MASK);
        x.shiftLeft(V512, MASK, MASK, 16);
        Assembler.Label row = x.label();
        x.mov(Gp.R10, Gp.RDX);
        x.mov(Gp.R11, Gp.RCX);
        x.zero(EVENS);
        x.zero(ODDS);
        Assembler.Label step = x.label();
        x.vector(Evex.VMOVUPS, V512, PAIRS, Address.at(Gp.RDI));
        x.prefetchFirst(Address.at(Gp.RDI, PREFETCH_BYTES));
        x.shiftLeft(V512, EVEN, PAIRS, 16);
        x.vector(Evex.VPANDD, V512, ODD, PAIRS, MASK);
        x.vector(Evex.VFMADD231PS, V512, EVENS, EVEN, Address.at(Gp.R10));
        x.vector(Evex.VFMADD231PS, V512, ODDS, ODD, Address.at(Gp.R10, V512.bytes()));
        x.add(Gp.RDI, V512.bytes());
        x.add(Gp.R10, 2 * V512.bytes());
        x.decrement(Gp.R11);
        x.jumpIfNotZero(step);
        Sums.ofOne(x, EVENS, ODDS);
        x.vector(Evex.VMOVSS_STORE, V128, EVENS, Address.at(Gp.R8));
        x.add(Gp.R8, 4);
        x.decrement(Gp.R9);
        x.jumpIfNotZero(row);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }

    /** {@code void dots(w, stride, x, steps, out, groups)}. */
    static byte[] dotsOfEight() {
        Assembler x = new Assembler();
        x.push(Gp.RBX);
        x.push(Gp.RBP);
        x.push(Gp.R12);
        x.ones(MASK);
        x.shiftLeft(V512, MASK, MASK, 16);
        x.lea(Gp.R12, Address.at(Gp.RDI, RowAddresses.PREFETCH_BYTES));
        Assembler.Label group = x.label();
        Address[] rows = RowAddresses.addresses(x, Gp.RDI, Gp.RSI);
        x.mov(Gp.RAX, Gp.RDI);
        x.mov(Gp.RBX, Gp.RDX);
        x.mov(Gp.RBP, Gp.RCX);
        for (int i = 0; i < EIGHT; i++) {
            x.zero(i);
        }
        Assembler.Label step = x.label();
        x.vector(Evex.VMOVUPS, V512, EVEN_VECTOR, Address.at(Gp.RBX));
        x.vector(Evex.VMOVUPS, V512, ODD_VECTOR, Address.at(Gp.RBX, V512.bytes()));
        for (int i = 0; i < EIGHT; i++) {
            int even = 16 + i;
            int odd = 10 + i % 4;
            x.shiftLeft(V512, even, rows[i], 16);
            x.vector(Evex.VPANDD, V512, odd, MASK, rows[i]);
            x.vector(Evex.VFMADD231PS, V512, i, even, EVEN_VECTOR);
            x.vector(Evex.VFMADD231PS, V512, i, odd, ODD_VECTOR);
        }
        RowAddresses.prefetch(x, Gp.R12, V512.bytes());
        x.add(Gp.RDI, V512.bytes());
        x.add(Gp.R11, V512.bytes());
        x.add(Gp.RBX, 2 * V512.bytes());
        x.decrement(Gp.RBP);
        x.jumpIfNotZero(step);
        Sums.ofEight(x, V512);
        x.vector(Evex.VMOVUPS_STORE, V256, 0, Address.at(Gp.R8));
        x.add(Gp.R8, EIGHT * 4);
        x.lea(Gp.RDI, Address.at(Gp.RAX, Gp.RSI, 8, 0));
        x.decrement(Gp.R9);
        x.jumpIfNotZero(group);
        x.pop(Gp.R12);
        x.pop(Gp.RBP);
        x.pop(Gp.RBX);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }

    /** {@code void split(from, to, steps, -, -, -)}: the lower dwords of qwords are the evens. */
    static byte[] splitting() {
        Assembler x = new Assembler();
        Assembler.Label loop = x.label();
        for (int half = 0; half < 2; half++) {
            x.vector(Evex.VMOVUPS, V512, 0, Address.at(Gp.RDI, half * V512.bytes()));
            x.shiftRightQwords(V512, 1, 0, 32);
            x.vector(Evex.VPMOVQD_STORE, V512, 0, Address.at(Gp.RSI, half * V256.bytes()));
            x.vector(Evex.VPMOVQD_STORE, V512, 1, Address.at(Gp.RSI, V512.bytes() + half * V256.bytes()));
        }
        x.add(Gp.RDI, 2 * V512.bytes());
        x.add(Gp.RSI, 2 * V512.bytes());
        x.decrement(Gp.RDX);
        x.jumpIfNotZero(loop);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }
}
