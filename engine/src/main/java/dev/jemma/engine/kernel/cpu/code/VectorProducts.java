package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V256;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Products of one vector of floats with rows of floats as they lie: what a single query does with cached keys and values, and a single row
 * with the factors of an adapter. Addresses are the caller's to check.
 */
public final class VectorProducts {
    /** Floats of a row at a time. */
    public static final int STEP = 64;

    private static final int VECTORS = STEP / Floats.LANES;
    private static final int STEP_BYTES = 4 * STEP;
    private static final int FACTOR = 8;

    /** Rows at a time of {@link #addShortDots}. */
    public static final int SHORT_ROWS = 8;

    /** Floats of a row at a time of {@link #addShortDots}. */
    public static final int SHORT_STEP = Floats.LANES;

    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(dots(), addingWeighted(), addingShortDots()))
            : new MemorySegment[0];

    private VectorProducts() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * {@code out[j] = q . rows[j]}.
     *
     * @param q address of D floats
     * @param rows address of the first row
     * @param stride bytes from a row to the next
     * @param count number of rows, 1 or more
     * @param d D, a multiple of {@value #STEP}
     * @param out address of the sums
     */
    public static void dots(long q, long rows, long stride, long count, long d, long out) {
        ShortCall.run(FUNCTIONS[0], q, d / STEP, rows, stride, out, count);
    }

    /** {@code out += sum of weights[j] rows[j]}, j in order; the rest as in {@link #dots}. */
    public static void addWeighted(long weights, long rows, long stride, long count, long d, long out) {
        ShortCall.run(FUNCTIONS[1], weights, count, rows, stride, out, d / STEP);
    }

    /**
     * {@code out[j] += scale * (x . rows[j])} of short rows behind each other.
     *
     * @param x address of D floats
     * @param rows address of the first row
     * @param count number of rows, a multiple of {@value #SHORT_ROWS}, 1 or more
     * @param d D, a multiple of {@value #SHORT_STEP}
     */
    public static void addShortDots(long x, long rows, long count, long d, float scale, long out) {
        long vectors = d / SHORT_STEP;
        ShortCall.run(FUNCTIONS[2], x, rows, 4 * d, vectors, out, count / SHORT_ROWS, ShortCall.bits(scale), 0);
    }

    /** {@code void dots(q, steps, rows, stride, out, count)}. */
    static byte[] dots() {
        Assembler x = new Assembler();
        Assembler.Label row = x.label();
        x.mov(Gp.RAX, Gp.RDX);
        x.mov(Gp.R10, Gp.RDI);
        x.mov(Gp.R11, Gp.RSI);
        for (int i = 0; i < VECTORS; i++) {
            x.zero(i);
        }
        Assembler.Label step = x.label();
        for (int i = 0; i < VECTORS; i++) {
            x.vector(Evex.VMOVUPS, V512, VECTORS + i, Address.at(Gp.R10, i * V512.bytes()));
            x.vector(Evex.VFMADD231PS, V512, i, VECTORS + i, Address.at(Gp.RAX, i * V512.bytes()));
        }
        x.add(Gp.RAX, STEP_BYTES);
        x.add(Gp.R10, STEP_BYTES);
        x.decrement(Gp.R11);
        x.jumpIfNotZero(step);
        x.vector(Evex.VADDPS, V512, 0, 0, 1);
        x.vector(Evex.VADDPS, V512, 2, 2, 3);
        Sums.ofOne(x, 0, 2);
        x.vector(Evex.VMOVSS_STORE, Assembler.Width.V128, 0, Address.at(Gp.R8));
        x.add(Gp.R8, 4);
        x.add(Gp.RDX, Gp.RCX);
        x.decrement(Gp.R9);
        x.jumpIfNotZero(row);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }

    /** {@code void addWeighted(weights, count, rows, stride, out, steps)}. */
    static byte[] addingWeighted() {
        Assembler x = new Assembler();
        Assembler.Label step = x.label();
        x.mov(Gp.RAX, Gp.RDX);
        x.mov(Gp.R10, Gp.RDI);
        x.mov(Gp.R11, Gp.RSI);
        for (int i = 0; i < VECTORS; i++) {
            x.vector(Evex.VMOVUPS, V512, i, Address.at(Gp.R8, i * V512.bytes()));
        }
        Assembler.Label row = x.label();
        x.vector(Evex.VPBROADCASTD, V512, FACTOR, Address.at(Gp.R10));
        for (int i = 0; i < VECTORS; i++) {
            x.vector(Evex.VFMADD231PS, V512, i, FACTOR, Address.at(Gp.RAX, i * V512.bytes()));
        }
        x.add(Gp.R10, 4);
        x.add(Gp.RAX, Gp.RCX);
        x.decrement(Gp.R11);
        x.jumpIfNotZero(row);
        for (int i = 0; i < VECTORS; i++) {
            x.vector(Evex.VMOVUPS_STORE, V512, i, Address.at(Gp.R8, i * V512.bytes()));
        }
        x.add(Gp.R8, STEP_BYTES);
        x.add(Gp.RDX, STEP_BYTES);
        x.decrement(Gp.R9);
        x.jumpIfNotZero(step);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }

    /** {@code void addShortDots(x, rows, stride, vectors, out, groups, scale)}. */
    static byte[] addingShortDots() {
        int vector = 16;
        int scale = 17;
        int before = 18;
        Assembler x = new Assembler();
        x.vector(Evex.VPBROADCASTD, V512, scale, ShortCall.SEVENTH);
        x.push(Gp.RBX);
        Assembler.Label group = x.label();
        Address[] rows = RowAddresses.addresses(x, Gp.RSI, Gp.RDX);
        x.mov(Gp.RAX, Gp.RDI);
        x.mov(Gp.RBX, Gp.RCX);
        for (int i = 0; i < SHORT_ROWS; i++) {
            x.zero(i);
        }
        Assembler.Label step = x.label();
        x.vector(Evex.VMOVUPS, V512, vector, Address.at(Gp.RAX));
        for (int i = 0; i < SHORT_ROWS; i++) {
            x.vector(Evex.VFMADD231PS, V512, i, vector, rows[i]);
        }
        x.add(Gp.RAX, V512.bytes());
        x.add(Gp.RSI, V512.bytes());
        x.add(Gp.R11, V512.bytes());
        x.decrement(Gp.RBX);
        x.jumpIfNotZero(step);
        Sums.ofEight(x, V512);
        x.vector(Evex.VMOVUPS, V256, before, Address.at(Gp.R8));
        x.vector(Evex.VFMADD231PS, V256, before, 0, scale);
        x.vector(Evex.VMOVUPS_STORE, V256, before, Address.at(Gp.R8));
        x.add(Gp.R8, V256.bytes());
        x.lea(Gp.RSI, Address.at(Gp.RSI, Gp.RDX, 4, 0)); // one row has been passed, four now, three below
        x.add(Gp.RSI, Gp.R10);
        x.decrement(Gp.R9);
        x.jumpIfNotZero(group);
        x.pop(Gp.RBX);
        x.vzeroupper();
        x.ret();
        return x.bytes();
    }
}
