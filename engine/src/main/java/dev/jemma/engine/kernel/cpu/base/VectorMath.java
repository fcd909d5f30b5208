package dev.jemma.engine.kernel.cpu.base;

import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * exp, tanh and GELU of vectors, from additions, products and shifts only: the Vector API's own {@code EXP} and
 * {@code TANH} give other bits in interpreted than in compiled code.
 *
 * <p>They use the Vector API alone, whose methods the compiler always inlines: past some thirty vector operations a
 * loop reaches C2's node limit, after which it inlines no method of ours and boxes every vector that crosses the call.
 *
 * <p>The polynomials are those of Cephes (S. Moshier, expf.c and tanhf.c), within 2 ulp over the whole range.
 */
public final class VectorMath {
    private static final float LOG2_E = 1.44269504088896341f;
    /** Minus ln 2 in two parts: n times the first is exact for every n of an exponent. */
    private static final FloatVector N_LN2_HIGH = constant(-0.693359375f);

    private static final FloatVector N_LN2_LOW = constant(2.12194440e-4f);
    /** Adding it rounds to the nearest integer, which then stands in the lowest bits. */
    private static final float ROUNDER = 0x1.8p23f;

    private static final float EXP_MIN = -87.3365448f;
    private static final float EXP_MAX = 88.7228317f;

    /** {@code 2 sqrt(2 / pi)}. */
    private static final float TWO_ROOT = 1.5957691216f;

    private static final float CUBE = 0.044715f;
    /** {@code 2 u' = SLOPE_0 + SLOPE_2 x^2} of GELU's u. */
    public static final float SLOPE_0 = TWO_ROOT;

    /** See {@link #SLOPE_0}. */
    public static final float SLOPE_2 = 3 * CUBE * TWO_ROOT;

    private static final float E0 = 1.9875691500e-4f;
    private static final float E1 = 1.3981999507e-3f;
    private static final FloatVector E2 = constant(8.3334519073e-3f);
    private static final FloatVector E3 = constant(4.1665795894e-2f);
    private static final FloatVector E4 = constant(1.6666665459e-1f);
    private static final FloatVector E5 = constant(5.0000001201e-1f);
    private static final float T0 = -5.70498872745e-3f;
    private static final float T1 = 2.06390887954e-2f;
    private static final FloatVector T2 = constant(-5.37397155531e-2f);
    private static final FloatVector T3 = constant(1.33314422036e-1f);
    private static final FloatVector T4 = constant(-3.33332819422e-1f);
    private static final FloatVector ONE = constant(1f);
    private static final FloatVector TWO = constant(2f);

    private VectorMath() {}

    /** e^x; 0 below the smallest normal result, the greatest float's neighbourhood above the greatest. */
    public static FloatVector exp(FloatVector x) {
        return FMA ? fusedExp(x) : plainExp(x);
    }

    /** Apart from {@link #plainExp}, because C2 inlines no method of more than 325 bytes of code. */
    private static FloatVector fusedExp(FloatVector x) {
        FloatVector clamped = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector shifted = clamped.fma(LOG2_E, ROUNDER);
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = n.fma(N_LN2_HIGH, clamped);
        r = n.fma(N_LN2_LOW, r);
        FloatVector p = r.fma(E0, E1);
        p = p.fma(r, E2);
        p = p.fma(r, E3);
        p = p.fma(r, E4);
        p = p.fma(r, E5);
        p = p.fma(r.mul(r), r).add(1f);
        // 2^n by way of the exponent bits; n may be 128, so the result's own exponent is moved, not a factor's.
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return result.blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
    }

    private static FloatVector plainExp(FloatVector x) {
        FloatVector clamped = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector shifted = clamped.mul(LOG2_E).add(ROUNDER);
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = n.mul(N_LN2_HIGH).add(clamped);
        r = n.mul(N_LN2_LOW).add(r);
        FloatVector p = r.mul(E0).add(E1);
        p = p.mul(r).add(E2);
        p = p.mul(r).add(E3);
        p = p.mul(r).add(E4);
        p = p.mul(r).add(E5);
        p = p.mul(r.mul(r)).add(r).add(1f);
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return result.blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
    }

    /** tanh x, by a polynomial below 0.625 and by {@code 1 - 2 / (e^2|x| + 1)} above. */
    public static FloatVector tanh(FloatVector x) {
        FloatVector magnitude = x.abs();
        FloatVector e = exp(magnitude.add(magnitude));
        FloatVector large = TWO.div(e.add(1f)).neg().add(1f);
        FloatVector z = x.mul(x);
        FloatVector p = FMA ? z.fma(T0, T1) : z.mul(T0).add(T1);
        p = FMA ? p.fma(z, T2) : p.mul(z).add(T2);
        p = FMA ? p.fma(z, T3) : p.mul(z).add(T3);
        p = FMA ? p.fma(z, T4) : p.mul(z).add(T4);
        FloatVector small = FMA ? p.mul(z).fma(x, x) : p.mul(z).mul(x).add(x);
        FloatVector signed = large.blend(large.neg(), x.compare(VectorOperators.LT, 0f));
        return signed.blend(small, magnitude.compare(VectorOperators.LT, 0.625f));
    }

    /**
     * {@code 1 / (1 + e^-2u)} with {@code u = sqrt(2/pi) (x + 0.044715 x^3)}; {@code (1 + tanh u) / 2} without
     * cancellation.
     */
    public static FloatVector geluGate(FloatVector x) {
        FloatVector cube = x.mul(x).mul(CUBE);
        FloatVector inner = FMA ? cube.fma(x, x) : cube.mul(x).add(x);
        return ONE.div(exp(inner.mul(-TWO_ROOT)).add(1f));
    }

    /** {@code gelu'(x) = s + x s (1 - s) 2 u'} with {@code s = geluGate(x)}; gelu itself is {@code x s}. */
    public static FloatVector geluSlope(FloatVector x, FloatVector s) {
        FloatVector square = x.mul(x);
        FloatVector twoSlope =
                FMA ? square.fma(SLOPE_2, SLOPE_0) : square.mul(SLOPE_2).add(SLOPE_0);
        FloatVector spread = x.mul(s).mul(s.neg().add(1f));
        return FMA ? spread.fma(twoSlope, s) : spread.mul(twoSlope).add(s);
    }

    private static FloatVector constant(float value) {
        return FloatVector.broadcast(Lanes.FLOATS, value);
    }
}
