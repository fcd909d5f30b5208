package dev.jemma.engine.quantize;

import dev.jemma.engine.io.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Tells weights files apart without reading gigabytes: a hash of each file's size, its time of modification to the
 * nanosecond, its first 64 KiB (the header with names and offsets) and 64 pages spread evenly over the rest.
 *
 * <p>Names and folders do not count: a model that was moved keeps what was made from it. The samples tell two
 * fine-tunes of one model apart, whose sizes and headers are the same; the time tells a file from itself after an edit
 * that the samples miss, at the price that a copy with a new time is another file.
 */
final class FileIdentity {
    private static final int HEAD = 1 << 16;
    private static final int PAGE = 1 << 12;
    private static final int PAGES = 64;

    private FileIdentity() {}

    /** 32 hex digits for {@code files}, in this order, and {@code purpose}. */
    static String of(List<Path> files, String purpose) throws IOException {
        Digest digest = new Digest();
        for (Path file : files) {
            add(file, digest);
        }
        return digest.add(purpose).hex(16);
    }

    private static void add(Path file, Digest digest) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            ByteBuffer numbers = ByteBuffer.allocate(2 * Long.BYTES);
            numbers.putLong(size)
                    .putLong(Files.getLastModifiedTime(file).to(TimeUnit.NANOSECONDS))
                    .flip();
            digest.add(numbers);
            add(channel, 0, HEAD, digest);
            for (long i = 1; i <= PAGES; i++) {
                add(channel, Math.max(0, size - PAGE) * i / PAGES, PAGE, digest);
            }
        }
    }

    private static void add(FileChannel channel, long at, int length, Digest digest) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining() && channel.read(bytes, at + bytes.position()) >= 0) {
            // bytes may come in pieces
        }
        digest.add(bytes.flip());
    }
}
