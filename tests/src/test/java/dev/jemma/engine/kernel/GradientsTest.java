package dev.jemma.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every backward of the reference against central differences of its forward, in doubles: with a step of 1e-5 the
 * differences are good to about 1e-9, so 1e-6 leaves no room for a wrong term. Backends are compared with the reference
 * ({@link KernelsContract}), so a forward whose backward is not checked here has no checked gradient, and the law below
 * fails.
 */
final class GradientsTest {
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-6;

    /** Operations that have no gradient, and why. */
    private static final Map<String, String> WITHOUT = Map.of(
            "embed", "the table is frozen",
            "add", "both inputs receive dOut as it is",
            "cacheRows", "caches are used without gradients only",
            "softcap", "only on the way to a sampler; the loss has its own",
            "zero", "memory",
            "copy", "memory",
            "sumOfSquares", "measures gradients",
            "adamW", "consumes gradients");

    /** Not operations on values. */
    private static final Set<String> NO_OPERATIONS =
            Set.of("slab", "write", "read", "supportsWeight", "arithmetic", "description", "close");

    private final Random random = new Random(3);
    private final Map<String, List<Check>> checked = new HashMap<>();

    /** A loss as a function of one input, the input, and the gradient that the reference gives. */
    private record Check(String input, double[] at, ToDoubleFunction<double[]> loss, double[] gradient) {}

    GradientsTest() {
        rmsNorm();
        linear();
        lowRank();
        embedLowRank();
        dropout();
        rope();
        attention(new AttentionShape(4, 2, 6, 0.4f, 0, 0));
        attention(new AttentionShape(2, 1, 4, 0.9f, 2, 3));
        geglu();
        gatherRows();
        crossEntropy(0);
        crossEntropy(3);
    }

    @Test
    void everyForwardHasACheckedBackwardOrAReason() {
        Set<String> methods = new TreeSet<>();
        Arrays.stream(Kernels.class.getDeclaredMethods()).map(Method::getName).forEach(methods::add);
        Set<String> forwards = new TreeSet<>(methods);
        forwards.removeIf(name -> name.endsWith("Backward") || NO_OPERATIONS.contains(name));
        for (String forward : forwards) {
            if (!WITHOUT.containsKey(forward)) {
                assertThat(methods).contains(forward + "Backward");
                assertThat(checked).as("gradient checks").containsKey(forward + "Backward");
            }
        }
        assertThat(forwards).containsAll(WITHOUT.keySet());
        assertThat(Arrays.stream(Kernels.class.getDeclaredMethods()).filter(Method::isDefault))
                .isEmpty();
    }

    @TestFactory
    List<DynamicTest> gradientsEqualDifferences() {
        return checked.entrySet().stream()
                .flatMap(entry -> entry.getValue().stream()
                        .map(check ->
                                DynamicTest.dynamicTest(entry.getKey() + " of " + check.input, () -> verify(check))))
                .toList();
    }

    private static void verify(Check check) {
        for (int i = 0; i < check.at.length; i++) {
            double[] moved = check.at.clone();
            moved[i] = check.at[i] + STEP;
            double above = check.loss.applyAsDouble(moved);
            moved[i] = check.at[i] - STEP;
            double below = check.loss.applyAsDouble(moved);
            double wanted = (above - below) / (2 * STEP);
            assertThat(Math.abs(check.gradient[i] - wanted))
                    .as("element " + i + ": " + check.gradient[i] + ", difference " + wanted)
                    .isLessThan(TOLERANCE * (1 + Math.abs(wanted)));
        }
    }

