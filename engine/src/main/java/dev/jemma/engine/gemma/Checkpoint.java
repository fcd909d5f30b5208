package dev.jemma.engine.gemma;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A model folder as Hugging Face lays it out, opened: config.json, generation_config.json, the mapped weights by canonical name,
 * chat templates, and where the tokenizer lies. Opening reads headers and configs only, whatever the size of the weights.
 *
 * <p>Owns the mappings; tensors are borrowed from it and die with it. A second close is harmless. Safe for threads.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String CONFIG = "config.json";

    /** Of each weight, in {@link #fingerprint}. */
    private static final long SAMPLED_BYTES = 1024;

    /** Buffers that old versions of transformers saved beside the weights. */
    private static final String ROTARY_BUFFER = "rotary_emb.inv_freq";

    private final Path folder;
    private final GemmaConfig config;
    private final GenerationConfig generation;
    private final ChatTemplates templates;
    private final Shards shards;
    private final SequencedMap<String, String> storedNames;
    private final List<String> warnings;

    private Checkpoint(
            Path folder,
            GemmaConfig config,
            GenerationConfig generation,
            ChatTemplates templates,
            Shards shards,
            SequencedMap<String, String> storedNames,
            List<String> warnings) {
        this.folder = folder;
        this.config = config;
        this.generation = generation;
        this.templates = templates;
        this.shards = shards;
        this.storedNames = storedNames;
        this.warnings = List.copyOf(warnings);
    }

    /**
     * Opens the model in {@code folder} and checks every tensor's name, shape and element type against config.json.
     *
     * @throws FormatException if it is not a Gemma that Jemma runs; tensors that do not fit are all named at once
     * @throws IOException if a file cannot be read
     */
    public static Checkpoint open(Path folder) throws IOException {
        Path configFile = folder.resolve(CONFIG);
        if (!Files.exists(configFile)) {
            throw new FormatException(folder + ": has no " + CONFIG
                    + (Files.exists(folder.resolve("adapter_config.json"))
                            ? "; it is a LoRA adapter, wanted the model it belongs to"
                            : "; wanted a model folder as Hugging Face lays it out"));
        }
        GemmaConfig.Parsed parsed = GemmaConfig.read(configFile);
        List<String> warnings = new ArrayList<>(parsed.warnings());
        GenerationConfig generation = GenerationConfig.read(folder, parsed.config());
        warnings.addAll(generation.warnings());
        ChatTemplates templates = ChatTemplates.find(folder);
        Shards shards = Shards.open(folder);
        try {
            Problems problems = new Problems();
            SequencedMap<String, String> stored = canonicalNames(shards, problems);
            GemmaConfig config = resolveTying(parsed.config(), shards, stored, warnings);
            check(config, shards, stored, problems, warnings);
            problems.throwIfAny();
            return new Checkpoint(folder, config, generation, templates, shards, stored, warnings);
        } catch (Throwable e) {
            shards.close();
            throw e;
        }
    }

    private static SequencedMap<String, String> canonicalNames(Shards shards, Problems problems) {
        SequencedMap<String, String> stored = new LinkedHashMap<>();
        for (String name : shards.names()) {
            if (name.endsWith(ROTARY_BUFFER)) {
                continue;
            }
            TensorNames.canonical(name).ifPresent(canonical -> {
                String other = stored.putIfAbsent(canonical, name);
                if (other != null) {
                    problems.add(place(shards, name) + " and '" + other + "' are both " + canonical);
                }
            });
        }
        return stored;
    }

    /**
     * transformers ties the head to the embedding if config.json says so and the file does not hold two different ones
     * (modeling_utils.py, tie_weights). Both are compared only where both are there.
     */
    private static GemmaConfig resolveTying(
            GemmaConfig config, Shards shards, Map<String, String> stored, List<String> warnings) {
        String head = stored.get(GemmaConfig.HEAD);
        if (!config.tieWordEmbeddings() || head == null) {
            return config;
        }
        String embedding = stored.get(GemmaConfig.EMBEDDING);
        if (embedding == null) {
            stored.put(GemmaConfig.EMBEDDING, head);
            stored.remove(GemmaConfig.HEAD);
            return config;
        }
        if (shards.entry(head).type() == shards.entry(embedding).type()
                && shards.entry(head).type().dtype().isPresent()
                && shards.tensor(head)
                                .segment()
                                .mismatch(shards.tensor(embedding).segment())
                        < 0) {
            stored.remove(GemmaConfig.HEAD);
            return config;
        }
        warnings.add(CONFIG + ": tie_word_embeddings is true, but " + head + " and " + embedding
                + " differ; Jemma keeps both, as transformers does");
        return config.withTiedHead(false);
    }

    private static void check(
            GemmaConfig config, Shards shards, Map<String, String> stored, Problems problems, List<String> warnings) {
        SequencedMap<String, Shape> wanted = config.weights();
        wanted.forEach((canonical, shape) -> {
            String name = stored.get(canonical);
            if (name == null) {
                problems.add(weightsFile(shards) + ": has no tensor '" + canonical + "', " + CONFIG
                        + " wants it with shape " + shape);
                return;
            }
            TensorEntry entry = shards.entry(name);
            if (!entry.shape().equals(shape)) {
                problems.add(place(shards, name) + " has shape " + entry.shape() + ", " + CONFIG + " wants " + shape);
            }
            if (entry.type().dtype().filter(DType::isFloat).isEmpty()) {
                problems.add(place(shards, name) + " has dtype " + entry.type()
                        + ", wanted F32, F16 or BF16; Jemma does not compute with other stored types");
            }
        });
        List<String> unexpected = stored.keySet().stream()
                .filter(name -> !wanted.containsKey(name))
                .toList();
        if (!unexpected.isEmpty()) {
            warnings.add(weightsFile(shards) + ": " + unexpected.size() + " tensors have no place in a "
                    + config.family().title() + " of " + config.numHiddenLayers()
                    + " layers and are not read, such as '"
                    + unexpected.getFirst() + "'");
        }
    }

    private static String place(Shards shards, String name) {
        return shards.file(name).path().getFileName() + ": tensor '" + name + "'";
    }

    private static String weightsFile(Shards shards) {
        return shards.files().size() == 1
                ? shards.files().getFirst().path().getFileName().toString()
                : Shards.INDEX;
    }

    /** The folder it was opened from. */
    public Path folder() {
        return folder;
    }

    /** Shape and constants. {@code tieWordEmbeddings} tells what the weights really are. */
    public GemmaConfig config() {
        return config;
    }

    /** How the model wants to be sampled. */
    public GenerationConfig generation() {
        return generation;
    }

    /** The chat templates in the folder, possibly none. */
    public ChatTemplates templates() {
        return templates;
    }

    /** What users should know about the files: unknown keys, unread tensors; a line each. */
    public List<String> warnings() {
        return warnings;
    }

    /** The tokenizer.json, if there is one. */
    public Optional<Path> tokenizer() {
        return Optional.of(folder.resolve("tokenizer.json")).filter(Files::exists);
    }

    /** The canonical names of the tensors in the files, used or not. */
    public List<String> names() {
        return List.copyOf(storedNames.keySet());
    }

    /** What the files say about the weight {@code name} (canonical), under its stored name. */
    public TensorEntry entry(String name) {
        return shards.entry(storedName(name));
    }

    /** The weight {@code name} (canonical), borrowed, in its stored type. The head of a tied model is its embedding. */
    public Tensor tensor(String name) {
        return shards.tensor(storedName(name));
    }

    private String storedName(String name) {
        String stored = storedNames.get(name);
        if (stored == null && name.equals(GemmaConfig.HEAD) && config.tieWordEmbeddings()) {
            stored = storedNames.get(GemmaConfig.EMBEDDING);
        }
        if (stored == null) {
            throw new IllegalArgumentException(folder + ": has no tensor '" + name + "'");
        }
        return stored;
    }

    /** The mapped files. */
    public Shards shards() {
        return shards;
    }

    /** Number of weights that the model computes with; a tied head counts once. */
    public long parameters() {
        return config.weights().values().stream().mapToLong(Shape::elements).sum();
    }

    /**
     * Tells this model from another one, wherever it lies: a digest of config.json's values, of every weight's name, type and shape, and of some bytes in
     * the middle of each. Reads a page of each weight, not all of them.
     */
    public String fingerprint() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(config.toString().getBytes(StandardCharsets.UTF_8));
            for (String name : config.weights().keySet()) {
                Tensor weight = tensor(name);
                sha.update((name + ' ' + weight.dtype() + weight.shape()).getBytes(StandardCharsets.UTF_8));
                MemorySegment bytes = weight.segment();
                long count = Math.min(SAMPLED_BYTES, bytes.byteSize());
                sha.update(bytes.asSlice((bytes.byteSize() - count) / 2, count).asByteBuffer());
            }
            return HexFormat.of().formatHex(sha.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * Whether the weights on disk are still those that were mapped; called when a session opens.
     *
     * @throws FormatException if a file changed
     * @throws IOException if a file is gone
     */
    public void checkUnchanged() throws IOException {
        shards.checkUnchanged();
    }

    @Override
    public void close() {
        shards.close();
    }
}
