package dev.jemma.engine.gguf;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.MappedFile;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * One GGUF file of version 2 or 3, little-endian, mapped read-only into memory. Tensors are views of the mapping and
 * cost nothing until they are read. Safe for threads.
 *
 * <p>Closing unmaps the file, after which its tensors and texts fail with {@link IllegalStateException}; a second close
 * is harmless. The format: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">ggml/docs/gguf.md</a>.
 */
public final class GgufFile implements AutoCloseable {
    /** How such files are named. */
    public static final String SUFFIX = ".gguf";

    private final MappedFile file;
    private final GgufHeader header;

    private GgufFile(MappedFile file, GgufHeader header) {
        this.file = file;
        this.header = header;
    }

    /**
     * Maps {@code path} and checks its head; reads no tensor.
     *
     * @throws FormatException if it is not such a file; the message says at which byte
     * @throws IOException if it cannot be opened
     */
    public static GgufFile open(Path path) throws IOException {
        MappedFile file = MappedFile.open(path);
        try {
            return new GgufFile(file, GgufHeader.parse(file.data(), file.name()));
        } catch (Throwable e) {
            file.close();
            throw e;
        }
    }

    /** Where the file lies. */
    public Path path() {
        return file.path();
    }

    /** The file's name without its folder, as messages have it. */
    public String name() {
        return file.name();
    }

    /** Size of the file in bytes. */
    public long bytes() {
        return file.bytes();
    }

    /** Size of metadata and tensor infos in bytes, from the beginning of the file on. */
    public long headBytes() {
        return header.bytes();
    }

    /** Version of the format: 2 or 3. */
    public int version() {
        return header.version();
    }

    /** The key-value pairs; borrowed. */
    public Metadata metadata() {
        return header.metadata();
    }

    /** The tensors by llama.cpp's name, in the order of their data. */
    public SequencedMap<String, GgufTensor> tensors() {
        return Collections.unmodifiableSequencedMap(header.tensors());
    }

    /**
     * What the head says about the tensor {@code name}.
     *
     * @throws IllegalArgumentException if there is none
     */
    public GgufTensor entry(String name) {
        GgufTensor entry = header.tensors().get(name);
        if (entry == null) {
            throw new IllegalArgumentException(name() + ": has no tensor '" + name + "'");
        }
        return entry;
    }

    /**
     * The blocks of the tensor {@code name} as they lie in the file; borrowed.
     *
     * @throws IllegalArgumentException if there is none
     */
    public MemorySegment data(String name) {
        GgufTensor entry = entry(name);
        return file.data().asSlice(entry.begin(), entry.bytes());
    }

    /**
     * The tensor {@code name} in place, borrowed; empty if kernels have no type of that name, so that it must be
     * decoded.
     *
     * @throws IllegalArgumentException if there is none
     */
    public Optional<Tensor> inPlace(String name) {
        GgufTensor entry = entry(name);
        Optional<DType> dtype = entry.type().dtype();
        return dtype.map(type -> Tensor.host(type, entry.shape(), data(name)));
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
