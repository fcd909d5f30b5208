package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Function.Stacked;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The passes of a cross entropy over a part of a row of logits, whose softcap is optional: cap 0 is none. Addresses are
 * the caller's to check.
 */
public final class CrossEntropyPasses {
    /** Without and with a cap, {@link #sums} before {@link #gradients}. */
    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(
                    List.of(sums(Softcap.NONE), sums(Softcap.TANH), gradients(Softcap.NONE), gradients(Softcap.TANH)))
            : new MemorySegment[0];

    private CrossEntropyPasses() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * The greatest capped logit and the sum of {@code e^(capped - greatest)}.
     *
     * @return the greatest as the bits of the lower half, the sum as those of the upper
     */
    public static long sums(long x, long count, float cap) {
        return ShortCall.run(FUNCTIONS[Softcap.of(cap).ordinal()], x, count, 0, 0, 0, 0, caps(cap), 0);
    }

    /** {@code x = factor * e^(capped - max) * (1 - (capped / cap)^2)}, in place. */
    public static void gradients(long x, long count, float max, float factor, float cap) {
        ShortCall.run(
                FUNCTIONS[2 + Softcap.of(cap).ordinal()], x, count, 0, 0, 0, 0, caps(cap), ShortCall.pair(max, factor));
    }

    private static long caps(float cap) {
        return ShortCall.pair(1 / cap, cap);
    }

    /** {@link #sums(long, long, float)}. */
    static byte[] sums(Softcap softcap) {
        return Function.of((x, logits, count, _, _, _, _, caps, _) -> {
            Floats f = new Floats(x);
            Cap cap = new Cap(f, softcap, 4, caps);
            int max = 2;
            int sum = 3;
            f.move(max, f.constant(Float.NEGATIVE_INFINITY));
            f.forEach(count, mask -> {
                f.load(0, Floats.in(logits), mask);
                f.maxWhere(mask, max, 0);
            });
            f.maxOfLanes(max, 0);
            f.move(0, max); // the cap is monotonic: the greatest capped is the greatest, capped
            cap.apply(max, 0);
            x.zero(sum);
            f.forEach(count, mask -> {
                f.load(0, Floats.in(logits), mask);
                cap.apply(1, 0);
                f.subtract(1, 1, max);
                cap.math.exp(1, 1);
                f.addWhere(mask, sum, 1);
            });
            f.sumOfLanes(sum, 0);
            f.results(max, sum);
        });
    }

    /** {@link #gradients(long, long, float, float, float)}. */
    static byte[] gradients(Softcap softcap) {
        return Function.of((x, logits, count, _, _, _, _, caps, maxAndFactor) -> {
            Floats f = new Floats(x);
            Cap cap = new Cap(f, softcap, 3, caps);
            int max = f.argument(maxAndFactor.at());
            int factor = f.argument(maxAndFactor.at().plus(4));
            int c = 1;
            int g = 2;
            f.forEach(count, mask -> {
                f.load(0, Floats.in(logits), mask);
                cap.apply(c, 0);
                f.subtract(g, c, max);
                cap.math.exp(g, g);
                f.multiply(g, g, factor);
                if (softcap == Softcap.TANH) {
                    f.multiply(c, c, cap.inverse);
                    f.multiply(0, g, c);
                    f.multiply(0, 0, c);
                    f.subtract(g, g, 0);
                }
                f.store(Floats.in(logits), g, mask);
            });
        });
    }

    /** The softcap, or nothing. */
    private static final class Cap {
        final Exponentials math;
        final int inverse;
        private final int cap;
        private final boolean present;
        private final Floats f;

        /** @param caps the inverse of the cap, and the cap */
        Cap(Floats f, Softcap softcap, int temporaries, Stacked caps) {
            this.f = f;
            present = softcap == Softcap.TANH;
            math = new Exponentials(f, temporaries);
            if (present) {
                math.prepareTanh();
            } else {
                math.prepareExp();
            }
            inverse = present ? f.argument(caps.at()) : 0;
            cap = present ? f.argument(caps.at().plus(4)) : 0;
        }

        /** {@code d = capped a}; d is another vector than a, which is overwritten. */
        void apply(int d, int a) {
            if (present) {
                f.multiply(a, a, inverse);
                math.tanh(d, a);
                f.multiply(d, d, cap);
            } else {
                f.move(d, a);
            }
        }
    }
}
