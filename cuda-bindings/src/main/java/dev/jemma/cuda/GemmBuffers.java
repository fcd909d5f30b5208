package dev.jemma.cuda;

import java.util.Optional;

/**
 * The memory and factors of one product, borrowed.
 *
 * @param a the left matrix
 * @param b the right matrix
 * @param d the result; read too if {@code beta} is not 0
 * @param alpha factor of the product
 * @param beta factor of the old D: 0 overwrites it, 1 adds to it
 * @param bias [n], of D's type, where the epilogue has one
 * @param aux [m, n], dense and of D's type, where the epilogue has one
 */
public record GemmBuffers(
        DeviceBuffer a,
        DeviceBuffer b,
        DeviceBuffer d,
        float alpha,
        float beta,
        Optional<DeviceBuffer> bias,
        Optional<DeviceBuffer> aux) {
    /** Bytes that addresses are multiples of; the fast kernels copy 16 at a time. */
    static final int ALIGNMENT = 16;

    /** D = A B. */
    public static GemmBuffers of(DeviceBuffer a, DeviceBuffer b, DeviceBuffer d) {
        return new GemmBuffers(a, b, d, 1, 0, Optional.empty(), Optional.empty());
    }

    /** With these factors. */
    public GemmBuffers scaled(float product, float old) {
        return new GemmBuffers(a, b, d, product, old, bias, aux);
    }

    /** With a bias. */
    public GemmBuffers withBias(DeviceBuffer vector) {
        return new GemmBuffers(a, b, d, alpha, beta, Optional.of(vector), aux);
    }

    /** With an auxiliary matrix. */
    public GemmBuffers withAux(DeviceBuffer matrix) {
        return new GemmBuffers(a, b, d, alpha, beta, bias, Optional.of(matrix));
    }

    /** Throws unless every buffer is there, large enough and aligned for {@code gemm}. */
    void check(Gemm gemm) {
        fits(gemm, "a", a, gemm.bytesOfA());
        fits(gemm, "b", b, gemm.bytesOfB());
        fits(gemm, "d", d, gemm.bytesOfD());
        int size = gemm.d().type().bytes();
        optional(gemm, "bias", bias, gemm.epilogue().hasBias(), gemm.n() * size);
        optional(gemm, "aux", aux, gemm.epilogue().hasAux(), gemm.m() * gemm.n() * size);
    }

    private static void optional(Gemm gemm, String name, Optional<DeviceBuffer> buffer, boolean wanted, long bytes) {
        if (buffer.isPresent() != wanted) {
            throw new IllegalArgumentException(gemm + ": " + name
                    + (wanted ? " is missing, the epilogue reads it" : " is given, the epilogue has none"));
        }
        buffer.ifPresent(b -> fits(gemm, name, b, bytes));
    }

    private static void fits(Gemm gemm, String name, DeviceBuffer buffer, long bytes) {
        if (buffer.bytes() < bytes) {
            throw new IllegalArgumentException(
                    gemm + ": " + name + " has " + buffer.bytes() + " bytes, wanted " + bytes);
        }
        if (buffer.address() % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    gemm + ": " + name + " is " + buffer + ", wanted an address that is a multiple of " + ALIGNMENT);
        }
    }
}
