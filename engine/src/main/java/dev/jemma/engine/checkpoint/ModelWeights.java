package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.quantize.Quantizer;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.quantize.WeightsCache.Lookup;
import dev.jemma.engine.quantize.WeightsCache.Wanted;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The weights that a model computes with, by canonical name: those of the checkpoint where they lie, or converted to a
 * {@link WeightType}, or, where no kernel knows the stored type, to BF16. Conversions are kept in the user's cache and
 * mapped from there the next time; without room for them they are in this process's memory. Merging and saving read the
 * checkpoint, never these.
 *
 * <p>Borrows the checkpoint, owns the conversions; a second close is harmless. Safe for threads.
 */
public final class ModelWeights implements AutoCloseable {
    private static final double MIB = 1 << 20;

    private final Checkpoint checkpoint;
    private final Layout layout;
    private final WeightType type;
    private final Map<String, Tensor> converted;
    private final AutoCloseable owner;
    private final String origin;
    private final List<String> warnings;
    private boolean closed;

    private ModelWeights(
            Checkpoint checkpoint,
            WeightType type,
            Map<String, Tensor> converted,
            AutoCloseable owner,
            String origin,
            List<String> warnings) {
        this.checkpoint = checkpoint;
        this.layout = checkpoint.config().layout();
        this.type = type;
        this.converted = Map.copyOf(converted);
        this.owner = owner;
        this.origin = origin;
        this.warnings = List.copyOf(warnings);
    }

    /**
     * The checkpoint's own weights, where they lie.
     *
     * @throws IllegalArgumentException if no kernel knows the blocks of one, so that it must be converted
     *     ({@link #open})
     */
    public static ModelWeights asStored(Checkpoint checkpoint) {
        for (Parameter parameter : checkpoint.config().layout().stored()) {
            Weight weight = checkpoint.weight(parameter.name());
            if (weight.tensor().isEmpty()) {
                throw new IllegalArgumentException(checkpoint.path() + ": tensor '" + weight.name() + "' is "
                        + weight.type() + ", which kernels do not take; ModelWeights.open converts it");
            }
        }
        return asStored(checkpoint, WeightType.AUTO, List.of());
    }

    private static ModelWeights asStored(Checkpoint checkpoint, WeightType type, List<String> warnings) {
        return new ModelWeights(checkpoint, type, Map.of(), () -> {}, "as stored, which is exact", warnings);
    }

    /**
     * The weights of {@code checkpoint} as {@code type} wants them. What cannot be kept in {@code cache} is a warning.
     *
     * @param threads how many threads convert
     * @throws FormatException if the type does not hold a weight: an infinity, or no number
     * @throws IOException if the weights files cannot be read
     */
    public static ModelWeights open(Checkpoint checkpoint, WeightType type, WeightsCache cache, int threads)
            throws IOException {
        List<String> warnings = new ArrayList<>();
        SequencedMap<String, Wanted> wanted = wanted(checkpoint, type, warnings);
        if (wanted.isEmpty()) {
            return asStored(checkpoint, type, warnings);
        }
        long bytes = wanted.values().stream().mapToLong(Wanted::bytes).sum();
        try (Quantizer quantizer = new Quantizer(threads)) {
            if (cache.keeps(bytes)) {
                Path place = cache.place(checkpoint.files(), wanted);
                Lookup lookup = cache.find(place, wanted);
                if (lookup instanceof Lookup.Missing missing) {
                    missing.damage().ifPresent(damage -> warnings.add(damage + "; converted the weights anew"));
                    lookup = write(cache, place, wanted, quantizer, warnings);
                }
                if (lookup instanceof Lookup.Found found) {
                    String origin = "kept in " + place;
                    return new ModelWeights(checkpoint, type, found.tensors(), found.file(), origin, warnings);
                }
            }
            return inMemory(checkpoint, type, wanted, quantizer, warnings);
        } catch (IllegalArgumentException e) {
            throw new FormatException(
                    checkpoint.path() + ": weights cannot be " + type + ": " + e.getMessage()
                            + "; the model is broken, or use --weights auto",
                    e);
        }
    }

