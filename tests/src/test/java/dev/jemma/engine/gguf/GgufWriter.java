package dev.jemma.engine.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Writes small GGUF files of version 3 for tests, without padding behind the last tensor, so that every byte of them
 * counts.
 */
public final class GgufWriter {
    private static final int ALIGNMENT = 32;

    private final SequencedMap<String, byte[]> pairs = new LinkedHashMap<>();
    private final List<Planned> tensors = new ArrayList<>();

    private record Planned(String name, GgmlType type, long[] dims, byte[] data) {}

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] string(byte[] utf8) {
        return buffer(8 + utf8.length).putLong(utf8.length).put(utf8).array();
    }

    private static byte[] string(String text) {
        return string(text.getBytes(StandardCharsets.UTF_8));
    }

    private GgufWriter pair(String key, GgufValue.Type type, byte[] value) {
        pairs.put(key, buffer(4 + value.length).putInt(type.id()).put(value).array());
        return this;
    }

    /** A UINT32. */
    public GgufWriter whole(String key, int value) {
        return pair(key, GgufValue.Type.UINT32, buffer(4).putInt(value).array());
    }

    /** A value of the type, as its bytes. */
    public GgufWriter raw(String key, GgufValue.Type type, byte... value) {
        return pair(key, type, value);
    }

    /** A FLOAT32. */
    public GgufWriter real(String key, float value) {
        return pair(key, GgufValue.Type.FLOAT32, buffer(4).putFloat(value).array());
    }

    /** A BOOL. */
    public GgufWriter flag(String key, boolean value) {
        return pair(key, GgufValue.Type.BOOL, new byte[] {(byte) (value ? 1 : 0)});
    }

    /** A STRING. */
    public GgufWriter text(String key, String value) {
        return pair(key, GgufValue.Type.STRING, string(value));
    }

    /** An array of INT32. */
    public GgufWriter ints(String key, int... values) {
        ByteBuffer bytes = buffer(12 + 4 * values.length);
        bytes.putInt(GgufValue.Type.INT32.id()).putLong(values.length);
        Arrays.stream(values).forEach(bytes::putInt);
        return pair(key, GgufValue.Type.ARRAY, bytes.array());
    }

    /** An array of FLOAT32. */
    public GgufWriter floats(String key, float... values) {
        ByteBuffer bytes = buffer(12 + 4 * values.length);
        bytes.putInt(GgufValue.Type.FLOAT32.id()).putLong(values.length);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return pair(key, GgufValue.Type.ARRAY, bytes.array());
    }

    /** An array of BOOL. */
    public GgufWriter flags(String key, boolean... values) {
        ByteBuffer bytes = buffer(12 + values.length);
        bytes.putInt(GgufValue.Type.BOOL.id()).putLong(values.length);
        for (boolean value : values) {
            bytes.put((byte) (value ? 1 : 0));
        }
        return pair(key, GgufValue.Type.ARRAY, bytes.array());
    }

    /** An array of STRING. */
    public GgufWriter texts(String key, List<String> values) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(buffer(12)
                .putInt(GgufValue.Type.STRING.id())
                .putLong(values.size())
                .array());
        values.forEach(value -> bytes.writeBytes(string(value)));
        return pair(key, GgufValue.Type.ARRAY, bytes.toByteArray());
    }

    /** Leaves a pair out again. */
    public GgufWriter without(String key) {
        pairs.remove(key);
        return this;
    }

    /** A tensor; {@code dims} outermost first, {@code data} its blocks. */
    public GgufWriter tensor(String name, GgmlType type, byte[] data, long... dims) {
        tensors.add(new Planned(name, type, dims, data));
        return this;
    }

    private static void align(ByteArrayOutputStream out) {
        out.writeBytes(new byte[-out.size() & ALIGNMENT - 1]);
    }

    /** The file. */
    public byte[] bytes() {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        head.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        head.writeBytes(buffer(20)
                .putInt(3)
                .putLong(tensors.size())
                .putLong(pairs.size())
                .array());
        pairs.forEach((key, value) -> {
            head.writeBytes(string(key));
            head.writeBytes(value);
        });
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (Planned tensor : tensors) {
            align(data);
            head.writeBytes(string(tensor.name));
            ByteBuffer info = buffer(16 + 8 * tensor.dims.length).putInt(tensor.dims.length);
            for (int i = tensor.dims.length - 1; i >= 0; i--) {
                info.putLong(tensor.dims[i]);
            }
            head.writeBytes(info.putInt(tensor.type.id()).putLong(data.size()).array());
            data.writeBytes(tensor.data);
        }
        if (!tensors.isEmpty()) {
            align(head);
        }
        head.writeBytes(data.toByteArray());
        return head.toByteArray();
    }

    /** Writes the file. */
    public Path write(Path file) throws IOException {
        return Files.write(file, bytes());
    }
}
