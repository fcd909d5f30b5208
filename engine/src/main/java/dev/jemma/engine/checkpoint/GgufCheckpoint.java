package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
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
 * A GGUF file of llama.cpp: config, tokenizer, templates and weights in one. What it says is translated to Hugging
 * Face's words ({@link GgufConfig}, {@link Place}, {@link GgufTokenizer}) and its weights to what kernels take; nothing
 * else in Jemma knows of the format. Matrices whose blocks kernels know are used where they lie, others give their
 * values block by block.
 */
final class GgufCheckpoint implements Checkpoint {
    private final GgufFile file;
    private final ObjectNode json;
    private final Layout layout;
    private final GemmaConfig config;
    private final GenerationConfig generation;
    private final GgufTokenizer tokenizer;
    private final SequencedMap<String, GgufTensor> stored;
    private final GgufNorms norms;
    private final List<String> warnings;

    private GgufCheckpoint(
            GgufFile file,
            ObjectNode json,
            Layout layout,
            SequencedMap<String, GgufTensor> stored,
            List<String> warnings) {
        this.file = file;
        this.json = json;
        this.layout = layout;
        this.config = layout.config();
        this.tokenizer = new GgufTokenizer(file.metadata());
        this.generation = tokenizer.generation(config);
        this.stored = stored;
        this.norms = new GgufNorms(file, norms(layout, stored));
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
            ObjectNode json = GgufConfig.json(file);
            GemmaConfig.Parsed parsed = GemmaConfig.parse(json, file.name());
            Layout layout = parsed.config().layout();
            SequencedMap<String, GgufTensor> stored = placed(file, layout, warnings);
            warnings.addAll(parsed.warnings());
            check(layout, file, stored, problems);
            problems.throwIfAny();
            return new GgufCheckpoint(file, json, layout, stored, warnings);
        } catch (Throwable e) {
            file.close();
            throw e;
        }
    }

    /** The file's tensors by the canonical names of the weights that they are. */
    private static SequencedMap<String, GgufTensor> placed(GgufFile file, Layout layout, List<String> warnings) {
        Map<String, String> canonical = new LinkedHashMap<>();
        layout.stored().forEach(parameter -> canonical.put(parameter.ggufName(), parameter.name()));
        SequencedMap<String, GgufTensor> placed = new LinkedHashMap<>();
        List<String> unread = new ArrayList<>();
        for (GgufTensor tensor : file.tensors().values()) {
            String name = canonical.get(tensor.name());
            if (name == null) {
                unread.add(tensor.name());
            } else {
                placed.put(name, tensor);
            }
        }
        if (!unread.isEmpty()) {
            warnings.add(file.name() + ": " + unread.size() + " tensors have no place in a "
                    + layout.config().family().title() + " of "
                    + layout.config().numHiddenLayers()
                    + " layers and are not read, such as '" + unread.getFirst() + "'");
        }
        return placed;
    }

    private static void check(Layout layout, GgufFile file, Map<String, GgufTensor> stored, Problems problems) {
        for (Parameter parameter : layout.stored()) {
            GgufTensor tensor = stored.get(parameter.name());
            if (tensor == null) {
                problems.add(file.name() + ": has no tensor for " + parameter.name()
                        + ", its metadata want one of shape " + parameter.shape());
                continue;
            }
            if (!tensor.shape().equals(parameter.shape())) {
                problems.add(place(file, tensor) + " has shape " + tensor.shape() + ", its metadata want "
                        + parameter.shape());
            }
            boolean plain = tensor.type().blockElements() == 1;
            if (!tensor.type().isReadable() || !parameter.isModule() && !plain) {
                problems.add(place(file, tensor) + " has type " + tensor.type() + ", wanted one of "
                        + (parameter.isModule() ? GgmlType.readable() : "F32, F16, BF16"));
            }
        }
    }

    private static SequencedMap<String, GgufTensor> norms(Layout layout, Map<String, GgufTensor> stored) {
        SequencedMap<String, GgufTensor> norms = new LinkedHashMap<>();
        for (Parameter parameter : layout.stored()) {
            GgufTensor tensor = stored.get(parameter.name());
            if (tensor != null && !parameter.isModule()) {
                norms.put(parameter.name(), tensor);
            }
        }
        return norms;
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
        layout.stored().forEach(parameter -> tensors.put(parameter.name(), PlainTensor.of(weight(parameter.name()))));
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
        String canonical = layout.storedName(name);
        GgufTensor tensor = stored.get(canonical);
        if (tensor == null) {
            throw new IllegalArgumentException(file.name() + ": has no tensor '" + name + "'");
        }
        MemorySegment blocks = file.data(tensor.name());
        Optional<Tensor> ready =
                norms.contains(canonical) ? Optional.of(norms.tensor(canonical)) : file.inPlace(tensor.name());
        Values decoded = (start, to, count) -> Blocks.decode(tensor.type(), blocks, start, to, count);
        return new Weight(
                tensor.name(),
                tensor.type().name(),
                tensor.shape(),
                blocks,
                ready,
                ready.map(Values::of).orElse(decoded));
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
