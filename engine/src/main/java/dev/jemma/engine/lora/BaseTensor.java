package dev.jemma.engine.lora;

import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.GgufCheckpoint;
import dev.jemma.engine.checkpoint.ModelFolder;
import dev.jemma.engine.checkpoint.Weight;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A tensor of a base model as merging begins with it.
 *
 * @param type the type it is written in unless the user wants another: the stored one, BF16 for a quantized one
 * @param shape dimensions
 * @param values its values, borrowed; empty if they are no floats
 * @param bytes the tensor as {@code type} has it, borrowed; empty if it has to be converted
 */
record BaseTensor(StoredType type, Shape shape, Optional<Values> values, Optional<MemorySegment> bytes) {
    /** All tensors by the name they are written under: a folder's as they are named there, a GGUF file's by Hugging Face's names. */
    static SequencedMap<String, BaseTensor> all(Checkpoint base) {
        SequencedMap<String, BaseTensor> tensors = new LinkedHashMap<>();
        switch (base) {
            case ModelFolder folder ->
                folder.shards().names().forEach(name -> tensors.put(name, of(folder.shards(), name)));
            case GgufCheckpoint gguf ->
                gguf.config().weights().sequencedKeySet().forEach(name -> tensors.put(name, of(gguf, name)));
        }
        return tensors;
    }

    /** The weight of this canonical name. */
    static BaseTensor of(Checkpoint base, String name) {
        Weight weight = base.weight(name);
        Optional<Tensor> plain = weight.tensor().filter(tensor -> tensor.dtype().isFloat());
        return new BaseTensor(
                StoredType.of(plain.map(Tensor::dtype).orElse(DType.BF16)),
                weight.shape(),
                Optional.of(weight.values()),
                plain.map(Tensor::segment));
    }

    private static BaseTensor of(Shards shards, String name) {
        TensorEntry entry = shards.entry(name);
        Optional<Values> values =
                entry.type().dtype().filter(DType::isFloat).map(dtype -> Values.of(shards.tensor(name)));
        return new BaseTensor(
                entry.type(),
                entry.shape(),
                values,
                Optional.of(shards.file(name).bytes(name)));
    }
}
