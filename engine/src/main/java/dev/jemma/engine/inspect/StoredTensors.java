package dev.jemma.engine.inspect;

import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * The tensors of one or several files.
 *
 * @param files names of the files
 * @param bytes size of the files
 * @param tensors every tensor, by file and then in the order of the data
 */
public record StoredTensors(List<String> files, long bytes, List<Stored> tensors) {
    /**
     * A tensor of a file.
     *
     * @param name its name there
     * @param type its element type, as the format spells it
     * @param shape dimensions, outermost first
     */
    public record Stored(String name, String type, List<Long> shape) {
        public Stored {
            shape = List.copyOf(shape);
        }

        static Stored of(String name, String type, Shape shape) {
            return new Stored(name, type, Arrays.stream(shape.dims()).boxed().toList());
        }

        /** Number of its elements. */
        public long elements() {
            return shape.stream().reduce(1L, Math::multiplyExact);
        }
    }

    public StoredTensors {
        files = List.copyOf(files);
        tensors = List.copyOf(tensors);
    }

    static StoredTensors of(List<SafetensorsFile> files) {
        List<Stored> tensors = new ArrayList<>();
        for (SafetensorsFile file : files) {
            for (TensorEntry entry : file.entries().values()) {
                tensors.add(Stored.of(entry.name(), entry.type().name(), entry.shape()));
            }
        }
        return new StoredTensors(
                files.stream().map(file -> file.path().getFileName().toString()).toList(),
                files.stream().mapToLong(SafetensorsFile::bytes).sum(),
                tensors);
    }

    static StoredTensors of(GgufFile file) {
        return new StoredTensors(
                List.of(file.name()),
                file.bytes(),
                file.tensors().values().stream()
                        .map(tensor -> Stored.of(tensor.name(), tensor.type().name(), tensor.shape()))
                        .toList());
    }

    /** Number of elements of all tensors. */
    public long elements() {
        return tensors.stream().mapToLong(tensor -> tensor.elements()).sum();
    }

    /** Number of elements by their type. */
    public SequencedMap<String, Long> elementsByType() {
        SequencedMap<String, Long> byType = new LinkedHashMap<>();
        tensors.forEach(tensor -> byType.merge(tensor.type(), tensor.elements(), Long::sum));
        return byType;
    }

    void writeTo(ObjectNode json) {
        files.forEach(json.putArray("files")::add);
        json.put("bytes", bytes);
        json.put("elements", elements());
        ObjectNode types = json.putObject("dtypes");
        elementsByType().forEach(types::put);
        ObjectNode all = json.putObject("tensors");
        for (Stored tensor : tensors) {
            ObjectNode one = all.putObject(tensor.name());
            one.put("dtype", tensor.type());
            tensor.shape().forEach(one.putArray("shape")::add);
        }
    }
}
