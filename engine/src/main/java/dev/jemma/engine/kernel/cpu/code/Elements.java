package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Operations on each element of arrays of f32 by itself. Addresses are the caller's to check; arrays may be the same
 * where the operation of {@code Kernels} says so, and need no alignment.
 */
public final class Elements {
    /** Floats that {@link #adamW} reads its factors from. */
    public static final int ADAMW_FACTORS = 8;

    private static final MemorySegment[] FUNCTIONS =
            available() ? CodeMemory.publish(List.of(sum(), cap(), adamWStep())) : new MemorySegment[0];

    private Elements() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** {@code out = a + b}. */
    public static void add(long out, long a, long b, long count) {
        ShortCall.run(FUNCTIONS[0], out, a, b, count, 0, 0);
    }

    /** {@code x = cap * tanh(x * inverseCap)}. */
    public static void softcap(long x, long count, float inverseCap, float cap) {
        ShortCall.run(FUNCTIONS[1], x, count, 0, 0, 0, 0, ShortCall.pair(inverseCap, cap), 0);
    }

    /**
     * {@code g' = f0 g; m = f1 m + f2 g'; v = f3 v + f4 g'^2; p = f5 p - f6 m / (sqrt(v) + f7)}.
     *
     * @param factors address of {@value #ADAMW_FACTORS} floats, f0 first
     */
    public static void adamW(long p, long g, long m, long v, long count, long factors) {
        ShortCall.run(FUNCTIONS[2], p, g, m, v, count, factors);
    }

    /** {@link #add}. */
    static byte[] sum() {
        return Function.of((x, out, a, b, count, _, _) -> {
            Floats f = new Floats(x);
            f.forEach(count, 4, (i, mask) -> {
                f.load(i, Floats.in(a, i), mask);
                f.load(4 + i, Floats.in(b, i), mask);
                f.add(i, i, 4 + i);
                f.store(Floats.in(out, i), i, mask);
            });
        });
    }

    /** {@link #softcap}. */
    static byte[] cap() {
        return Function.of((x, values, count, _, _, _, _, factors, _) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 4);
            math.prepareTanh();
            int inverse = f.argument(factors.at());
            int cap = f.argument(factors.at().plus(4));
            f.forEach(count, mask -> {
                f.load(0, Floats.in(values), mask);
                f.multiply(0, 0, inverse);
                math.tanh(1, 0);
                f.multiply(1, 1, cap);
                f.store(Floats.in(values), 1, mask);
            });
        });
    }

    /** {@link #adamW}. */
    static byte[] adamWStep() {
        return Function.of((x, parameters, gradients, firsts, seconds, count, factors) -> {
            Floats f = new Floats(x);
            int[] factor = new int[ADAMW_FACTORS];
            for (int i = 0; i < factor.length; i++) {
                factor[i] = f.argument(Address.at(factors, 4 * i));
            }
            int p = 0;
            int g = 1;
            int m = 2;
            int v = 3;
            int first = 4;
            int second = 5;
            f.forEach(
                    count,
                    mask -> { // all loads before the first store, whose address may look like theirs to the CPU
                        f.load(g, Floats.in(gradients), mask);
                        f.load(m, Floats.in(firsts), mask);
                        f.load(v, Floats.in(seconds), mask);
                        f.load(p, Floats.in(parameters), mask);
                        f.multiply(g, g, factor[0]);
                        f.multiply(first, g, factor[2]);
                        f.multiplyAdd(m, factor[1], first);
                        f.multiply(second, g, g);
                        f.multiply(second, second, factor[4]);
                        f.multiplyAdd(v, factor[3], second);
                        f.squareRoot(second, v);
                        f.add(second, second, factor[7]);
                        f.multiply(first, m, factor[6]);
                        f.divide(first, first, second);
                        f.multiply(p, p, factor[5]);
                        f.subtract(p, p, first);
                        f.store(Floats.in(firsts), m, mask);
                        f.store(Floats.in(seconds), v, mask);
                        f.store(Floats.in(parameters), p, mask);
                    });
        });
    }
}
