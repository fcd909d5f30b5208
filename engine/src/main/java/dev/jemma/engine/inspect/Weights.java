package dev.jemma.engine.inspect;

import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.safetensors.TensorEntry;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/**
 * The tensors of one or several safetensors files.
 *
 * @param files names of the files
 * @param bytes size of the files
 * @param tensors every tensor, by file and then in the order of the data
 */
public record Weights(List<String> files, long bytes, List<TensorEntry> tensors) {
    public Weights {
        files = List.copyOf(files);
        tensors = List.copyOf(tensors);
    }

    static Weights of(List<SafetensorsFile> files) {
        List<TensorEntry> tensors = new ArrayList<>();
        files.forEach(file -> tensors.addAll(file.entries().values()));
        return new Weights(
                files.stream().map(file -> file.path().getFileName().toString()).toList(),
                files.stream().mapToLong(SafetensorsFile::bytes).sum(),
                tensors);
    }

    /** Number of elements of all tensors. */
    public long elements() {
        return tensors.stream().mapToLong(tensor -> tensor.shape().elements()).sum();
    }

    /** Number of elements by their type. */
    public Map<StoredType, Long> elementsByType() {
        Map<StoredType, Long> byType = new EnumMap<>(StoredType.class);
        tensors.forEach(tensor -> byType.merge(tensor.type(), tensor.shape().elements(), Long::sum));
        return byType;
    }

    void writeTo(ObjectNode json) {
        files.forEach(json.putArray("files")::add);
        json.put("bytes", bytes);
        json.put("elements", elements());
        ObjectNode types = json.putObject("dtypes");
        elementsByType().forEach((type, count) -> types.put(type.name(), count));
        ObjectNode all = json.putObject("tensors");
        for (TensorEntry tensor : tensors) {
            ObjectNode one = all.putObject(tensor.name());
            one.put("dtype", tensor.type().name());
            for (long dim : tensor.shape().dims()) {
                one.withArray("shape").add(dim);
            }
            if (tensor.shape().rank() == 0) {
                one.putArray("shape");
            }
        }
    }
}
