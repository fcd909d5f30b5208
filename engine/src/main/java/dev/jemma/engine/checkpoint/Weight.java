package dev.jemma.engine.checkpoint;

import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A weight of a checkpoint; borrowed from it.
 *
 * @param name its name in the files
 * @param type its element type there, as the format spells it
 * @param shape dimensions, outermost first
 * @param bytes what the files hold of it
 * @param tensor the weight as kernels take it; empty if no kernel knows its blocks, so that values must be converted
 * @param values its values, decoded when they are read
 */
public record Weight(
        String name, String type, Shape shape, MemorySegment bytes, Optional<Tensor> tensor, Values values) {
    /** A weight that kernels take where it lies. */
    static Weight inPlace(String name, Tensor tensor) {
        return new Weight(
                name, tensor.dtype().name(), tensor.shape(), tensor.segment(), Optional.of(tensor), Values.of(tensor));
    }

    /** The type that kernels compute with unless another is wanted: its own, else BF16. */
    public DType dtype() {
        return tensor.map(Tensor::dtype).orElse(DType.BF16);
    }
}