    private static SequencedMap<String, Wanted> wanted(Checkpoint checkpoint, WeightType type, List<String> warnings) {
        SequencedMap<String, Wanted> wanted = new LinkedHashMap<>();
        List<String> misfits = new ArrayList<>();
        for (Parameter parameter : checkpoint.config().layout().stored()) {
            String name = parameter.name();
            Weight weight = checkpoint.weight(name);
            DType target = WeightTargets.of(type, parameter, weight.dtype());
            if (!target.fits(weight.shape())) {
                misfits.add("'" + name + "' " + weight.shape());
                target = weight.dtype();
            }
            if (weight.tensor().isEmpty() || target != weight.dtype()) {
                wanted.put(name, new Wanted(weight.values(), weight.shape(), target));
            }
        }
        if (!misfits.isEmpty()) {
            warnings.add(misfits.size() + (misfits.size() == 1 ? " weight stays" : " weights stay")
                    + " as stored, because rows of " + type + " are blocks of 32: such as " + misfits.getFirst());
        }
        return wanted;
    }

    private static Lookup write(
            WeightsCache cache,
            Path place,
            SequencedMap<String, Wanted> wanted,
            Quantizer quantizer,
            List<String> warnings) {
        try {
            cache.write(place, wanted, quantizer);
            return cache.find(place, wanted);
        } catch (IOException e) {
            warnings.add("the converted weights cannot be kept in " + place + ": " + e.getMessage()
                    + "; they are converted at every start until they can");
            return new Lookup.Missing(Optional.empty());
        }
    }

    private static ModelWeights inMemory(
            Checkpoint checkpoint,
            WeightType type,
            SequencedMap<String, Wanted> wanted,
            Quantizer quantizer,
            List<String> warnings) {
        HostSlab slab = new HostSlab(wanted.values().stream()
                .mapToLong(tensor -> Slab.aligned(tensor.bytes()))
                .sum());
        try {
            Map<String, Tensor> converted = new LinkedHashMap<>();
            wanted.forEach((name, tensor) -> {
                Tensor target = slab.allocate(tensor.dtype(), tensor.shape().dims());
                try {
                    quantizer.convert(tensor.source(), 0, target);
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException("tensor '" + name + "': " + e.getMessage(), e);
                }
                converted.put(name, target);
            });
            return new ModelWeights(checkpoint, type, converted, slab, "in memory", warnings);
        } catch (Throwable e) {
            slab.close();
            throw e;
        }
    }

    /** The weight {@code name} (canonical), borrowed. The head of a tied model is its embedding. */
    public Tensor tensor(String name) {
        String key = layout.storedName(name);
        Tensor tensor = converted.get(key);
        return tensor == null ? checkpoint.weight(key).tensor().orElseThrow() : tensor;
    }

    /** What was asked for. */
    public WeightType type() {
        return type;
    }

    /** Whether any weight is another than the checkpoint's. */
    public boolean isConverted() {
        return !converted.isEmpty();
    }

    /** Bytes of all weights; a tied head counts once. */
    public long bytes() {
        return layout.stored().stream().mapToLong(this::bytes).sum();
    }

    private long bytes(Parameter parameter) {
        return tensor(parameter.name()).memory().bytes();
    }

    /** Bytes that a generated token reads: everything but embeddings, of which it reads a row. */
    public long bytesPerToken() {
        return layout.parameters().stream()
                .filter(parameter -> parameter.kind() != Parameter.Kind.EMBEDDING)
                .mapToLong(this::bytes)
                .sum();
    }

    /** What users should know, a line each. */
    public List<String> warnings() {
        return warnings;
    }

    /** For people: {@code weights q8 (Q8_0; 271.8 MiB), kept in FILE}. */
    public String description() {
        Map<DType, Long> elements = new EnumMap<>(DType.class);
        for (Parameter parameter : layout.stored()) {
            if (parameter.isModule()) {
                elements.merge(
                        tensor(parameter.name()).dtype(), parameter.shape().elements(), Long::sum);
            }
        }
        String types = elements.entrySet().stream()
                .sorted(Map.Entry.<DType, Long>comparingByValue().reversed())
                .map(entry -> entry.getKey().toString())
                .reduce((a, b) -> a + ", " + b)
                .orElse("none");
        return String.format(Locale.ROOT, "weights %s (%s; %.1f MiB), %s", type, types, bytes() / MIB, origin);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            owner.close();
        } catch (Exception e) {
            throw new IllegalStateException("closing failed: " + e.getMessage(), e);
        }
    }
}
