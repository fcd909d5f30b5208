package dev.jemma.engine.safetensors;

import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a safetensors file as a stream, atomically: what is in {@code target} is the old content or the new one. The
 * tensors are planned first, then their bytes are appended in {@link #order}: larger element types first, then by name,
 * as the reference implementation sorts them, which keeps every tensor aligned and the file the same for the same
 * content. For one thread.
 */
public final class SafetensorsWriter implements AutoCloseable {
    /** What PyTorch's writers put into {@code __metadata__}; some readers insist on it. */
    public static final Map<String, String> PYTORCH = Map.of("format", "pt");

    /** A mapped segment can be larger than a buffer. */
    private static final long CHUNK = 1L << 24;

    private static final JsonMapper MAPPER = JsonMapper.shared();

    /**
     * A tensor to come.
     *
     * @param name its key
     * @param type element type
     * @param shape dimensions
     */
    public record Planned(String name, StoredType type, Shape shape) {
        /** A tensor of a type that Jemma computes with. */
        public static Planned of(String name, DType dtype, Shape shape) {
            return new Planned(name, StoredType.of(dtype), shape);
        }

        /** Size in bytes. */
        public long bytes() {
            return Math.multiplyExact(shape.elements(), type.bits()) / 8;
        }
    }

    private final AtomicFile file;
    private final List<Planned> order;
    private final long end;
    private long written;

    /**
     * Starts a file of {@code tensors}.
     *
     * @throws IllegalArgumentException if two have the same name
     * @throws IOException if nothing can be written there
     */
    public SafetensorsWriter(Path target, List<Planned> tensors, Map<String, String> metadata) throws IOException {
        order = tensors.stream()
                .sorted(Comparator.comparing((Planned tensor) -> -tensor.type().bits())
                        .thenComparing(Planned::name))
                .toList();
        end = order.stream().mapToLong(Planned::bytes).sum();
        ByteBuffer header = header(order, metadata);
        file = AtomicFile.open(target);
        try {
            file.write(header);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /** Writes all of {@code tensors} to {@code target}. */
    public static void write(Path target, SequencedMap<String, Tensor> tensors, Map<String, String> metadata)
            throws IOException {
        List<Planned> planned = new ArrayList<>();
        tensors.forEach((name, tensor) -> planned.add(Planned.of(name, tensor.dtype(), tensor.shape())));
        try (SafetensorsWriter writer = new SafetensorsWriter(target, planned, metadata)) {
            for (Planned next : writer.order()) {
                Tensor tensor = tensors.get(next.name());
                if (tensor != null) {
                    writer.append(tensor.segment());
                }
            }
            writer.commit();
        }
    }

    private static ByteBuffer header(List<Planned> order, Map<String, String> metadata) {
        ObjectNode root = MAPPER.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode strings = root.putObject("__metadata__");
            new TreeMap<>(metadata).forEach(strings::put);
        }
        long at = 0;
        for (Planned tensor : order) {
            if (root.has(tensor.name())) {
                throw new IllegalArgumentException("two tensors are named '" + tensor.name() + "'");
            }
            ObjectNode entry = root.putObject(tensor.name());
            entry.put("dtype", tensor.type().name());
            Arrays.stream(tensor.shape().dims()).forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(at).add(at += tensor.bytes());
        }
        byte[] json = MAPPER.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
        int padded = Math.ceilDiv(json.length, 8) * 8;
        byte[] bytes = new byte[(int) Header.LENGTH_BYTES + padded];
        Arrays.fill(bytes, (byte) ' ');
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(0, padded).put((int) Header.LENGTH_BYTES, json);
        return buffer;
    }

    /** The tensors in the order in which their bytes are to be appended. */
    public List<Planned> order() {
        return order;
    }

    /** Appends bytes of the next tensor; one may come in several parts. */
    public void append(MemorySegment bytes) throws IOException {
        if (bytes.byteSize() > end - written) {
            throw new IllegalArgumentException(
                    "more bytes than the planned tensors have: " + (written + bytes.byteSize()) + ", wanted " + end);
        }
        for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
            file.write(bytes.asSlice(at, Math.min(CHUNK, bytes.byteSize() - at)).asByteBuffer());
        }
        written += bytes.byteSize();
    }

    /** Puts the finished file in its place. */
    public void commit() throws IOException {
        if (written != end) {
            throw new IllegalArgumentException(written + " bytes of tensors were written, " + end + " were planned");
        }
        file.commit();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
