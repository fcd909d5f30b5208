package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;

/**
 * A file mapped read-only into memory as one segment, whatever its size. Safe for threads.
 *
 * <p>Closing unmaps the file, after which what was cut from it fails with {@link IllegalStateException}; a second close
 * is harmless. A file that another process truncates while it is mapped makes reads of the lost pages fail with an
 * {@link InternalError}: no JVM can rule that out, but {@link #checkUnchanged} notices it beforehand.
 */
public final class MappedFile implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Path path;
    private final MemorySegment data;
    private final FileTime modified;

    private MappedFile(Path path) throws IOException {
        this.path = path;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            modified = Files.getLastModifiedTime(path);
            data = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    /**
     * Maps {@code path}; reads nothing.
     *
     * @throws IOException if it cannot be opened
     */
    public static MappedFile open(Path path) throws IOException {
        return new MappedFile(path);
    }

    /** Where the file lies. */
    public Path path() {
        return path;
    }

    /** The file's name without its folder, as messages have it. */
    public String name() {
        return path.getFileName().toString();
    }

    /** The whole file; borrowed. */
    public MemorySegment data() {
        return data;
    }

    /** Size of the file in bytes. */
    public long bytes() {
        return data.byteSize();
    }

    /** New memory that lives as long as the mapping. */
    public MemorySegment allocate(long bytes, long alignment) {
        return arena.allocate(bytes, alignment);
    }

    /**
     * Compares the file on disk with what was mapped. Called when a session opens, so that weights replaced or cut off
     * under a running program are an error and not a crash or nonsense.
     *
     * @throws FormatException if size or modification time differ
     * @throws IOException if the file is gone
     */
    public void checkUnchanged() throws IOException {
        long now = Files.size(path);
        if (now != data.byteSize()) {
            throw FormatException.in(
                    path, "is " + now + " bytes, was " + data.byteSize() + " when it was opened; open the model again");
        }
        if (!Files.getLastModifiedTime(path).equals(modified)) {
            throw FormatException.in(path, "was written to after it was opened; open the model again");
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
