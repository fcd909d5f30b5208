package dev.jemma.engine.quantize;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.CacheFolder;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * Converted weights as files, so that a model is converted once and mapped afterwards. A file is a safetensors file
 * whose tensors are opaque bytes, with their types among its metadata; it is written beside its place, synced and
 * renamed, so that a kill leaves the old file or the new one.
 *
 * <p>Finding reads headers and a few pages: the size, the layout and the checksums of three pages a tensor are
 * compared, which notices a file that is cut off, filled with zeros or overwritten; a flipped bit elsewhere would be
 * one wrong weight. A file that is found gets a new time; one that was not for two months is deleted when another is
 * written, because what it was made from is gone, or nobody wants it. Safe for several processes.
 */
public final class WeightsCache {
    /** Goes up whenever {@link dev.jemma.engine.tensor.Quantization} gives other bits or the file's layout changes. */
    private static final String VERSION = "2";

    /** Below this many bytes weights are converted as fast as a file is found. */
    public static final long SMALLEST = 1 << 22;

    private static final String SUFFIX = ".safetensors";
    private static final String VERSION_KEY = "jemma.weights";

    /** Sorts behind every weight's name: known when all are written. */
    private static final String CHECKSUMS = "~checksums";

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final Duration ABANDONED = Duration.ofDays(1);
    private static final Duration UNUSED = Duration.ofDays(60);

    private final Path folder;
    private final long smallest;

    /**
     * A tensor to be converted.
     *
     * @param source its values, borrowed; read only if there is no file to map
     * @param shape its dimensions
     * @param dtype the type it shall have
     */
    public record Wanted(Values source, Shape shape, DType dtype) {
        /** Size after conversion. */
        public long bytes() {
            return dtype.bytes(shape);
        }

        private String form() {
            return dtype + " " + shape;
        }
    }

    /** What the cache has. */
    public sealed interface Lookup {
        /**
         * The converted weights; the caller closes {@code file}.
         *
         * @param tensors by name, borrowed from the file
         */
        record Found(SafetensorsFile file, Map<String, Tensor> tensors) implements Lookup {}

        /** No file, or one that cannot be used: then {@code damage} says why. */
        record Missing(Optional<String> damage) implements Lookup {}
    }

    /**
     * @param folder where the files lie; made when first needed
     * @param smallest weights below this many bytes are not kept
     */
    public WeightsCache(Path folder, long smallest) {
        this.folder = folder;
        this.smallest = smallest;
    }

    /** The cache in the user's cache folder. */
    public static WeightsCache standard() {
        return new WeightsCache(CacheFolder.path().resolve("weights"), SMALLEST);
    }

    /** Keeps nothing: weights are converted into memory. */
    public static WeightsCache none() {
        return new WeightsCache(Path.of(""), Long.MAX_VALUE);
    }

    /** Whether weights of this size are kept. */
    public boolean keeps(long bytes) {
        return bytes >= smallest;
    }

    /** Where {@code wanted}, made from the weights in {@code files}, lies or would lie. */
    public Path place(List<Path> files, SequencedMap<String, Wanted> wanted) throws IOException {
        StringBuilder purpose = new StringBuilder(VERSION);
        inOrder(wanted)
                .forEach((name, tensor) ->
                        purpose.append('\n').append(name).append(' ').append(tensor.form()));
        return folder.resolve(FileIdentity.of(files, purpose.toString()) + SUFFIX);
    }

    /** Maps the file at {@code place} if it holds {@code wanted}. */
    public Lookup find(Path place, SequencedMap<String, Wanted> wanted) {
        if (!Files.exists(place)) {
            return new Lookup.Missing(Optional.empty());
        }
        try {
            SafetensorsFile file = SafetensorsFile.open(place);
            try {
                Lookup found = new Lookup.Found(file, tensors(file, wanted));
                markUsed(place);
                return found;
            } catch (Throwable e) {
                file.close();
                throw e;
            }
        } catch (NoSuchFileException removed) {
            return new Lookup.Missing(Optional.empty());
        } catch (IOException | FormatException | IllegalArgumentException damaged) {
            return new Lookup.Missing(Optional.of(String.valueOf(damaged.getMessage())));
        }
    }

