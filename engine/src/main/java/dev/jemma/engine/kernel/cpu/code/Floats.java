package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Comparison;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Code that computes with sixteen floats at a time. Vectors are named by number: constants and arguments take them from
 * 31 downwards, the lower ones are the generator's.
 */
final class Floats {
    /** Floats in a vector. */
    static final int LANES = 16;

    /** Byte offset of the vector in every array, inside {@link #forEach}. */
    static final Gp OFFSET = Gp.R10;

    /** The mask of a loop's last, partial vector. */
    private static final int REST = 1;

    private static final Gp COUNTER = Gp.R11;

    final Assembler x;
    private final Map<Integer, Integer> constants = new HashMap<>();
    private int free = 31;
    private int lowest;

    Floats(Assembler x) {
        this.x = x;
    }

    /** A vector that holds the value in every lane; loaded where it is first asked for, RAX is overwritten. */
    int constant(float value) {
        return constantBits(Float.floatToRawIntBits(value));
    }

    int constantBits(int bits) {
        return constants.computeIfAbsent(bits, b -> {
            int d = take();
            x.constant(d, b);
            return d;
        });
    }

    /** Constants and arguments leave the vectors below {@code bound} alone. */
    void reserve(int bound) {
        lowest = bound;
    }

    private int take() {
        if (free < lowest) {
            throw new IllegalStateException("more constants than there are vectors from " + lowest + " to 31");
        }
        return free--;
    }

    /** A vector that holds the float in the lower half of a register in every lane. */
    int argument(Gp register) {
        int d = take();
        x.vector(Evex.VPBROADCASTD_GP, V512, d, register.ordinal());
        return d;
    }

    /** A vector that holds the float at an address in every lane. */
    int argument(Address at) {
        int d = take();
        x.vector(Evex.VPBROADCASTD, V512, d, at);
        return d;
    }

    /** Code for one vector: the {@code i}th of those that a step of the loop takes, under a mask. */
    interface Body {
        void code(int i, int mask);
    }

    /** {@link #forEach(Gp, int, Body)} with one vector a step. */
    void forEach(Gp count, IntConsumer body) {
        forEach(count, 1, (i, mask) -> body.accept(mask));
    }

    /**
     * Code for {@code count} elements, {@code vectors} (a power of two) a step; what is left is taken one by one, as
     * the first of a step, and the last few elements under a mask. The body is written anew each time. It may use all
     * registers but R10, R11 and {@code count}; RAX is overwritten.
     */
    void forEach(Gp count, int vectors, Body body) {
        x.clear(OFFSET);
        x.mov(COUNTER, count);
        if (vectors > 1) {
            steps(vectors, body);
            x.mov(COUNTER, count);
            x.and(COUNTER, LANES * vectors - 1);
        }
        steps(1, body);
        x.mov(COUNTER, count);
        x.and(COUNTER, LANES - 1);
        Assembler.Jump none = x.jumpIfZero();
        x.firstLanes(REST, COUNTER);
        body.code(0, REST);
        x.land(none);
    }

    /** As many whole steps as there are in the counter's elements. */
    private void steps(int vectors, Body body) {
        x.shiftRight(COUNTER, Integer.numberOfTrailingZeros(LANES * vectors));
        Assembler.Jump none = x.jumpIfZero();
        Assembler.Label loop = x.label();
        for (int i = 0; i < vectors; i++) {
            body.code(i, Assembler.ALL);
        }
        x.add(OFFSET, vectors * V512.bytes());
        x.decrement(COUNTER);
        x.jumpIfNotZero(loop);
        x.land(none);
    }

    /** The element of {@link #forEach} in the array that begins at {@code base}. */
    static Address in(Gp base) {
        return in(base, 0);
    }

    /** The same for the {@code i}th vector of a step. */
    static Address in(Gp base, int i) {
        return Address.at(base, OFFSET, 1, i * V512.bytes());
    }

