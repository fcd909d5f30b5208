package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Comparison;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;

/**
 * Code for exp, tanh and GELU of a vector, reusable inside any generator: the polynomials, the order of operations and
 * so the bits are those of {@code VectorMath}, which has their sources (but for results that are hardly normal). A NaN
 * gives a NaN.
 *
 * <p>The constants are loaded where {@code prepare...} is called, before a loop. Four vectors and mask 7 are
 * temporaries.
 */
final class Exponentials {
    private static final int CHOSEN = 7;

    private static final float EXP_MIN = -87.3365448f;
    private static final float EXP_MAX = 88.7228317f;
    private static final float LOG2_E = 1.44269504088896341f;
    private static final float N_LN2_HIGH = -0.693359375f;
    private static final float N_LN2_LOW = 2.12194440e-4f;
    private static final float ROUNDER = 0x1.8p23f;
    private static final float[] E = {
        1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f
    };
    private static final float[] T = {
        -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f
    };
    private static final float T_BOUND = 0.625f;
    private static final int SIGN = 1 << 31;

    /** {@code 2 sqrt(2 / pi)}. */
    private static final float TWO_ROOT = 1.5957691216f;

    private static final float CUBE = 0.044715f;

    private final Floats f;
    private final int r;
    private final int square;
    private final int n;
    private final int p;

    /** With the temporaries {@code first} to {@code first + 3}. */
    Exponentials(Floats f, int first) {
        this.f = f;
        f.reserve(first + 4);
        r = first;
        square = first + 1;
        n = first + 2;
        p = first + 3;
    }

    void prepareExp() {
        f.constant(EXP_MIN);
        f.constant(EXP_MAX);
        f.constant(LOG2_E);
        f.constant(N_LN2_HIGH);
        f.constant(N_LN2_LOW);
        f.constant(ROUNDER);
        f.constant(1);
        for (float coefficient : E) {
            f.constant(coefficient);
        }
    }

    void prepareTanh() {
        prepareExp();
        f.constant(2);
        f.constant(T_BOUND);
        f.constantBits(SIGN);
        for (float coefficient : T) {
            f.constant(coefficient);
        }
    }

    void prepareGelu() {
        prepareExp();
        f.constant(CUBE);
        f.constant(-TWO_ROOT);
    }

    void prepareGeluSlope() {
        prepareGelu();
        f.constant(TWO_ROOT);
        f.constant(3 * CUBE * TWO_ROOT);
    }

    /** {@code d = e^a}; d may be a. */
    void exp(int d, int a) {
        Assembler x = f.x;
        x.vector(Evex.VMAXPS, V512, r, f.constant(EXP_MIN), a);
        x.vector(Evex.VMINPS, V512, r, f.constant(EXP_MAX), r);
        f.move(n, f.constant(ROUNDER));
        f.addProduct(n, r, f.constant(LOG2_E));
        f.subtract(n, n, f.constant(ROUNDER));
        f.addProduct(r, n, f.constant(N_LN2_HIGH));
        f.addProduct(r, n, f.constant(N_LN2_LOW));
        f.move(p, f.constant(E[0]));
        for (int i = 1; i < E.length; i++) {
            f.multiplyAdd(p, r, f.constant(E[i]));
        }
        f.multiply(square, r, r);
        f.multiplyAdd(p, square, r);
        f.add(p, p, f.constant(1));
        f.compare(CHOSEN, a, Comparison.NOT_LESS, f.constant(EXP_MIN));
        x.vectorOrZero(CHOSEN, Evex.VSCALEFPS, V512, d, p, n);
    }

    /** {@code d = tanh a}; d is another vector than a, neither is a temporary. */
    void tanh(int d, int a) {
        Assembler x = f.x;
        x.vector(Evex.VPANDND, V512, d, f.constantBits(SIGN), a);
        f.add(d, d, d);
        exp(d, d);
        f.add(d, d, f.constant(1));
        f.divide(d, f.constant(2), d);
        f.subtract(d, f.constant(1), d);
        x.vector(Evex.VPTERNLOGD, V512, d, a, f.constantBits(SIGN), 0xF8); // d | a & SIGN
        int z = square;
        f.multiply(z, a, a);
        f.move(p, f.constant(T[0]));
        for (int i = 1; i < T.length; i++) {
            f.multiplyAdd(p, z, f.constant(T[i]));
        }
        f.multiply(p, p, z);
        f.multiplyAdd(p, a, a);
        x.vector(Evex.VPANDND, V512, r, f.constantBits(SIGN), a);
        f.compare(CHOSEN, r, Comparison.LESS, f.constant(T_BOUND));
        f.moveWhere(CHOSEN, d, p);
    }

    /**
     * {@code d = 1 / (1 + e^-2u)} with {@code u = sqrt(2/pi) (a + 0.044715 a^3)}: gelu(a) is {@code a d}. d is another
     * vector than a.
     */
    void geluGate(int d, int a) {
        f.multiply(d, a, a);
        f.multiply(d, d, f.constant(CUBE));
        f.multiplyAdd(d, a, a);
        f.multiply(d, d, f.constant(-TWO_ROOT));
        exp(d, d);
        f.add(d, d, f.constant(1));
        f.divide(d, f.constant(1), d);
    }

    /**
     * {@code d = gelu'(a) = s + gelu (1 - s) 2 u'} with {@code s = geluGate(a)} and {@code gelu = a s}; d and
     * {@code spread} are overwritten, others stay.
     */
    void geluSlope(int d, int a, int s, int gelu, int spread) {
        f.multiply(d, a, a);
        f.multiplyAdd(d, f.constant(3 * CUBE * TWO_ROOT), f.constant(TWO_ROOT));
        f.subtract(spread, f.constant(1), s);
        f.multiply(spread, gelu, spread);
        f.multiplyAdd(d, spread, s);
    }
}