    private static Map<String, Tensor> tensors(SafetensorsFile file, SequencedMap<String, Wanted> wanted) {
        if (!VERSION.equals(file.metadata().get(VERSION_KEY))) {
            throw FormatException.in(file.path(), "is of another version");
        }
        MemorySegment sums = file.bytes(CHECKSUMS);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        long at = 0;
        for (Map.Entry<String, Wanted> each : inOrder(wanted).entrySet()) {
            String name = each.getKey();
            Wanted tensor = each.getValue();
            MemorySegment bytes = file.bytes(name);
            if (!tensor.form().equals(file.metadata().get(name))
                    || at + Long.BYTES > sums.byteSize()
                    || sums.get(LONG, at) != SampledChecksum.of(bytes)) {
                throw FormatException.in(file.path(), "tensor '" + name + "' is not what was written");
            }
            tensors.put(name, Tensor.host(tensor.dtype(), tensor.shape(), bytes));
            at += Long.BYTES;
        }
        return tensors;
    }

    /** The order in which a file has the tensors: that of their names. */
    private static SequencedMap<String, Wanted> inOrder(SequencedMap<String, Wanted> wanted) {
        return new TreeMap<>(wanted);
    }

    /**
     * Converts {@code wanted} into a file at {@code place}, a part at a time: neither the whole of the weights nor of a
     * tensor is ever in memory.
     *
     * @throws IOException if it cannot be written, for want of space among others
     * @throws IllegalArgumentException if a type does not hold a value; names tensor and row
     */
    public void write(Path place, SequencedMap<String, Wanted> wanted, Quantizer quantizer) throws IOException {
        Files.createDirectories(folder);
        removeOld(".*.tmp", ABANDONED); // of processes that were killed
        removeOld("*" + SUFFIX, UNUSED);
        long bytes = wanted.values().stream().mapToLong(Wanted::bytes).sum();
        long free = Files.getFileStore(folder).getUsableSpace();
        if (free < bytes) {
            throw new IOException("needs " + bytes + " bytes, " + free + " are free");
        }
        List<Planned> planned = new ArrayList<>();
        Map<String, String> metadata = new LinkedHashMap<>(Map.of(VERSION_KEY, VERSION));
        wanted.forEach((name, tensor) -> {
            planned.add(new Planned(name, StoredType.U8, Shape.of(tensor.bytes())));
            metadata.put(name, tensor.form());
        });
        planned.add(new Planned(CHECKSUMS, StoredType.U8, Shape.of((long) wanted.size() * Long.BYTES)));
        try (Arena arena = Arena.ofShared();
                SafetensorsWriter writer = new SafetensorsWriter(place, planned, metadata)) {
            MemorySegment sums = arena.allocate((long) wanted.size() * Long.BYTES, 8);
            MemorySegment scratch = arena.allocate(scratchBytes(wanted), 64);
            long at = 0;
            for (Map.Entry<String, Wanted> each : inOrder(wanted).entrySet()) {
                sums.set(LONG, at, append(writer, each.getKey(), each.getValue(), scratch, quantizer));
                at += Long.BYTES;
            }
            writer.append(sums);
            writer.commit();
        }
    }

    private static final long PART_BYTES = 1L << 24;

    private static long rowBytes(Wanted tensor) {
        return tensor.dtype().bytes(tensor.shape().dim(-1));
    }

    private static long scratchBytes(SequencedMap<String, Wanted> wanted) {
        return wanted.values().stream()
                .mapToLong(tensor -> Math.max(PART_BYTES, rowBytes(tensor)))
                .max()
                .orElse(0);
    }

    private static long append(
            SafetensorsWriter writer, String name, Wanted tensor, MemorySegment scratch, Quantizer quantizer)
            throws IOException {
        SampledChecksum sum = new SampledChecksum(tensor.bytes());
        long rowBytes = rowBytes(tensor);
        long rows = tensor.shape().dim(0);
        long columns = tensor.shape().dim(-1);
        long step = scratch.byteSize() / rowBytes;
        for (long from = 0; from < rows; from += step) {
            long to = Math.min(rows, from + step);
            Tensor part = Tensor.host(
                    tensor.dtype(), Shape.of(to - from, columns), scratch.asSlice(0, (to - from) * rowBytes));
            try {
                quantizer.convert(tensor.source(), from * columns, part);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("tensor '" + name + "' from row " + from + ": " + e.getMessage(), e);
            }
            sum.add(part.segment());
            writer.append(part.segment());
        }
        return sum.value();
    }

    private void removeOld(String pattern, Duration age) throws IOException {
        FileTime old = FileTime.from(Instant.now().minus(age));
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, pattern)) {
            for (Path file : files) {
                try {
                    if (Files.getLastModifiedTime(file).compareTo(old) < 0) {
                        Files.deleteIfExists(file);
                    }
                } catch (NoSuchFileException removed) {
                    // by another process
                }
            }
        }
    }

    private static void markUsed(Path file) {
        try {
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
        } catch (IOException notOurs) {
            // Whoever may write to a cache that several people read keeps it tidy.
        }
    }
}
