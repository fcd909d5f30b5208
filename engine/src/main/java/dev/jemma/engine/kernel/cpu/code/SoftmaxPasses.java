package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Comparison;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What happens to a row of attention scores between two products. A softcap of 0 is none. Results go into rows of f32,
 * or of bf16 for products of bf16, which this CPU must then have ({@link CpuFeatures#bf16}). Addresses are the caller's
 * to check.
 */
public final class SoftmaxPasses {
    private static final int CAPS = 0;
    private static final int EXPONENTIALS = 2;
    private static final int GRADIENTS = 4;

    /** What a function writes. */
    enum Form {
        F32,
        BF16
    }

    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(
                    capAndMax(Softcap.NONE),
                    capAndMax(Softcap.TANH),
                    exponentials(Form.F32),
                    exponentials(Form.BF16),
                    gradients(Softcap.NONE, Form.F32),
                    gradients(Softcap.TANH, Form.F32),
                    gradients(Softcap.NONE, Form.BF16),
                    gradients(Softcap.TANH, Form.BF16)))
            : new MemorySegment[0];

    private SoftmaxPasses() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** {@code s = cap * tanh(scale * s / cap)}, minus infinity unchanged; returns the greatest. */
    public static float capAndMax(long s, long count, float scale, float cap) {
        long factors = cap == 0 ? ShortCall.pair(scale, 0) : ShortCall.pair(scale / cap, cap);
        long max = ShortCall.run(FUNCTIONS[CAPS + Softcap.of(cap).ordinal()], s, count, 0, 0, 0, 0, factors, 0);
        return Float.intBitsToFloat((int) max);
    }

    /** {@code to = e^(s - max)}, f32; {@code to} may be {@code s}. Returns the sum. */
    public static float exp(long s, long to, long count, float max) {
        return exp(Form.F32, s, to, count, max);
    }

    /** {@code to = bf16(e^(s - max))}; returns the sum of what was not yet rounded. */
    public static float expBf16(long s, long to, long count, float max) {
        return exp(Form.BF16, s, to, count, max);
    }

    private static float exp(Form form, long s, long to, long count, float max) {
        long sum = ShortCall.run(FUNCTIONS[EXPONENTIALS + form.ordinal()], s, to, count, ShortCall.bits(max), 0, 0);
        return Float.intBitsToFloat((int) sum);
    }

    /**
     * {@code p = e^(capped s - lse)}, {@code dS = p (dP - delta) cap'(s) scale}, f32; p and dS may be s and dP.
     *
     * @param s scores before scale and cap
     */
    public static void gradients(
            long s, long dP, long p, long dS, long count, float scale, float cap, float lse, float delta) {
        gradients(Form.F32, s, dP, p, dS, count, scale, cap, lse, delta);
    }

    /** The same with p and dS as bf16. */
    public static void gradientsBf16(
            long s, long dP, long p, long dS, long count, float scale, float cap, float lse, float delta) {
        gradients(Form.BF16, s, dP, p, dS, count, scale, cap, lse, delta);
    }

    private static void gradients(
            Form form, long s, long dP, long p, long dS, long count, float scale, float cap, float lse, float delta) {
        ShortCall.run(
                FUNCTIONS[GRADIENTS + 2 * form.ordinal() + Softcap.of(cap).ordinal()],
                s,
                dP,
                p,
                dS,
                count,
                ShortCall.bits(scale),
                ShortCall.pair(cap == 0 ? 0 : scale / cap, cap),
                ShortCall.pair(lse, delta));
    }

    /** {@link #capAndMax(long, long, float, float)}. */
    static byte[] capAndMax(Softcap softcap) {
        return Function.of((x, scores, count, _, _, _, _, factors, _) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 4);
            int nothing = f.constant(Float.NEGATIVE_INFINITY);
            if (softcap == Softcap.TANH) {
                math.prepareTanh();
            }
            int scale = f.argument(factors.at());
            int cap = f.argument(factors.at().plus(4));
            int hidden = 2;
            int s = 0;
            int value = 1;
            int max = 2;
            f.move(max, nothing);
            f.forEach(count, mask -> {
                f.load(s, Floats.in(scores), mask);
                if (softcap == Softcap.TANH) {
                    f.compare(hidden, s, Comparison.EQUAL, nothing);
                    f.multiply(s, s, scale);
                    math.tanh(value, s);
                    f.multiply(value, value, cap);
                    f.moveWhere(hidden, value, nothing);
                } else {
                    f.multiply(value, s, scale);
                }
                f.store(Floats.in(scores), value, mask);
                f.maxWhere(mask, max, value);
            });
            f.maxOfLanes(max, s);
            f.result(max);
        });
    }

    /** {@link #exp(long, long, long, float)} and {@link #expBf16}. */
    static byte[] exponentials(Form form) {
        return Function.of((x, scores, to, count, greatest, _, _) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 4);
            math.prepareExp();
            int max = f.argument(greatest);
            int sum = 1;
            x.zero(sum);
            f.forEach(count, mask -> {
                f.load(0, Floats.in(scores), mask);
                f.subtract(0, 0, max);
                math.exp(0, 0);
                f.addWhere(mask, sum, 0);
                store(f, form, to, 0, mask);
            });
            f.sumOfLanes(sum, 0);
            f.result(sum);
        });
    }

    /** {@link #gradients(long, long, long, long, long, float, float, float, float)} and {@link #gradientsBf16}. */
    static byte[] gradients(Softcap softcap, Form form) {
        return Function.of((x, scores, dPs, ps, dSs, count, factor, scaleOverCapAndCap, lseAndDelta) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 4);
            if (softcap == Softcap.TANH) {
                math.prepareTanh();
            } else {
                math.prepareExp();
            }
            int scale = f.argument(factor);
            Address scaleOverCap = scaleOverCapAndCap.at();
            Address cap = scaleOverCap.plus(4);
            Address lse = lseAndDelta.at();
            Address delta = lse.plus(4);
            int s = 0;
            int t = 1;
            int p = 2;
            int g = 3;
            f.forEach(count, mask -> {
                f.load(s, Floats.in(scores), mask);
                f.load(g, Floats.in(dPs), mask);
                if (softcap == Softcap.TANH) {
                    x.vectorBroadcast(Evex.VMULPS, V512, s, s, scaleOverCap);
                    math.tanh(t, s);
                    x.vectorBroadcast(Evex.VMULPS, V512, s, t, cap);
                } else {
                    f.multiply(s, s, scale);
                }
                x.vectorBroadcast(Evex.VSUBPS, V512, s, s, lse);
                math.exp(p, s);
                x.vectorBroadcast(Evex.VSUBPS, V512, g, g, delta);
                f.multiply(g, p, g);
                if (softcap == Softcap.TANH) { // cap'(s) = 1 - t^2
                    f.multiply(t, t, t);
                    f.subtract(t, f.constant(1), t);
                    f.multiply(t, t, scale);
                    f.multiply(g, g, t);
                } else {
                    f.multiply(g, g, scale);
                }
                store(f, form, ps, p, mask);
                store(f, form, dSs, g, mask);
            });
        });
    }

    private static void store(Floats f, Form form, Gp base, int a, int mask) {
        switch (form) {
            case F32 -> f.store(Floats.in(base), a, mask);
            case BF16 -> f.storeBf16(base, a, mask);
        }
    }
}
