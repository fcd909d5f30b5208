package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.all;
import static dev.jemma.engine.kernel.cpu.Lanes.fma;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * exp, tanh and GELU of vectors, from additions, products and shifts only: the Vector API's own {@code EXP} and {@code TANH} give
 * other bits in interpreted than in compiled code.
 *
 * <p>The polynomials are those of Cephes (S. Moshier, expf.c and tanhf.c), within 2 ulp over the whole range.
 */
final class VectorMath {
    private static final float LOG2_E = 1.44269504088896341f;
    /** ln 2 in two parts: n * LN2_HIGH is exact for every n of an exponent. */
    private static final float LN2_HIGH = 0.693359375f;

    private static final float LN2_LOW = -2.12194440e-4f;
    /** Adding it rounds to the nearest integer, which then stands in the lowest bits. */
    private static final float ROUNDER = 0x1.8p23f;

    private static final float EXP_MIN = -87.3365448f;
    private static final float EXP_MAX = 88.7228317f;

    /** {@code 2 sqrt(2 / pi)}. */
    private static final float TWO_ROOT = 1.5957691216f;

    private static final float CUBE = 0.044715f;

    private VectorMath() {}

    /** e^x; 0 below the smallest normal result, the greatest float's neighbourhood above the greatest. */
    static FloatVector exp(FloatVector x) {
        VectorMask<Float> tiny = x.compare(VectorOperators.LT, EXP_MIN);
        FloatVector clamped = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector shifted = fma(clamped, all(LOG2_E), all(ROUNDER));
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = fma(n, all(-LN2_LOW), fma(n, all(-LN2_HIGH), clamped));
        FloatVector p = fma(r, all(1.9875691500e-4f), all(1.3981999507e-3f));
        p = fma(p, r, all(8.3334519073e-3f));
        p = fma(p, r, all(4.1665795894e-2f));
        p = fma(p, r, all(1.6666665459e-1f));
        p = fma(p, r, all(5.0000001201e-1f));
        p = fma(p, r.mul(r), r).add(1f);
        // 2^n by way of the exponent bits; n may be 128, so the result's own exponent is moved, not a factor's.
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return p.reinterpretAsInts().add(exponent).reinterpretAsFloats().blend(0f, tiny);
    }

    /** tanh x, by a polynomial below 0.625 and by {@code 1 - 2 / (e^2|x| + 1)} above. */
    static FloatVector tanh(FloatVector x) {
        FloatVector magnitude = x.abs();
        FloatVector z = x.mul(x);
        FloatVector p = fma(z, all(-5.70498872745e-3f), all(2.06390887954e-2f));
        p = fma(p, z, all(-5.37397155531e-2f));
        p = fma(p, z, all(1.33314422036e-1f));
        p = fma(p, z, all(-3.33332819422e-1f));
        FloatVector small = fma(p.mul(z), x, x);
        FloatVector large =
                all(1f).sub(all(2f).div(exp(magnitude.add(magnitude)).add(1f)));
        FloatVector signed = large.blend(large.neg(), x.compare(VectorOperators.LT, 0f));
        return signed.blend(small, magnitude.compare(VectorOperators.LT, 0.625f));
    }

    /** {@code 1 / (1 + e^-2u)} with {@code u = sqrt(2/pi) (x + 0.044715 x^3)}; {@code (1 + tanh u) / 2} without cancellation. */
    static FloatVector geluGate(FloatVector x) {
        FloatVector inner = fma(x.mul(x).mul(CUBE), x, x);
        return all(1f).div(exp(inner.mul(-TWO_ROOT)).add(1f));
    }

    /** gelu_tanh(x), given {@code s = geluGate(x)}: {@code x s}. */
    static FloatVector gelu(FloatVector x, FloatVector s) {
        return x.mul(s);
    }

    /** {@code gelu'(x) = s + x s (1 - s) 2 u'}. */
    static FloatVector geluSlope(FloatVector x, FloatVector s) {
        FloatVector twoSlope = fma(x.mul(x), all(3 * CUBE * TWO_ROOT), all(TWO_ROOT));
        return fma(x.mul(s).mul(all(1f).sub(s)), twoSlope, s);
    }
}
