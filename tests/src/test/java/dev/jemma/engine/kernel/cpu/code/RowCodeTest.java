package dev.jemma.engine.kernel.cpu.code;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every function of rows and elements against f64, for counts around whole vectors, at addresses that are aligned to
 * floats only, and between guards that must stay as they are.
 */
final class RowCodeTest {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int[] COUNTS = {1, 2, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 127, 130, 640};

    /** A few roundings, an exponential within 2 ulp, and sums of some hundred terms; relative to 1 and the value. */
    private static final double TOLERANCE = 2e-6;

    private static final double BF16 = 1.0 / 256;
    private static final float GUARD = 12345;
    private static final double CAP = 30;

    private final Random random = new Random(5);
    private final Arena arena = Arena.ofShared();

    @BeforeEach
    void needsMachineCode() {
        assumeTrue(CpuFeatures.ofThisMachine().avx512(), "no AVX-512 machine code on this CPU or system");
    }

    @AfterEach
    void close() {
        arena.close();
    }

    /** Floats in memory, between two guards, four bytes off any alignment. */
    private final class Row {
        final MemorySegment memory;
        final int count;

        Row(int count, IntToDoubleFunction values) {
            this.count = count;
            memory = arena.allocate(4L * count + 12, 64).asSlice(4);
            set(-1, GUARD);
            set(count, GUARD);
            for (int i = 0; i < count; i++) {
                set(i, (float) values.applyAsDouble(i));
            }
        }

        Row(int count, double scale) {
            this(count, i -> scale * random.nextGaussian());
        }

        long at() {
            return memory.address();
        }

        private void set(int i, float value) {
            MemorySegment.ofAddress(memory.address() + 4L * i).reinterpret(4).set(FLOAT, 0, value);
        }

        double get(int i) {
            return memory.get(FLOAT, 4L * i);
        }

        double[] values() {
            return IntStream.range(0, count).mapToDouble(this::get).toArray();
        }

        void holds(IntToDoubleFunction wanted) {
            close(count, this::get, wanted, TOLERANCE);
            assertThat(MemorySegment.ofAddress(at() - 4).reinterpret(4).get(FLOAT, 0))
                    .isEqualTo(GUARD);
            assertThat(memory.get(FLOAT, 4L * count)).as("behind the row").isEqualTo(GUARD);
        }

        /** As the bf16 that lie in the first half. */
        void holdsBf16(IntToDoubleFunction wanted) {
            close(count, i -> Float.intBitsToFloat(memory.get(SHORT, 2L * i) << 16), wanted, BF16);
            float behind = (float) get(count / 2 + 1);
            assertThat(behind).as("behind the row").isEqualTo(GUARD);
        }
    }

    private static void close(int count, IntToDoubleFunction seen, IntToDoubleFunction wanted, double tolerance) {
        for (int i = 0; i < count; i++) {
            double w = wanted.applyAsDouble(i);
            double s = seen.applyAsDouble(i);
            if (!(Math.abs(s - w) <= tolerance * (1 + Math.abs(w)))) {
                assertThat(s).as("element " + i + " of " + count).isEqualTo(w);
            }
        }
    }

    private Row guards(int count) {
        return new Row(count, i -> GUARD);
    }

    @Test
    void addsCapsAndSteps() {
        for (int n : COUNTS) {
            Row a = new Row(n, 1);
            Row b = new Row(n, 1);
            Row out = guards(n);
            Elements.add(out.at(), a.at(), b.at(), n);
            out.holds(i -> a.get(i) + b.get(i));
            Row x = new Row(n, 60);
            double[] before = x.values();
            Elements.softcap(x.at(), n, (float) (1 / CAP), (float) CAP);
            x.holds(i -> CAP * Math.tanh(before[i] / CAP));
        }
    }

    @Test
    void adamWMovesParametersAndMoments() {
        float[] f = {0.5f, 0.9f, 0.1f, 0.99f, 0.01f, 0.999f, 0.1f, 1e-3f};
        Row factors = new Row(f.length, i -> f[i]);
        for (int n : COUNTS) {
            Row p = new Row(n, 1);
            Row g = new Row(n, 1);
            Row m = new Row(n, 0.1);
            Row v = new Row(n, i -> random.nextDouble());
            double[] p0 = p.values();
            double[] m0 = m.values();
            double[] v0 = v.values();
            Elements.adamW(p.at(), g.at(), m.at(), v.at(), n, factors.at());
            m.holds(i -> f[1] * m0[i] + f[2] * f[0] * g.get(i));
            v.holds(i -> f[3] * v0[i] + f[4] * Math.pow(f[0] * g.get(i), 2));
            p.holds(i -> f[5] * p0[i] - f[6] * m.get(i) / (Math.sqrt(v.get(i)) + f[7]));
        }
    }

