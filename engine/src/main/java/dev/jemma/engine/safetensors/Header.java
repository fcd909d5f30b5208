package dev.jemma.engine.safetensors;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tensor.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The header of a safetensors file: 8 bytes of length, that many bytes of JSON, then the data that its offsets count
 * from. Checked as the reference implementation checks it (safetensors/src/tensor.rs): no duplicate names, offsets that
 * tile the data without gap or overlap, sizes that fit shape and type.
 *
 * @param entries the tensors in the order of their data
 * @param metadata the {@code __metadata__} strings
 * @param dataStart the byte of the file at which offset 0 lies
 */
record Header(SequencedMap<String, TensorEntry> entries, Map<String, String> metadata, long dataStart) {
    static final long LENGTH_BYTES = 8;

    /** The reference implementation's limit. */
    static final long MAX_JSON_BYTES = 100_000_000;

    /** Reads {@code json}, the header of the file {@code name} of {@code fileBytes} bytes. */
    static Header parse(byte[] json, String name, long fileBytes) {
        long dataStart = LENGTH_BYTES + json.length;
        if (json.length == 0 || json[0] != '{') {
            throw new FormatException(name + ": header does not start with '{': not a safetensors file");
        }
        ObjectNode root = JsonFile.parse(json, name + ": header");
        Map<String, String> metadata = new LinkedHashMap<>();
        List<TensorEntry> tensors = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (field.getKey().equals("__metadata__")) {
                metadata.putAll(metadata(field.getValue(), name));
            } else {
                tensors.add(entry(field.getKey(), field.getValue(), name, dataStart));
            }
        }
        tensors.sort(Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::end));
        long at = dataStart;
        for (TensorEntry tensor : tensors) {
            if (tensor.begin() != at) {
                throw complaint(
                        name,
                        tensor.name(),
                        "starts at data byte " + (tensor.begin() - dataStart) + ", wanted " + (at - dataStart)
                                + (tensor.begin() < at ? ": it overlaps another" : ": there is a gap before it"));
            }
            at = tensor.end();
        }
        if (at != fileBytes) {
            throw new FormatException(name + ": is " + fileBytes + " bytes, its header wants " + at
                    + (at > fileBytes
                            ? ": the file is cut off, download it again"
                            : ": there is data behind the last tensor"));
        }
        SequencedMap<String, TensorEntry> entries = new LinkedHashMap<>();
        tensors.forEach(tensor -> entries.put(tensor.name(), tensor));
        return new Header(entries, Map.copyOf(metadata), dataStart);
    }

    private static Map<String, String> metadata(JsonNode node, String name) {
        Map<String, String> strings = new LinkedHashMap<>();
        if (!node.isObject()) {
            throw new FormatException(
                    name + ": __metadata__ is " + JsonFile.describe(node) + ", wanted an object of strings");
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isString()) {
                throw new FormatException(name + ": __metadata__." + field.getKey() + " is "
                        + JsonFile.describe(field.getValue()) + ", wanted a string");
            }
            strings.put(field.getKey(), field.getValue().stringValue());
        }
        return strings;
    }

    private static TensorEntry entry(String key, JsonNode node, String name, long dataStart) {
        StoredType type = Optional.of(node.path("dtype"))
                .filter(JsonNode::isString)
                .flatMap(dtype -> StoredType.named(dtype.stringValue()))
                .orElseThrow(() -> complaint(
                        name,
                        key,
                        "has dtype " + JsonFile.describe(node.path("dtype")) + ", which safetensors does not have"));
        long[] dims = longs(node.path("shape"))
                .orElseThrow(() -> complaint(
                        name,
                        key,
                        "has shape " + JsonFile.describe(node.path("shape")) + ", wanted a list of whole numbers"));
        long[] offsets = longs(node.path("data_offsets"))
                .filter(pair -> pair.length == 2 && pair[0] <= pair[1])
                .orElseThrow(() -> complaint(
                        name,
                        key,
                        "has data_offsets " + JsonFile.describe(node.path("data_offsets")) + ", wanted [begin, end]"));
        try {
            Shape shape = new Shape(dims);
            long bits = Math.multiplyExact(shape.elements(), type.bits());
            if (bits % 8 != 0 || bits / 8 != offsets[1] - offsets[0]) {
                throw complaint(
                        name,
                        key,
                        "of shape " + shape + " and dtype " + type + " has " + (offsets[1] - offsets[0])
                                + " bytes, wanted " + (bits % 8 == 0 ? Long.toString(bits / 8) : bits + " bits"));
            }
            return new TensorEntry(
                    key, type, shape, Math.addExact(dataStart, offsets[0]), Math.addExact(dataStart, offsets[1]));
        } catch (ArithmeticException e) {
            throw complaint(name, key, "of shape " + JsonFile.describe(node.path("shape")) + " does not fit any file");
        }
    }

    private static Optional<long[]> longs(JsonNode node) {
        if (!node.isArray()) {
            return Optional.empty();
        }
        long[] values = new long[node.size()];
        for (int i = 0; i < values.length; i++) {
            JsonNode item = node.get(i);
            if (!item.isIntegralNumber() || !item.canConvertToLong() || item.longValue() < 0) {
                return Optional.empty();
            }
            values[i] = item.longValue();
        }
        return Optional.of(values);
    }

    private static FormatException complaint(String file, String tensor, String what) {
        return new FormatException(file + ": tensor '" + tensor + "' " + what);
    }
}
