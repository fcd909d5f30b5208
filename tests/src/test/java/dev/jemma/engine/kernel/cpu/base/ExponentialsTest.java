package dev.jemma.engine.kernel.cpu.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.kernel.cpu.code.Elements;
import dev.jemma.engine.kernel.cpu.code.GatedUnits;
import dev.jemma.engine.kernel.cpu.code.SoftmaxPasses;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/**
 * exp, tanh and GELU over the whole range of f32, special values included: against f64, and the Vector API's and the
 * machine code's bits against each other.
 */
final class ExponentialsTest {
    /** Of the 2^32 floats, one in so many. */
    private static final int STRIDE = 65_521;

    /** 2 ulp of f32. */
    private static final double ULPS = 0x1p-22;

    private static final float[] SPECIAL = {
        0,
        -0f,
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MIN_NORMAL,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        0.625f,
        Math.nextDown(0.625f),
        -0.625f,
        88.7228317f,
        88.73f,
        -87.3365448f,
        -87.337f,
        1,
        -1
    };

    private static float[] inputs() {
        int swept = (int) ((1L << 32) / STRIDE) / 16 * 16;
        float[] x = new float[swept + 32];
        for (int i = 0; i < swept; i++) {
            float any = Float.intBitsToFloat(i * STRIDE);
            x[i] = Float.isNaN(any) ? Float.NaN : any; // as arithmetic makes them
        }
        System.arraycopy(SPECIAL, 0, x, swept, SPECIAL.length);
        return x;
    }

    private interface Code {
        void run(long x, long count);
    }

    private static float[] byCode(float[] x, Code code) {
        assumeTrue(Elements.available(), "no AVX-512 machine code on this CPU or system");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(4L * x.length, 64);
            MemorySegment.copy(x, 0, s, Lanes.FLOAT, 0, x.length);
            code.run(s.address(), x.length);
            return s.toArray(Lanes.FLOAT);
        }
    }

    private static float[] byVectors(float[] x, UnaryOperator<FloatVector> function) {
        float[] out = new float[x.length];
        for (int i = 0; i < x.length; i += Lanes.L) {
            function.apply(FloatVector.fromArray(Lanes.FLOATS, x, i)).intoArray(out, i);
        }
        return out;
    }

    private static void accurate(float[] x, float[] seen, DoubleUnaryOperator function) {
        for (int i = 0; i < x.length; i++) {
            double wanted = function.applyAsDouble(x[i]);
            boolean close = Double.isNaN(wanted)
                    ? Float.isNaN(seen[i])
                    : Math.abs(seen[i] - wanted) <= ULPS * Math.abs(wanted) + Float.MIN_NORMAL;
            if (!close && !(Math.abs(wanted) > Float.MAX_VALUE && seen[i] > 0.99f * Float.MAX_VALUE)) {
                assertThat((double) seen[i]).as("of " + x[i]).isEqualTo(wanted);
            }
        }
    }

    private static void sameBits(float[] x, float[] a, float[] b) {
        for (int i = 0; i < x.length; i++) {
            boolean tiny = Math.abs(a[i]) < 2 * Float.MIN_NORMAL && Math.abs(b[i]) < 2 * Float.MIN_NORMAL;
            if (!tiny && Float.floatToIntBits(a[i]) != Float.floatToIntBits(b[i])) {
                assertThat(a[i]).as("of " + x[i]).isEqualTo(b[i]);
            }
        }
    }

    @Test
    void exponential() {
        float[] x = inputs();
        float[] vectors = byVectors(x, VectorMath::exp);
        accurate(x, vectors, Math::exp);
        sameBits(x, byCode(x, (at, count) -> SoftmaxPasses.exp(at, at, count, 0)), vectors);
    }

    @Test
    void hyperbolicTangent() {
        float[] x = inputs();
        float[] vectors = byVectors(x, VectorMath::tanh);
        accurate(x, vectors, Math::tanh);
        sameBits(x, byCode(x, (at, count) -> Elements.softcap(at, count, 1, 1)), vectors);
    }

    @Test
    void gatedUnit() {
        float[] x = inputs();
        float[] vectors = byVectors(x, v -> v.mul(VectorMath.geluGate(v)).mul(v));
        sameBits(x, byCode(x, (at, count) -> GatedUnits.geglu(at, at, at, count)), vectors);
    }
}
