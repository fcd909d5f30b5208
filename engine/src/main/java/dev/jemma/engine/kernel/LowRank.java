package dev.jemma.engine.kernel;

import dev.jemma.engine.tensor.Tensor;

/**
 * A low-rank update of a linear map: {@code y += scale * (x A^T) B^T}. The tensors are borrowed.
 *
 * @param a [r, in], f32
 * @param b [out, r], f32
 * @param scale alpha / r, or alpha / sqrt(r) for rsLoRA
 */
public record LowRank(Tensor a, Tensor b, float scale) {
    public LowRank {
        if (a.shape().rank() != 2 || b.shape().rank() != 2 || a.dim(0) != b.dim(1)) {
            throw new IllegalArgumentException(
                    "low-rank factors [r, in] and [out, r] do not fit: A " + a.shape() + ", B " + b.shape());
        }
    }

    /** The rank r. */
    public int rank() {
        return Math.toIntExact(a.dim(0));
    }
}