    private static double gelu(double x) {
        return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private static double slope(DoubleUnaryOperator function, double x) {
        double h = 1e-5;
        return (function.applyAsDouble(x + h) - function.applyAsDouble(x - h)) / (2 * h);
    }

    @Test
    void gatesAndTheirGradients() {
        for (int n : COUNTS) {
            Row gate = new Row(n, 3);
            Row up = new Row(n, 1);
            Row dOut = new Row(n, 1);
            Row out = guards(n);
            GatedUnits.geglu(out.at(), gate.at(), up.at(), n);
            out.holds(i -> gelu(gate.get(i)) * up.get(i));
            double[] g = gate.values();
            double[] u = up.values();
            GatedUnits.gegluBackward(gate.at(), up.at(), dOut.at(), gate.at(), up.at(), n);
            gate.holds(i -> dOut.get(i) * u[i] * slope(RowCodeTest::gelu, g[i]));
            up.holds(i -> dOut.get(i) * gelu(g[i]));
        }
    }

    @Test
    void normsOfRowsAndTheirGradients() {
        double epsilon = 1e-6;
        int rows = 3;
        for (int d : COUNTS) {
            Row x = new Row(rows * d, 2);
            Row w = new Row(d, 1);
            Row out = guards(rows * d);
            RowNorms.forward(out.at(), x.at(), w.at(), d, rows, (float) epsilon);
            double[] s = new double[rows];
            double[] dot = new double[rows];
            Row dOut = new Row(rows * d, 1);
            for (int r = 0; r < rows; r++) {
                double squares = 0;
                for (int i = r * d; i < (r + 1) * d; i++) {
                    squares += x.get(i) * x.get(i);
                    dot[r] += dOut.get(i) * w.get(i - r * d) * x.get(i);
                }
                s[r] = 1 / Math.sqrt(squares / d + epsilon);
                assertThat((double) RowNorms.sumOfSquares(x.at() + 4L * r * d, d))
                        .isCloseTo(squares, withinPercentage(1e-3));
            }
            out.holds(i -> x.get(i) * s[i / d] * w.get(i % d));
            IntToDoubleFunction gradient =
                    i -> s[i / d] * dOut.get(i) * w.get(i % d) - x.get(i) * Math.pow(s[i / d], 3) / d * dot[i / d];
            double[] wanted = IntStream.range(0, rows * d).mapToDouble(gradient).toArray();
            Row added = new Row(rows * d, 1);
            double[] before = added.values();
            RowNorms.backward(added.at(), dOut.at(), x.at(), w.at(), d, rows, (float) epsilon, Write.ADD);
            added.holds(i -> before[i] + wanted[i]);
            RowNorms.backward(dOut.at(), dOut.at(), x.at(), w.at(), d, rows, (float) epsilon, Write.SET);
            dOut.holds(i -> wanted[i]);
        }
    }

    @Test
    void rotatesEveryHeadByItsRowsAngles() {
        int rows = 2;
        int heads = 3;
        for (int half : COUNTS) {
            for (int direction : new int[] {1, -1}) {
                Row angles = new Row(rows * half, 1);
                Row cos = new Row(rows * half, i -> Math.cos(angles.get(i)));
                Row sin = new Row(rows * half, i -> Math.sin(angles.get(i)));
                Row x = new Row(rows * heads * 2 * half, 1);
                double[] before = x.values();
                Rotations.rotate(x.at(), cos.at(), sin.at(), half, heads, rows, direction);
                x.holds(i -> {
                    int angle = i / (heads * 2 * half) * half + i % half;
                    boolean second = i / half % 2 == 1;
                    double other = before[second ? i - half : i + half];
                    return before[i] * cos.get(angle) + (second ? 1 : -1) * direction * other * sin.get(angle);
                });
            }
        }
    }

    @Test
    void lossesOfPartsOfRows() {
        for (int n : COUNTS) {
            for (double cap : new double[] {0, CAP}) {
                Row x = new Row(n, 20);
                double[] c = Arrays.stream(x.values())
                        .map(v -> cap == 0 ? v : cap * Math.tanh(v / cap))
                        .toArray();
                double max = Arrays.stream(c).max().orElseThrow();
                double sum = Arrays.stream(c).map(v -> Math.exp(v - max)).sum();
                long both = CrossEntropyPasses.sums(x.at(), n, (float) cap);
                close(1, i -> Float.intBitsToFloat((int) both), i -> max, TOLERANCE);
                close(
                        1,
                        i -> Float.intBitsToFloat((int) (both >> 32)),
                        i -> sum,
                        20 * TOLERANCE); // e^30 amplifies a cap's rounding
                CrossEntropyPasses.gradients(x.at(), n, (float) max, 0.25f, (float) cap);
                x.holds(i -> 0.25 * Math.exp(c[i] - max) * (cap == 0 ? 1 : 1 - Math.pow(c[i] / cap, 2)));
            }
        }
    }

    @Test
    void scoresBecomeProbabilities() {
        for (int n : COUNTS) {
            for (double cap : new double[] {0, CAP}) {
                Row s = new Row(n, i -> i % 7 == 3 ? Double.NEGATIVE_INFINITY : 40 * random.nextGaussian());
                double[] c =
                        Arrays.stream(s.values()).map(v -> capped(v, 0.5, cap)).toArray();
                double max = Arrays.stream(c).max().orElseThrow();
                assertThat((double) SoftmaxPasses.capAndMax(s.at(), n, 0.5f, (float) cap))
                        .isCloseTo(max, within(1e-5));
                s.holds(i -> Double.isInfinite(c[i]) ? s.get(i) : c[i]);
                for (int i = 3; i < n; i += 7) {
                    assertThat(s.get(i)).isEqualTo(Double.NEGATIVE_INFINITY);
                }
                double[] seen = s.values();
                double sum =
                        Arrays.stream(seen).map(v -> Math.exp(v - (float) max)).sum();
                Row halves = guards(n);
                close(1, i -> SoftmaxPasses.expBf16(s.at(), halves.at(), n, (float) max), i -> sum, TOLERANCE);
                halves.holdsBf16(i -> Math.exp(seen[i] - (float) max));
                close(1, i -> SoftmaxPasses.exp(s.at(), s.at(), n, (float) max), i -> sum, TOLERANCE);
                s.holds(i -> Math.exp(seen[i] - (float) max));
                for (int i = 0; i < n; i++) {
                    assertThat(halves.memory.get(SHORT, 2L * i)).isEqualTo(Conversion.bfloat16((float) s.get(i)));
                }
            }
        }
    }

    private static double capped(double s, double scale, double cap) {
        return cap == 0 || s == Double.NEGATIVE_INFINITY ? s * scale : cap * Math.tanh(s * scale / cap);
    }

    @Test
    void gradientsOfScores() {
        float lse = 4;
        float delta = 0.3f;
        for (int n : COUNTS) {
            for (double cap : new double[] {0, CAP}) {
                Row s = new Row(n, 4);
                Row dP = new Row(n, 1);
                double[] p = Arrays.stream(s.values())
                        .map(v -> Math.exp(capped(v, 0.5, cap) - lse))
                        .toArray();
                double[] dS = new double[n];
                for (int i = 0; i < n; i++) {
                    dS[i] = p[i] * (dP.get(i) - delta) * slope(v -> capped(v, 0.5, cap), s.get(i));
                }
                Row halfP = guards(n);
                Row halfDs = guards(n);
                SoftmaxPasses.gradientsBf16(s.at(), dP.at(), halfP.at(), halfDs.at(), n, 0.5f, (float) cap, lse, delta);
                halfP.holdsBf16(i -> p[i]);
                halfDs.holdsBf16(i -> dS[i]);
                SoftmaxPasses.gradients(s.at(), dP.at(), s.at(), dP.at(), n, 0.5f, (float) cap, lse, delta);
                s.holds(i -> p[i]);
                dP.holds(i -> dS[i]);
            }
        }
    }

    @Test
    void widensExactly() {
        for (int n : COUNTS) {
            Row f32 = new Row(n, 1);
            Row bf16 = guards(n);
            for (int i = 0; i < n; i++) {
                bf16.memory.set(SHORT, 2L * i, Conversion.bfloat16((float) f32.get(i)));
            }
            Row out = guards(n);
            Widening.scaled(DType.BF16, bf16.at(), out.at(), n, 3);
            out.holds(i -> 3 * Conversion.rounded((float) f32.get(i), DType.BF16));
            Widening.onePlus(DType.BF16, bf16.at(), out.at(), n);
            out.holds(i -> 1 + Conversion.rounded((float) f32.get(i), DType.BF16));
            Widening.scaled(DType.F32, f32.at(), out.at(), n, 3);
            out.holds(i -> 3 * f32.get(i));
            Widening.onePlus(DType.F32, f32.at(), out.at(), n);
            out.holds(i -> 1 + f32.get(i));
        }
    }

    @Test
    void nothingIsTouchedWhereThereIsNothing() {
        Elements.add(0, 0, 0, 0);
        GatedUnits.geglu(0, 0, 0, 0);
        assertThat(SoftmaxPasses.capAndMax(0, 0, 1, 0)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(SoftmaxPasses.exp(0, 0, 0, 0)).isZero();
        assertThat(RowNorms.sumOfSquares(0, 0)).isZero();
    }
}
