package dev.jemma.engine.tokenizer;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.io.CacheFolder;
import dev.jemma.engine.io.Digest;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Keeps parsed tokenizers as files, because the real tokenizer.json is 33 MB. A cache file belongs to one source, a
 * tokenizer.json or the head of a GGUF file: to its path, size, time and the checksum of its bytes; it carries a
 * checksum of its own and is written beside its place and moved there, so that one that is stale, cut off or damaged is
 * noticed and made anew. Whoever cannot write it parses every time.
 */
final class TokenizerCache {
    /** Below this a file is parsed as fast as a cache file is found. */
    static final long SMALLEST = 1 << 20;

    private static final long MAGIC = 0x3130304B544D454AL; // "JEMTK001": the last three digits are the layout's version
    private static final int HEADER = 6 * Long.BYTES;

    private final Path folder;
    private final long smallest;

    /**
     * @param folder where cache files lie; made when first needed
     * @param smallest files below this many bytes are not cached
     */
    TokenizerCache(Path folder, long smallest) {
        this.folder = folder;
        this.smallest = smallest;
    }

    /** The cache in the user's cache folder. */
    static TokenizerCache standard() {
        return new TokenizerCache(CacheFolder.path().resolve("tokenizers"), SMALLEST);
    }

    /** What makes a tokenizer of its source. */
    interface Parser {
        TokenizerData parse() throws IOException;
    }

    /** The parsed content of a tokenizer.json. */
    TokenizerData load(Path file) {
        try {
            return load(file, Files.size(file), () -> TokenizerJson.read(file, Files.readAllBytes(file)));
        } catch (NoSuchFileException missing) {
            throw new FormatException(file + ": no such file, wanted a " + Tokenizer.FILE, missing);
        } catch (IOException unreadable) {
            throw new FormatException(
                    file + ": cannot be read as a " + Tokenizer.FILE + ": " + unreadable.getMessage(), unreadable);
        }
    }

    /**
     * What {@code parser} makes of the first {@code bytes} bytes of a file.
     *
     * @throws IOException if the file cannot be read
     */
    TokenizerData load(Path file, long bytes, Parser parser) throws IOException {
        if (bytes < smallest) {
            return parser.parse();
        }
        Key key = Key.of(file, bytes);
        Path cached = folder.resolve(key.name() + ".bin");
        Optional<TokenizerData> found = read(cached, key);
        if (found.isPresent()) {
            return found.get();
        }
        TokenizerData parsed = parser.parse();
        write(cached, key, parsed);
        return parsed;
    }

    private static Optional<TokenizerData> read(Path cached, Key key) {
        try (FileChannel channel = FileChannel.open(cached, StandardOpenOption.READ)) {
            ByteBuffer bytes =
                    ByteBuffer.allocateDirect(Math.toIntExact(channel.size())).order(ByteOrder.LITTLE_ENDIAN);
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // a file's bytes may come in pieces
            }
            bytes.flip();
            boolean fits = bytes.remaining() >= HEADER
                    && bytes.getLong() == MAGIC
                    && bytes.getLong() == key.size
                    && bytes.getLong() == key.modified
                    && bytes.getLong() == key.checksum
                    && bytes.getLong() == bytes.limit() - HEADER
                    && bytes.getLong() == checksum(bytes.duplicate());
            return fits ? Optional.of(TokenizerPacking.unpack(bytes)) : Optional.empty();
        } catch (IOException | ArithmeticException | IllegalArgumentException | BufferUnderflowException unusable) {
            return Optional.empty();
        }
    }

    private void write(Path cached, Key key, TokenizerData data) {
        ByteBuffer body = TokenizerPacking.pack(data);
        ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(MAGIC).putLong(key.size).putLong(key.modified).putLong(key.checksum);
        header.putLong(body.remaining()).putLong(checksum(body.duplicate())).flip();
        try {
            Files.createDirectories(folder);
            try (AtomicFile file = AtomicFile.open(cached)) {
                file.write(header);
                file.write(body);
                file.commit();
            }
        } catch (IOException unwritable) {
            // A cache that cannot be written costs time, nothing else.
        }
    }

    private static long checksum(ByteBuffer bytes) {
        var crc = new CRC32C();
        crc.update(bytes);
        return crc.getValue();
    }

    /** Which bytes a cache file was made from. */
    private record Key(String path, long size, long modified, long checksum) {
        /**
         * Reads the first {@code bytes} bytes through in pieces: a few milliseconds for 33 MB that the system has at
         * hand.
         */
        static Key of(Path file, long bytes) throws IOException {
            Path real = file.toRealPath();
            long modified = Files.getLastModifiedTime(real).toMillis();
            var crc = new CRC32C();
            long size = Files.size(real);
            ByteBuffer piece = ByteBuffer.allocateDirect(1 << 20);
            try (FileChannel channel = FileChannel.open(real, StandardOpenOption.READ)) {
                for (long left = bytes; left > 0; left -= piece.limit()) {
                    piece.clear().limit((int) Math.min(piece.capacity(), left));
                    if (channel.read(piece) < 0) {
                        break;
                    }
                    crc.update(piece.flip());
                }
            }
            return new Key(real.toString(), size, modified, crc.getValue());
        }

        /**
         * A name for the path: the same for every version of the file, so that a new one takes the place of the old.
         */
        String name() {
            return new Digest().add(path).hex(12);
        }
    }
}
