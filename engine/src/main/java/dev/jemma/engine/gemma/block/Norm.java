package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;

/**
 * An RMSNorm with Gemma's weight, which counts from one.
 *
 * @param weight [D], borrowed
 * @param eps added to the mean square
 */
public record Norm(Tensor weight, float eps) {
    /** The norm whose weight is {@code parameter}. */
    public static Norm of(Parameter parameter, Layout layout, ModelWeights weights) {
        return new Norm(
                weights.tensor(parameter.name()), (float) layout.config().rmsNormEps());
    }

    /** {@code out = x / rms(x) * (1 + weight)}. */
    public void forward(Tensor out, Tensor x, Kernels kernels) {
        kernels.rmsNorm(out, x, weight, eps);
    }

    /** Gradient with respect to {@code x}; the weight is frozen. */
    public void backward(Tensor dX, Tensor dOut, Tensor x, Write write, Kernels kernels) {
        kernels.rmsNormBackward(dX, dOut, x, weight, eps, write);
    }
}
