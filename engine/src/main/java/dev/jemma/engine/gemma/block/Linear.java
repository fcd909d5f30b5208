package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;

/**
 * A frozen linear map and the low-rank updates that a pass brings along:
 * {@code y = x W^T + sum over adapters of scale * (x A^T) B^T}.
 *
 * @param weight W [outputs, inputs], borrowed
 * @param module its number among {@link Layout#modules}
 */
public record Linear(Tensor weight, int module) {
    /** The linear map whose weight is {@code parameter}. */
    public static Linear of(Parameter parameter, Layout layout, ModelWeights weights) {
        return new Linear(weights.tensor(parameter.name()), layout.number(parameter));
    }

    /** out [N, outputs] from x [N, inputs]. */
    public void forward(Tensor out, Tensor x, Pass p) {
        p.kernels().linear(out, x, weight, Write.SET);
        p.adapted(module).forward(out, x, p.kernels());
    }

    /** {@code dX = dOut W + ...} (or +=), and the gradients of the module's adapter. */
    public void backward(Tensor dX, Tensor dOut, Tensor x, Write write, Pass p) {
        p.kernels().linearBackward(dX, dOut, weight, write);
        p.adapted(module).backward(dX, dOut, x, p.kernels());
    }

    /**
     * The gradients of the module's adapter alone, where nothing below wants a gradient. {@code scratch} is [N,
     * inputs].
     */
    public void backwardOfAdapter(Tensor scratch, Tensor dOut, Tensor x, Pass p) {
        if (p.adapted(module).present()) {
            p.kernels().zero(scratch);
            p.adapted(module).backward(scratch, dOut, x, p.kernels());
        }
    }
}