    private double[] normal(int n) {
        return random.doubles(n, -1.5, 1.5).toArray();
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** The loss is {@code sum(dOut * forward(input))}, whose gradient is what the backward gives for dOut. */
    private void check(
            String backward,
            String input,
            double[] at,
            double[] dOut,
            Function<double[], double[]> forward,
            double[] gradient) {
        checked.computeIfAbsent(backward, key -> new ArrayList<>())
                .add(new Check(input, at, x -> dot(dOut, forward.apply(x)), gradient));
    }

    private void rmsNorm() {
        double[] x = normal(3 * 5);
        double[] w = normal(5);
        double[] dOut = normal(15);
        check(
                "rmsNormBackward",
                "x",
                x,
                dOut,
                v -> ReferenceMath.rmsNorm(v, w, 1e-2),
                ReferenceMath.rmsNormBackward(dOut, x, w, 1e-2));
    }

    private void linear() {
        double[] x = normal(2 * 3);
        double[] w = normal(4 * 3);
        double[] dOut = normal(2 * 4);
        check(
                "linearBackward",
                "x",
                x,
                dOut,
                v -> ReferenceMath.timesTransposed(v, w, 2, 3, 4),
                ReferenceMath.times(dOut, w, 2, 4, 3));
    }

    /** The composition that ReferenceKernels.lowRankBackward makes of products. */
    private void lowRank() {
        int n = 3;
        int in = 4;
        int out = 5;
        int r = 2;
        double scale = 0.7;
        double[] x = normal(n * in);
        double[] a = normal(r * in);
        double[] b = normal(out * r);
        double[] dOut = normal(n * out);
        double[] xa = ReferenceMath.timesTransposed(x, a, n, in, r);
        double[] g = ReferenceMath.scale(ReferenceMath.times(dOut, b, n, out, r), scale);
        double[] dA = ReferenceMath.times(ReferenceMath.transposed(g, n, r), x, r, n, in);
        double[] dB =
                ReferenceMath.scale(ReferenceMath.times(ReferenceMath.transposed(dOut, n, out), xa, out, n, r), scale);
        check(
                "lowRankBackward",
                "x",
                x,
                dOut,
                v -> lowRank(v, a, b, n, in, out, r, scale),
                ReferenceMath.times(g, a, n, r, in));
        check("lowRankBackward", "A", a, dOut, v -> lowRank(x, v, b, n, in, out, r, scale), dA);
        check("lowRankBackward", "B", b, dOut, v -> lowRank(x, a, v, n, in, out, r, scale), dB);
    }

    private static double[] lowRank(double[] x, double[] a, double[] b, int n, int in, int out, int r, double scale) {
        double[] xa = ReferenceMath.timesTransposed(x, a, n, in, r);
        return ReferenceMath.scale(ReferenceMath.timesTransposed(xa, b, n, r, out), scale);
    }

    private void embedLowRank() {
        int[] ids = {2, 0, 2};
        double[] a = normal(2 * 4);
        double[] b = normal(3 * 2);
        double[] dOut = normal(3 * 3);
        check(
                "embedLowRankBackward",
                "A",
                a,
                dOut,
                v -> ReferenceMath.embedLowRank(v, b, ids, 2, 4, 3, 1.5),
                ReferenceMath.embedLowRankGradA(dOut, b, ids, 2, 4, 3, 1.5));
        check(
                "embedLowRankBackward",
                "B",
                b,
                dOut,
                v -> ReferenceMath.embedLowRank(a, v, ids, 2, 4, 3, 1.5),
                ReferenceMath.embedLowRankGradB(dOut, a, ids, 2, 4, 3, 1.5));
    }

    private void dropout() {
        double[] x = normal(20);
        double[] dOut = normal(20);
        check(
                "dropoutBackward",
                "x",
                x,
                dOut,
                v -> ReferenceMath.dropout(v, 0.4f, 9),
                ReferenceMath.dropout(dOut, 0.4f, 9));
    }

    private void rope() {
        double[] angles = normal(6 * 2);
        double[] cos = Arrays.stream(angles).map(Math::cos).toArray();
        double[] sin = Arrays.stream(angles).map(Math::sin).toArray();
        Span[] spans = {new Span(0, 2, 3, 0, 8)};
        double[] x = normal(2 * 8);
        double[] dOut = normal(16);
        check(
                "ropeBackward",
                "x",
                x,
                dOut,
                v -> ReferenceMath.rope(v, cos, sin, 8, 4, spans, 1),
                ReferenceMath.rope(dOut, cos, sin, 8, 4, spans, -1));
    }

    private void attention(AttentionShape shape) {
        Span[] spans = {Span.whole(0, 5), Span.whole(5, 2)};
        int qn = 7 * shape.heads() * shape.headDim();
        int kn = 7 * shape.keyValueHeads() * shape.headDim();
        double[] q = normal(qn);
        double[] k = normal(kn);
        double[] v = normal(kn);
        double[] dOut = normal(qn);
        double[] dQ = new double[qn];
        double[] dK = new double[kn];
        double[] dV = new double[kn];
        ReferenceMath.attentionBackward(dQ, dK, dV, dOut, q, k, v, shape, spans);
        check("attentionBackward", "q", q, dOut, x -> attention(x, k, v, shape, spans), dQ);
        check("attentionBackward", "k", k, dOut, x -> attention(q, x, v, shape, spans), dK);
        check("attentionBackward", "v", v, dOut, x -> attention(q, k, x, shape, spans), dV);
    }

    private static double[] attention(double[] q, double[] k, double[] v, AttentionShape shape, Span[] spans) {
        double[] out = new double[q.length];
        ReferenceMath.attention(out, new double[q.length / shape.headDim()], q, k, v, shape, spans);
        return out;
    }

    private void geglu() {
        double[] gate = normal(9);
        double[] up = normal(9);
        double[] dOut = normal(9);
        check(
                "gegluBackward",
                "gate",
                gate,
                dOut,
                x -> ReferenceMath.geglu(x, up),
                ReferenceMath.gegluGradGate(dOut, gate, up));
        check(
                "gegluBackward",
                "up",
                up,
                dOut,
                x -> ReferenceMath.geglu(gate, x),
                ReferenceMath.gegluGradUp(dOut, gate));
    }

    private void gatherRows() {
        double[] x = normal(4 * 2);
        double[] dOut = normal(2 * 2);
        double[] dX = new double[8];
        System.arraycopy(dOut, 0, dX, 6, 2);
        System.arraycopy(dOut, 2, dX, 2, 2);
        check("gatherRowsBackward", "x", x, dOut, v -> new double[] {v[6], v[7], v[2], v[3]}, dX);
    }

    private void crossEntropy(double cap) {
        int[] targets = {4, 0};
        double[] logits = normal(2 * 5);
        check(
                "crossEntropyBackward",
                "logits, cap " + cap,
                logits,
                new double[] {0.3},
                x -> new double[] {ReferenceMath.crossEntropy(x, targets, cap)},
                ReferenceMath.crossEntropyBackward(logits, targets, cap, 0.3));
    }
}
