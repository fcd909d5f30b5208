package dev.jemma.samebits;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the commands of a case gave on one side: figures and tensors by name, in the order in which they came. Tensors
 * are mapped into an arena.
 */
final class Seen {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Arena arena;
    private final Map<String, Value> values = new LinkedHashMap<>();

    /** @param arena what the files of tensors are mapped into, borrowed */
    Seen(Arena arena) {
        this.arena = arena;
    }

    private void put(String name, Value value) {
        if (values.put(name, value) != null) {
            throw new IllegalArgumentException("'" + name + "' was seen twice");
        }
    }

    /** Takes the values of {@code keys} from a JSON object; a key that it lacks is an error. */
    void figures(String source, JsonNode object, List<String> keys) {
        for (String key : keys) {
            if (!object.has(key)) {
                throw new IllegalStateException(source + " gave no '" + key + "': " + object);
            }
            put(source + ": " + key, new Figure(object.get(key).toString()));
        }
    }

    /** Takes every tensor of a .safetensors file. Its header may list them in any order. */
    void tensors(String source, Path file) throws IOException {
        MemorySegment all;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
        long length = all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        byte[] header = all.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
        MemorySegment data = all.asSlice(Long.BYTES + length);
        for (Map.Entry<String, JsonNode> entry :
                JSON.readTree(new String(header, StandardCharsets.UTF_8)).properties()) {
            if (!entry.getKey().equals("__metadata__")) {
                JsonNode tensor = entry.getValue();
                List<Long> shape = StreamSupport.stream(tensor.get("shape").spliterator(), false)
                        .map(JsonNode::longValue)
                        .toList();
                long from = tensor.get("data_offsets").get(0).longValue();
                long to = tensor.get("data_offsets").get(1).longValue();
                put(
                        source + ": tensor '" + entry.getKey() + "'",
                        new TensorBits(tensor.get("dtype").stringValue(), shape, data.asSlice(from, to - from)));
            }
        }
    }

    /** A line for each value that {@code after} lacks, has besides, or has otherwise. */
    List<String> differences(Seen after) {
        List<String> lines = new ArrayList<>();
        SequencedSet<String> names = new LinkedHashSet<>(values.keySet());
        names.addAll(after.values.keySet());
        for (String name : names) {
            if (!after.values.containsKey(name)) {
                lines.add(name + " is missing after");
            } else if (!values.containsKey(name)) {
                lines.add(name + " is new after");
            } else {
                values.get(name)
                        .difference(after.values.get(name))
                        .ifPresent(words ->
                                lines.add(name + (values.get(name) instanceof TensorBits ? " " : " is ") + words));
            }
        }
        return lines;
    }

    /** How much there is. */
    Count count() {
        long tensors = 0;
        long numbers = 0;
        for (Value value : values.values()) {
            if (value instanceof TensorBits tensor) {
                tensors++;
                numbers += tensor.numbers();
            }
        }
        return new Count(tensors, numbers, values.size() - tensors);
    }

    /**
     * How much was compared.
     *
     * @param tensors how many
     * @param numbers that they have together
     * @param figures losses, norms and token ids
     */
    record Count(long tensors, long numbers, long figures) {
        static final Count NONE = new Count(0, 0, 0);

        Count plus(Count other) {
            return new Count(tensors + other.tensors, numbers + other.numbers, figures + other.figures);
        }

        @Override
        public String toString() {
            return "%,d tensors of %,d numbers, %,d figures".formatted(tensors, numbers, figures);
        }
    }
}
