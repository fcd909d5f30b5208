package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.gguf.Blocks;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.GgufTensor;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * A GGUF file of llama.cpp: config, tokenizer, templates and weights in one. What it says is translated to Hugging Face's words
 * ({@link GgufConfig}, {@link GgufNames}, {@link GgufTokenizer}) and its weights to what kernels take; nothing else in Jemma knows of
 * the format. Matrices whose blocks kernels know are used where they lie, others give their values block by block.
 */
final class GgufCheckpoint implements Checkpoint {
    private final GgufFile file;
    private final ObjectNode json;
    private final GemmaConfig config;
    private final GenerationConfig generation;
    private final GgufTokenizer tokenizer;
    private final SequencedMap<String, GgufTensor> stored;
    private final GgufNorms norms;
    private final List<String> warnings;

    private GgufCheckpoint(
            GgufFile file,
            ObjectNode json,
            GemmaConfig config,
            SequencedMap<String, GgufTensor> stored,
            List<String> warnings) {
        this.file = file;
        this.json = json;
        this.config = config;
        this.tokenizer = new GgufTokenizer(file.metadata());
        this.generation = tokenizer.generation(config);
        this.stored = stored;
        this.norms = new GgufNorms(file, stored);
        this.warnings = List.copyOf(warnings);
    }

    /**
     * Opens the file {@code path}.
     *
     * @throws FormatException if it is not a Gemma that Jemma runs; tensors that do not fit are all named at once
     * @throws IOException if it cannot be read
     */
    static GgufCheckpoint open(Path path) throws IOException {
        GgufFile file = GgufFile.open(path);
        try {
            Problems problems = new Problems();
            List<String> warnings = new ArrayList<>();
            SequencedMap<String, GgufTensor> stored = canonicalNames(file, problems, warnings);
            ObjectNode json = GgufConfig.json(file);
            GemmaConfig.Parsed parsed = GemmaConfig.parse(json, file.name());
            warnings.addAll(parsed.warnings());
            check(parsed.config(), file, stored, problems);
            problems.throwIfAny();
            return new GgufCheckpoint(file, json, parsed.config(), stored, warnings);
        } catch (Throwable e) {
            file.close();
            throw e;
        }
    }

    private static SequencedMap<String, GgufTensor> canonicalNames(
            GgufFile file, Problems problems, List<String> warnings) {
        Family family = GgufConfig.family(file);
        SequencedMap<String, GgufTensor> stored = new LinkedHashMap<>();
        List<String> unread = new ArrayList<>();
        for (GgufTensor tensor : file.tensors().values()) {
            GgufNames.canonical(tensor.name(), family)
                    .ifPresentOrElse(
                            canonical -> {
                                GgufTensor other = stored.putIfAbsent(canonical, tensor);
                                if (other != null) {
                                    problems.add(
                                            place(file, tensor) + " and '" + other.name() + "' are both " + canonical);
                                }
                            },
                            () -> unread.add(tensor.name()));
        }
        if (!unread.isEmpty()) {
            warnings.add(file.name() + ": " + unread.size() + " tensors have no place in a " + family.title()
                    + " and are not read, such as '" + unread.getFirst() + "'");
        }
        return stored;
    }

    private static void check(GemmaConfig config, GgufFile file, Map<String, GgufTensor> stored, Problems problems) {
        config.weights().forEach((canonical, shape) -> {
            GgufTensor tensor = stored.get(canonical);
            if (tensor == null) {
                problems.add(
                        file.name() + ": has no tensor for " + canonical + ", its metadata want one of shape " + shape);
                return;
            }
            if (!tensor.shape().equals(shape)) {
                problems.add(place(file, tensor) + " has shape " + tensor.shape() + ", its metadata want " + shape);
            }
            boolean plain = tensor.type().blockElements() == 1;
            if (!tensor.type().isReadable() || shape.rank() == 1 && !plain) {
                problems.add(place(file, tensor) + " has type " + tensor.type() + ", wanted one of "
                        + (shape.rank() == 1 ? "F32, F16, BF16" : GgmlType.readable()));
            }
        });
    }

    private static String place(GgufFile file, GgufTensor tensor) {
        return file.name() + ": tensor '" + tensor.name() + "'";
    }

    /** The mapped file. */
    GgufFile file() {
        return file;
    }

    /** The weights that the model computes with, by Hugging Face's names. */
    @Override
    public SequencedMap<String, PlainTensor> plainTensors() {
        SequencedMap<String, PlainTensor> tensors = new LinkedHashMap<>();
        config.weights().sequencedKeySet().forEach(name -> tensors.put(name, PlainTensor.of(weight(name))));
        return tensors;
    }

    /** Writes what the metadata say of sampling, tokenizer and templates. */
    @Override
    public void writeCompanions(Path target) throws IOException {
        GgufCompanions.write(this, target);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public GemmaConfig config() {
        return config;
    }

    @Override
    public ObjectNode configJson() {
        return json.deepCopy();
    }

    @Override
    public GenerationConfig generation() {
        return generation;
    }

    @Override
    public TemplateFiles templates() {
        return tokenizer.templates();
    }

    /** Empty: the tokens are known by their ids. */
    @Override
    public Map<String, String> specialTokens() {
        return Map.of();
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        long tokens = tokenizer.count();
        if (tokens > config.vocabSize()) {
            throw new FormatException(file.name() + ": has " + tokens + " tokens, wanted at most " + config.vocabSize()
                    + ", the rows of its embedding");
        }
        if (tokens == 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(Tokenizer.cached(file.path(), file.headBytes(), tokenizer::pieces));
        } catch (IOException e) {
            throw new FormatException(file.path() + ": its tokenizer cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public List<String> warnings() {
        return warnings;
    }

    @Override
    public List<String> names() {
        return List.copyOf(stored.keySet());
    }

    @Override
    public Weight weight(String name) {
        String canonical = storedName(name);
        GgufTensor tensor = stored.get(canonical);
        if (tensor == null) {
            throw new IllegalArgumentException(file.name() + ": has no tensor '" + name + "'");
        }
        MemorySegment blocks = file.data(tensor.name());
        Optional<Tensor> ready =
                GgufNorms.isNorm(canonical) ? Optional.of(norms.tensor(canonical)) : file.inPlace(tensor.name());
        Values decoded = (start, to, count) -> Blocks.decode(tensor.type(), blocks, start, to, count);
        return new Weight(
                tensor.name(),
                tensor.type().name(),
                tensor.shape(),
                blocks,
                ready,
                ready.map(Values::of).orElse(decoded));
    }

    private String storedName(String name) {
        return name.equals(GemmaConfig.HEAD) && config.tieWordEmbeddings() ? GemmaConfig.EMBEDDING : name;
    }

    @Override
    public List<Path> files() {
        return List.of(file.path());
    }

    @Override
    public long bytes() {
        return file.bytes();
    }

    @Override
    public void checkUnchanged() throws IOException {
        file.checkUnchanged();
    }

    @Override
    public void close() {
        norms.close();
        file.close();
    }
}
