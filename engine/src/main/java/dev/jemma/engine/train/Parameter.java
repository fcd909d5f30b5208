package dev.jemma.engine.train;

import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;

/**
 * A trainable tensor and its gradient, both borrowed.
 *
 * @param name the tensor's name in the adapter file
 * @param value f32, changed by the optimizer
 * @param gradient f32, of the same shape
 */
public record Parameter(String name, Tensor value, Tensor gradient) {
    public Parameter {
        if (value.dtype() != DType.F32
                || gradient.dtype() != DType.F32
                || !value.shape().equals(gradient.shape())) {
            throw new IllegalArgumentException(name + ": value " + value.dtype() + " " + value.shape() + ", gradient "
                    + gradient.dtype() + " " + gradient.shape() + "; wanted F32 of one shape");
        }
    }
}
