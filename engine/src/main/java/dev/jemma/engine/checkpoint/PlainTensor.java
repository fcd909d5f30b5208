package dev.jemma.engine.checkpoint;

import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A tensor of a checkpoint as a plain folder of Hugging Face has it; borrowed.
 *
 * @param type the type it is written in unless another is wanted: the stored one, BF16 for a quantized one
 * @param shape dimensions
 * @param values its values; empty if they are no floats
 * @param bytes the tensor as {@code type} has it; empty if it has to be converted
 */
public record PlainTensor(StoredType type, Shape shape, Optional<Values> values, Optional<MemorySegment> bytes) {
    /** A weight that the model computes with. */
    public static PlainTensor of(Weight weight) {
        Optional<Tensor> plain = weight.tensor().filter(tensor -> tensor.dtype().isFloat());
        return new PlainTensor(
                StoredType.of(plain.map(Tensor::dtype).orElse(DType.BF16)),
                weight.shape(),
                Optional.of(weight.values()),
                plain.map(Tensor::segment));
    }

    /** The tensor {@code name} of a folder, used by the text model or not. */
    static PlainTensor of(Shards shards, String name) {
        TensorEntry entry = shards.entry(name);
        Optional<Values> values =
                entry.type().dtype().filter(DType::isFloat).map(dtype -> Values.of(shards.tensor(name)));
        return new PlainTensor(
                entry.type(),
                entry.shape(),
                values,
                Optional.of(shards.file(name).bytes(name)));
    }
}
