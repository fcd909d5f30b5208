package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V128;
import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
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
 * RMSNorm of contiguous rows of D floats, its backward, and sums of squares. Squares are summed in f32,
 * the root is taken in f64, as in {@code Norms}, bit for bit. Addresses are the caller's to check.
 */
public final class RowNorms {
    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(List.of(forward(), backward(Write.SET), backward(Write.ADD), sumOfSquares()))
            : new MemorySegment[0];

    private RowNorms() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /**
     * {@code out = x / sqrt(mean(x^2) + epsilon) * w}; out may be x.
     *
     * @param w address of D floats, the 1 + w of Gemma
     * @param d D, 1 or more
     * @param rows 1 or more
     */
    public static void forward(long out, long x, long w, long d, long rows, float epsilon) {
        ShortCall.run(FUNCTIONS[0], out, x, w, d, rows, bits(epsilon), bits(d), 0);
    }

    /** {@code dX} of {@link #forward}, set or added; with {@link Write#SET} dX may be dOut. */
    public static void backward(long dX, long dOut, long x, long w, long d, long rows, float epsilon, Write write) {
        ShortCall.run(FUNCTIONS[1 + write.ordinal()], dX, dOut, x, w, d, rows, bits(epsilon), bits(d));
    }

    /** The sum of squares of {@code count} floats. */
    public static float sumOfSquares(long x, long count) {
        return Float.intBitsToFloat((int) ShortCall.run(FUNCTIONS[3], x, count, 0, 0, 0, 0));
    }

    private static long bits(double value) {
        return Double.doubleToRawLongBits(value);
    }

    /** {@link #forward(long, long, long, long, long, float)}. */
    static byte[] forward() {
        return Function.of((x, out, in, w, d, rows, epsilon, count, _) -> {
            Floats f = new Floats(x);
            Root root = new Root(f, count.at());
            x.vector(Evex.VPBROADCASTQ_GP, V512, root.epsilon, epsilon.ordinal());
            int scale = 0;
            Assembler.Label row = x.label();
            squares(f, in, d, scale);
            root.inverse(scale);
            f.forEach(d, 2, (i, mask) -> {
                int v = 1 + 2 * i;
                f.load(v, Floats.in(in, i), mask);
                f.load(v + 1, Floats.in(w, i), mask);
                f.multiply(v, v, scale);
                f.multiply(v, v, v + 1);
                f.store(Floats.in(out, i), v, mask);
            });
            x.lea(in, Address.at(in, d, 4, 0));
            x.lea(out, Address.at(out, d, 4, 0));
            x.decrement(rows);
            x.jumpIfNotZero(row);
        });
    }

    /**
     * {@link #backward(long, long, long, long, long, long, float, Write)}: with {@code s = 1 / rms} and
     * {@code g = dOut w}, {@code dX = s g - x s^3 / D sum(g x)}.
     */
    static byte[] backward(Write write) {
        return Function.of((x, dXs, dOuts, xs, ws, d, rows, epsilon, count) -> {
            Floats f = new Floats(x);
            Root root = new Root(f, count.at());
            x.vector(Evex.VPBROADCASTQ, V512, root.epsilon, epsilon.at());
            int sign = f.constantBits(1 << 31);
            int scale = 0;
            int pull = 1;
            int g = 2;
            int in = 3;
            int w = 4;
            Assembler.Label row = x.label();
            squares(f, xs, d, scale);
            root.inverse(scale);
            x.zero(pull);
            f.forEach(d, mask -> {
                f.load(g, Floats.in(dOuts), mask);
                f.load(w, Floats.in(ws), mask);
                f.load(in, Floats.in(xs), mask);
                f.multiply(g, g, w);
                f.addProduct(pull, g, in);
            });
            f.sumOfLanes(pull, g);
            root.cubeOver(scale, pull);
            x.vector(Evex.VPXORD, V512, pull, pull, sign);
            f.forEach(d, mask -> {
                f.load(g, Floats.in(dOuts), mask);
                f.load(w, Floats.in(ws), mask);
                f.load(in, Floats.in(xs), mask);
                f.multiply(g, g, w);
                f.multiply(g, g, scale);
                f.multiplyAdd(in, pull, g);
                if (write == Write.ADD) {
                    f.load(g, Floats.in(dXs), mask);
                    f.add(in, g, in);
                }
                f.store(Floats.in(dXs), in, mask);
            });
            for (Gp pointer : List.of(dXs, dOuts, xs)) {
                x.lea(pointer, Address.at(pointer, d, 4, 0));
            }
            x.decrement(rows);
            x.jumpIfNotZero(row);
        });
    }

    /** {@link #sumOfSquares(long, long)}. */
    static byte[] sumOfSquares() {
        return Function.of((x, in, count, _, _, _, _) -> {
            Floats f = new Floats(x);
            squares(f, in, count, 0);
            f.result(0);
        });
    }

    /**
     * Leaves the sum of squares in every lane of {@code sum}; vectors 1 to 3 are overwritten. Two sums in turn hide the
     * latency.
     */
    private static void squares(Floats f, Gp from, Gp count, int sum) {
        int other = 1;
        f.x.zero(sum);
        f.x.zero(other);
        f.forEach(count, 2, (i, mask) -> {
            f.load(2 + i, Floats.in(from, i), mask);
            f.addProduct(i == 0 ? sum : other, 2 + i, 2 + i);
        });
        f.add(sum, sum, other);
        f.sumOfLanes(sum, other);
    }

    /** The arithmetic in f64 between the two passes over a row; vectors 5 and 6 are overwritten. */
    private static final class Root {
        final int epsilon = 16;
        private final int count = 17;
        private final int one = 18;
        private final int d = 5;
        private final int sum = 6;
        private final Assembler x;

        Root(Floats f, Address countAt) {
            x = f.x;
            x.vector(Evex.VPBROADCASTQ, V512, count, countAt);
            x.vector(Evex.VCVTPS2PD, V512, one, f.constant(1));
        }

        /** {@code s = (f32) (1 / sqrt(s / D + epsilon))} in every lane. */
        void inverse(int s) {
            x.vector(Evex.VCVTPS2PD, V128, d, s);
            x.vector(Evex.VDIVPD, V128, d, d, count);
            x.vector(Evex.VADDPD, V128, d, d, epsilon);
            x.vector(Evex.VSQRTPD, V128, d, d);
            x.vector(Evex.VDIVPD, V128, d, one, d);
            spread(s);
        }

        /** {@code v = (f32) (s^3 / D * v)} in every lane. */
        void cubeOver(int s, int v) {
            x.vector(Evex.VCVTPS2PD, V128, sum, s);
            x.vector(Evex.VMULPD, V128, d, sum, sum);
            x.vector(Evex.VMULPD, V128, d, d, sum);
            x.vector(Evex.VDIVPD, V128, d, d, count);
            x.vector(Evex.VCVTPS2PD, V128, sum, v);
            x.vector(Evex.VMULPD, V128, d, d, sum);
            spread(v);
        }

        private void spread(int to) {
            x.vector(Evex.VCVTPD2PS, V128, d, d);
            x.vector(Evex.VPBROADCASTD, V512, to, d);
        }
    }
}
