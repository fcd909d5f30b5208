package dev.jemma.engine.safetensors;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.MappedFile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One safetensors file, mapped read-only into memory. Tensors are views of the mapping and cost nothing until they are
 * read. Safe for threads.
 *
 * <p>Closing unmaps the file, after which its tensors fail with {@link IllegalStateException}; a second close is
 * harmless. The format: <a href="https://github.com/huggingface/safetensors#format">huggingface/safetensors</a>.
 */
public final class SafetensorsFile implements AutoCloseable {
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MappedFile file;
    private final Header header;
    private final Map<String, MemorySegment> realigned = new ConcurrentHashMap<>();

    private SafetensorsFile(Path path) throws IOException {
        file = MappedFile.open(path);
        try {
            long bytes = file.bytes();
            if (bytes < Header.LENGTH_BYTES) {
                throw FormatException.in(path, "is " + bytes + " bytes, too short for a safetensors file");
            }
            long length = file.data().get(LENGTH, 0);
            long longest = Math.min(Header.MAX_JSON_BYTES, bytes - Header.LENGTH_BYTES);
            if (length < 0 || length > longest) {
                throw FormatException.in(
                        path,
                        "header length is " + Long.toUnsignedString(length) + ", wanted at most " + longest
                                + ": not a safetensors file, or cut off");
            }
            byte[] json = file.data().asSlice(Header.LENGTH_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
            header = Header.parse(json, file.name(), bytes);
        } catch (Throwable e) {
            file.close();
            throw e;
        }
    }

    /**
     * Maps {@code path} and checks its header; reads no tensor.
     *
     * @throws FormatException if it is not a safetensors file
     * @throws IOException if it cannot be opened
     */
    public static SafetensorsFile open(Path path) throws IOException {
        return new SafetensorsFile(path);
    }

    /** Where the file lies. */
    public Path path() {
        return file.path();
    }

    /** Size of the file in bytes. */
    public long bytes() {
        return file.bytes();
    }

    /** The tensors by name, in the order of their data. */
    public SequencedMap<String, TensorEntry> entries() {
        return Collections.unmodifiableSequencedMap(header.entries());
    }

    /** The names of the tensors, in the order of their data. */
    public SequencedSet<String> names() {
        return entries().sequencedKeySet();
    }

    /** The {@code __metadata__} strings, such as {@code format = pt}. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * The tensor {@code name}, borrowed: a view of the file. Only a tensor that the file does not align to its element
     * size is copied, once, into memory of this object.
     *
     * @throws IllegalArgumentException if there is none
     * @throws FormatException if Jemma does not read its element type
     */
    public Tensor tensor(String name) {
        TensorEntry entry = header.entries().get(name);
        if (entry == null) {
            throw new IllegalArgumentException(file.name() + ": has no tensor '" + name + "'");
        }
        Optional<DType> dtype = entry.type().dtype();
        if (dtype.isEmpty()) {
            throw FormatException.in(
                    path(),
                    "tensor '" + name + "' has dtype " + entry.type()
                            + ", which Jemma does not compute with; wanted one of " + StoredType.readable());
        }
        MemorySegment elements = file.data().asSlice(entry.begin(), entry.bytes());
        if (entry.begin() % dtype.get().alignment() != 0) {
            elements = realigned.computeIfAbsent(
                    name,
                    key -> file.allocate(entry.bytes(), 64)
                            .copyFrom(file.data().asSlice(entry.begin(), entry.bytes())));
        }
        return Tensor.host(dtype.get(), entry.shape(), elements);
    }

    /**
     * The bytes of the tensor {@code name}, whatever its element type; borrowed.
     *
     * @throws IllegalArgumentException if there is none
     */
    public MemorySegment bytes(String name) {
        TensorEntry entry = header.entries().get(name);
        if (entry == null) {
            throw new IllegalArgumentException(file.name() + ": has no tensor '" + name + "'");
        }
        return file.data().asSlice(entry.begin(), entry.bytes());
    }

    /** See {@link MappedFile#checkUnchanged}. */
    public void checkUnchanged() throws IOException {
        file.checkUnchanged();
    }

    @Override
    public void close() {
        file.close();
    }
}
