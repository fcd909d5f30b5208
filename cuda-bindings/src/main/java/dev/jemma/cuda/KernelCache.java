package dev.jemma.cuda;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Compiled programs on disk, one file each, named by the SHA-256 of all that the result depends on. A file is written
 * beside its place and moved there in one step, and carries its own checksum, so a reader sees a whole program or none;
 * anything else is a miss.
 */
final class KernelCache {
    private static final byte[] MAGIC = "JEMMAK1\n".getBytes(StandardCharsets.US_ASCII);
    private static final int CHECKSUM_BYTES = 32;

    /** A stored program. */
    record Entry(byte[] image, String log) {}

    private final Path folder;

    KernelCache(Path folder) {
        this.folder = folder;
    }

    /**
     * The name for a result that depends on exactly these.
     *
     * @param options everything the compiler is told, the target included
     * @param compiler its version
     */
    static String key(KernelSource source, List<String> options, String compiler) {
        MessageDigest digest = sha256();
        field(digest, compiler);
        field(digest, source.name());
        field(digest, source.text());
        field(digest, Integer.toString(source.headers().size())); // where the headers end and the options begin
        source.headers().forEach((name, text) -> {
            field(digest, name);
            field(digest, text);
        });
        options.forEach(option -> field(digest, option));
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Length before content, so that no two lists of fields give the same bytes. */
    private static void field(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(HexFormat.of().toHexDigits(bytes.length).getBytes(StandardCharsets.US_ASCII));
        digest.update(bytes);
    }

    Optional<Entry> find(String key) {
        try {
            return decode(Files.readAllBytes(file(key)));
        } catch (IOException e) {
            return Optional.empty(); // absent or unreadable: compile
        }
    }

    static Optional<Entry> decode(byte[] bytes) {
        if (bytes.length < MAGIC.length + CHECKSUM_BYTES
                || !Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            return Optional.empty();
        }
        byte[] body = Arrays.copyOfRange(bytes, MAGIC.length + CHECKSUM_BYTES, bytes.length);
        byte[] checksum = Arrays.copyOfRange(bytes, MAGIC.length, MAGIC.length + CHECKSUM_BYTES);
        if (!MessageDigest.isEqual(checksum, sha256().digest(body))) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
            String log = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
            return Optional.of(new Entry(in.readNBytes(in.readInt()), log));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    static byte[] encode(Entry entry) {
        try {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(body);
            byte[] log = entry.log().getBytes(StandardCharsets.UTF_8);
            out.writeInt(log.length);
            out.write(log);
            out.writeInt(entry.image().length);
            out.write(entry.image());
            ByteArrayOutputStream file = new ByteArrayOutputStream();
            file.write(MAGIC);
            file.write(sha256().digest(body.toByteArray()));
            body.writeTo(file);
            return file.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stores an entry; a folder that cannot be written costs a compilation next time and nothing else. */
    void store(String key, Entry entry) {
        Path temporary = folder.resolve(key + "." + ProcessHandle.current().pid() + "."
                + Thread.currentThread().threadId() + ".tmp");
        try {
            Files.createDirectories(folder);
            Files.write(temporary, encode(entry));
            try {
                Files.move(temporary, file(key), StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.delete(temporary);
            }
        } catch (IOException e) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
        }
    }

    private Path file(String key) {
        return folder.resolve(key + ".kernels");
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every Java platform has SHA-256", e);
        }
    }
}
