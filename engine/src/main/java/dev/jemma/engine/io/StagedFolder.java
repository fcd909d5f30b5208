package dev.jemma.engine.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * A folder being filled beside the place where it will stand. {@link #commit} brings everything in it to the disk and
 * renames it there in one step. Closing without a commit deletes it. For one thread.
 */
public final class StagedFolder implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private boolean committed;

    private StagedFolder(Path target, Path temporary) throws IOException {
        this.target = target;
        this.temporary = Files.createDirectory(temporary);
    }

    /**
     * Starts the folder {@code target}, which must not exist or be empty; its parents are created.
     *
     * @throws IllegalArgumentException if something is there
     * @throws IOException if nothing can be written there
     */
    public static StagedFolder open(Path target) throws IOException {
        refuseOccupied(target);
        Files.createDirectories(AtomicFile.folderOf(target));
        return new StagedFolder(target, AtomicFile.temporaryBeside(target));
    }

    private static void refuseOccupied(Path target) throws IOException {
        if (Files.isDirectory(target)) {
            try (DirectoryStream<Path> content = Files.newDirectoryStream(target)) {
                if (content.iterator().hasNext()) {
                    throw new IllegalArgumentException(target + ": is not empty, wanted a new or empty folder");
                }
            }
        } else if (Files.exists(target)) {
            throw new IllegalArgumentException(target + ": is a file, wanted a new or empty folder");
        }
    }

    /** Where to put the content meanwhile. */
    public Path path() {
        return temporary;
    }

    /** Brings the content to the disk and the folder to its place. */
    public void commit() throws IOException {
        Files.walkFileTree(temporary, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                AtomicFile.syncFolder(folder);
                return FileVisitResult.CONTINUE;
            }
        });
        Files.deleteIfExists(target);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        committed = true;
        AtomicFile.syncFolder(AtomicFile.folderOf(target));
    }

    @Override
    public void close() throws IOException {
        if (!committed) {
            delete(temporary);
        }
    }

    /** Deletes {@code folder} and everything in it, if it is there. Links are deleted, not followed. */
    public static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                    throws IOException {
                if (failure != null) {
                    throw failure;
                }
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
