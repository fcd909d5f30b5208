package dev.jemma.engine.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file being written beside the place where it will stand. {@link #commit} brings its bytes to the disk and renames
 * it there, so that readers and a kill at any moment find the old file or the new one, never a part. Closing without a
 * commit deletes it. For one thread.
 */
public final class AtomicFile implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private boolean committed;

    private AtomicFile(Path target, Path temporary) throws IOException {
        this.target = target;
        this.temporary = temporary;
        this.channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /**
     * Starts a new content for {@code target}, whose folder must exist.
     *
     * @throws IOException if nothing can be written there
     */
    public static AtomicFile open(Path target) throws IOException {
        return new AtomicFile(target, temporaryBeside(target));
    }

    /** Replaces {@code target} by {@code content}, which is on the disk when this returns. */
    public static void write(Path target, byte[] content) throws IOException {
        try (AtomicFile file = open(target)) {
            file.write(ByteBuffer.wrap(content));
            file.commit();
        }
    }

    /** Appends the rest of {@code bytes}. */
    public void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Brings the content to the disk and puts it in its place. */
    public void commit() throws IOException {
        channel.force(true);
        channel.close();
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        committed = true;
        syncFolder(folderOf(target));
    }

    @Override
    public void close() throws IOException {
        channel.close();
        if (!committed) {
            Files.deleteIfExists(temporary);
        }
    }

    /**
     * Brings the names in {@code folder} to the disk: what makes a rename survive a power cut. Not every system has it.
     */
    static void syncFolder(Path folder) throws IOException {
        if (!System.getProperty("os.name").startsWith("Windows")) {
            try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
                names.force(true);
            }
        }
    }

    public static Path folderOf(Path target) {
        Path folder = target.toAbsolutePath().getParent();
        if (folder == null) {
            throw new IllegalArgumentException(target + " is a root, wanted a file or folder in one");
        }
        return folder;
    }

    /** A name that nobody has: hidden, and recognisable as left over by a kill. */
    static Path temporaryBeside(Path target) {
        String suffix = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
        return folderOf(target).resolve("." + target.getFileName() + "." + suffix + ".tmp");
    }
}