    /** Lanes that the mask leaves out are zero. */
    void load(int d, Address from, int mask) {
        x.vectorOrZero(Evex.VMOVUPS, V512, d, from, mask);
    }

    void store(Address to, int a, int mask) {
        x.vector(Evex.VMOVUPS_STORE, V512, a, 0, to, mask);
    }

    void move(int d, int a) {
        x.vector(Evex.VMOVUPS, V512, d, a);
    }

    /** {@code d = a} in the lanes of the mask. */
    void moveWhere(int mask, int d, int a) {
        x.vectorWhere(mask, Evex.VMOVUPS, V512, d, 0, a);
    }

    void add(int d, int a, int b) {
        x.vector(Evex.VADDPS, V512, d, a, b);
    }

    void subtract(int d, int a, int b) {
        x.vector(Evex.VSUBPS, V512, d, a, b);
    }

    void multiply(int d, int a, int b) {
        x.vector(Evex.VMULPS, V512, d, a, b);
    }

    void divide(int d, int a, int b) {
        x.vector(Evex.VDIVPS, V512, d, a, b);
    }

    void squareRoot(int d, int a) {
        x.vector(Evex.VSQRTPS, V512, d, a);
    }

    /** {@code sum += a * b}, rounded once. */
    void addProduct(int sum, int a, int b) {
        x.vector(Evex.VFMADD231PS, V512, sum, a, b);
    }

    /** {@code d = d * a + b}, rounded once: a step of Horner's rule. */
    void multiplyAdd(int d, int a, int b) {
        x.vector(Evex.VFMADD213PS, V512, d, a, b);
    }

    /** {@code sum += a} in the lanes of the mask. */
    void addWhere(int mask, int sum, int a) {
        x.vectorWhere(mask, Evex.VADDPS, V512, sum, sum, a);
    }

    /** {@code greatest = max(greatest, a)} in the lanes of the mask; a NaN in {@code a} is passed over. */
    void maxWhere(int mask, int greatest, int a) {
        x.vectorWhere(mask, Evex.VMAXPS, V512, greatest, a, greatest);
    }

    void compare(int mask, int a, Comparison comparison, int b) {
        x.compare(mask, comparison, V512, a, b);
    }

    /** Every lane of {@code v} becomes the sum of all: lanes i and i + 8, then 4, 2, 1. */
    void sumOfLanes(int v, int temporary) {
        AcrossLanes.reduce(x, Evex.VADDPS, v, temporary);
    }

    /** Every lane of {@code v} becomes the greatest. */
    void maxOfLanes(int v, int temporary) {
        AcrossLanes.reduce(x, Evex.VMAXPS, v, temporary);
    }

    /** Two bytes for each element of the vector, after which {@code base} moves on: bf16 beside floats. */
    void storeBf16(Gp base, int a, int mask) {
        x.vector(Evex.VCVTNEPS2BF16, V512, a, a);
        x.vector(Evex.VMOVDQU16_STORE, Assembler.Width.V256, a, 0, Address.at(base), mask);
        x.add(base, Assembler.Width.V256.bytes());
    }

    /** The counterpart of {@link #storeBf16}: exact. */
    void loadBf16(int d, Gp base, int mask) {
        x.vectorOrZero(Evex.VPMOVZXWD, V512, d, Address.at(base), mask);
        x.shiftLeft(V512, d, d, 16);
        x.add(base, Assembler.Width.V256.bytes());
    }

    /** Leaves the first lane in EAX. */
    void result(int a) {
        x.vector(Evex.VMOVD_TO_GP, Assembler.Width.V128, a, Gp.RAX.ordinal());
    }

    /**
     * Leaves the first lane of {@code low} in the lower half of RAX, that of {@code high} in the upper; {@code low} is
     * overwritten.
     */
    void results(int low, int high) {
        x.vector(Evex.VPUNPCKLDQ, V512, low, low, high);
        x.vector(Evex.VMOVQ_TO_GP, Assembler.Width.V128, low, Gp.RAX.ordinal());
    }
}
