package dev.jemma.engine.lora;

import dev.jemma.engine.gemma.Checkpoint;
import dev.jemma.engine.gemma.GgufCheckpoint;
import dev.jemma.engine.gemma.HubFolder;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A tensor of a base model as merging begins with it.
 *
 * @param type the type it is written in unless the user wants another: the stored one, BF16 for a quantized one
 * @param shape dimensions
 * @param values its floats; empty if it holds something else
 * @param bytes what it holds then; borrowed
 */
record BaseTensor(StoredType type, Shape shape, Optional<Tensor> values, MemorySegment bytes) {
    /** All tensors by the name they are written under: a folder's as they are named there, a GGUF file's by Hugging Face's names. */
    static SequencedMap<String, BaseTensor> all(Checkpoint base) {
        SequencedMap<String, BaseTensor> tensors = new LinkedHashMap<>();
        switch (base) {
            case HubFolder folder ->
                folder.shards().names().forEach(name -> tensors.put(name, of(folder.shards(), name)));
            case GgufCheckpoint gguf ->
                gguf.config().weights().sequencedKeySet().forEach(name -> tensors.put(name, of(gguf, name)));
        }
        return tensors;
    }

    /** The weight of this canonical name. */
    static BaseTensor of(Checkpoint base, String name) {
        Tensor tensor = base.tensor(name);
        DType dtype = tensor.dtype().isQuantized() ? DType.BF16 : tensor.dtype();
        return new BaseTensor(StoredType.of(dtype), tensor.shape(), Optional.of(tensor), tensor.segment());
    }

    private static BaseTensor of(Shards shards, String name) {
        TensorEntry entry = shards.entry(name);
        Optional<Tensor> values = entry.type().dtype().filter(DType::isFloat).map(dtype -> shards.tensor(name));
        return new BaseTensor(
                entry.type(), entry.shape(), values, shards.file(name).bytes(name));
    }
}
