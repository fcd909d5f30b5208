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
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Products of one vector of floats with rows of floats as they are stored: what a single query does with cached keys
 * and values, and a single row with the factors of an adapter. Addresses are the caller's to check.
 */
public final class VectorProducts {
    /** Floats of a row at a time. */
    public static final int STEP = 64;

    private static final int VECTORS = STEP / Floats.LANES;
    private static final int STEP_BYTES = 4 * STEP;
    private static final int FACTOR = 8;

    /** Rows at a time of {@link #addShortDots}. */
    public static final int SHORT_ROWS = RowAddresses.EIGHT;

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
     * {@code out[j] += scale * (x . rows[j])} of short, contiguous rows.
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

    /** {@link #dots(long, long, long, long, long, long)}, by steps. */
    static byte[] dots() {
        return Function.of((x, q, steps, rows, stride, out, count) -> {
            Gp at = Gp.RAX;
            Gp qAt = Gp.R10;
            Gp left = Gp.R11;
            Assembler.Label row = x.label();
            x.mov(at, rows);
            x.mov(qAt, q);
            x.mov(left, steps);
            for (int i = 0; i < VECTORS; i++) {
                x.zero(i);
            }
            Assembler.Label step = x.label();
            for (int i = 0; i < VECTORS; i++) {
                x.vector(Evex.VMOVUPS, V512, VECTORS + i, Address.at(qAt, i * V512.bytes()));
                x.vector(Evex.VFMADD231PS, V512, i, VECTORS + i, Address.at(at, i * V512.bytes()));
            }
            x.add(at, STEP_BYTES);
            x.add(qAt, STEP_BYTES);
            x.decrement(left);
            x.jumpIfNotZero(step);
            x.vector(Evex.VADDPS, V512, 0, 0, 1);
            x.vector(Evex.VADDPS, V512, 2, 2, 3);
            x.vector(Evex.VADDPS, V512, 0, 0, 2);
            AcrossLanes.reduce(x, Evex.VADDPS, 0, 2);
            x.vector(Evex.VMOVSS_STORE, V128, 0, Address.at(out));
            x.add(out, Float.BYTES);
            x.add(rows, stride);
            x.decrement(count);
            x.jumpIfNotZero(row);
        });
    }

    /** {@link #addWeighted}, by steps. */
    static byte[] addingWeighted() {
        return Function.of((x, weights, count, rows, stride, out, steps) -> {
            Gp at = Gp.RAX;
            Gp weight = Gp.R10;
            Gp left = Gp.R11;
            Assembler.Label step = x.label();
            x.mov(at, rows);
            x.mov(weight, weights);
            x.mov(left, count);
            for (int i = 0; i < VECTORS; i++) {
                x.vector(Evex.VMOVUPS, V512, i, Address.at(out, i * V512.bytes()));
            }
            Assembler.Label row = x.label();
            x.vector(Evex.VPBROADCASTD, V512, FACTOR, Address.at(weight));
            for (int i = 0; i < VECTORS; i++) {
                x.vector(Evex.VFMADD231PS, V512, i, FACTOR, Address.at(at, i * V512.bytes()));
            }
            x.add(weight, Float.BYTES);
            x.add(at, stride);
            x.decrement(left);
            x.jumpIfNotZero(row);
            for (int i = 0; i < VECTORS; i++) {
                x.vector(Evex.VMOVUPS_STORE, V512, i, Address.at(out, i * V512.bytes()));
            }
            x.add(out, STEP_BYTES);
            x.add(rows, STEP_BYTES);
            x.decrement(steps);
            x.jumpIfNotZero(step);
        });
    }

    /** {@link #addShortDots}, by groups of rows. */
    static byte[] addingShortDots() {
        return Function.of((x, vector, rows, stride, vectors, out, groups, factor, _) -> {
            int part = 16;
            int scale = 17;
            int before = 18;
            Gp at = Gp.RAX;
            Gp left = Gp.RBX;
            x.vector(Evex.VPBROADCASTD, V512, scale, factor.at());
            x.push(left);
            Assembler.Label group = x.label();
            RowAddresses eight = RowAddresses.from(x, rows, stride);
            x.mov(at, vector);
            x.mov(left, vectors);
            for (int i = 0; i < SHORT_ROWS; i++) {
                x.zero(i);
            }
            Assembler.Label step = x.label();
            x.vector(Evex.VMOVUPS, V512, part, Address.at(at));
            for (int i = 0; i < SHORT_ROWS; i++) {
                x.vector(Evex.VFMADD231PS, V512, i, part, eight.row(i));
            }
            x.add(at, V512.bytes());
            eight.advance(V512.bytes());
            x.decrement(left);
            x.jumpIfNotZero(step);
            AcrossLanes.sumsOfEight(x, V512);
            x.vector(Evex.VMOVUPS, V256, before, Address.at(out));
            x.vector(Evex.VFMADD231PS, V256, before, 0, scale);
            x.vector(Evex.VMOVUPS_STORE, V256, before, Address.at(out));
            x.add(out, V256.bytes());
            x.lea(rows, Address.at(rows, stride, 4, 0)); // one row has been passed, four now, three below
            x.add(rows, RowAddresses.THREE_STRIDES);
            x.decrement(groups);
            x.jumpIfNotZero(group);
            x.pop(left);
        });
    }
}
