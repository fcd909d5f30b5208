package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.checkpoint.config.TensorNames;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model folder as Hugging Face lays it out: config.json, generation_config.json, safetensors, tokenizer.json,
 * tokenizer_config.json and chat templates. Weights are used where they lie.
 */
final class ModelFolder implements Checkpoint {
    private static final String CONFIG = ModelFiles.CONFIG;

    /** Buffers that old versions of transformers saved beside the weights. */
    private static final String ROTARY_BUFFER = "rotary_emb.inv_freq";

    private final Path folder;
    private final FolderText text;
    private final GemmaConfig config;
    private final Layout layout;
    private final GenerationConfig generation;
    private final Shards shards;
    private final SequencedMap<String, String> storedNames;
    private final List<String> warnings;

    private ModelFolder(
            Path folder,
            GemmaConfig config,
            GenerationConfig generation,
            Shards shards,
            SequencedMap<String, String> storedNames,
            List<String> warnings) {
        this.folder = folder;
        this.text = new FolderText(folder);
        this.config = config;
        this.layout = config.layout();
        this.generation = generation;
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
    static ModelFolder open(Path folder) throws IOException {
        Path configFile = folder.resolve(CONFIG);
        if (!Files.exists(configFile)) {
            throw new FormatException(folder + ": has no " + CONFIG
                    + (Files.exists(folder.resolve(ModelFiles.ADAPTER_CONFIG))
                            ? "; it is a LoRA adapter, wanted the model it belongs to"
                            : "; wanted a model folder as Hugging Face lays it out"));
        }
        GemmaConfig.Parsed parsed = GemmaConfig.read(configFile);
        List<String> warnings = new ArrayList<>(parsed.warnings());
        GenerationConfig generation = GenerationConfig.read(folder, parsed.config());
        warnings.addAll(generation.warnings());
        Shards shards = Shards.open(folder);
        try {
            Problems problems = new Problems();
            SequencedMap<String, String> stored = canonicalNames(shards, problems);
            GemmaConfig config = resolveTying(parsed.config(), shards, stored, warnings);
            check(config, shards, stored, problems, warnings);
            problems.throwIfAny();
            return new ModelFolder(folder, config, generation, shards, stored, warnings);
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
        String head = stored.get(Place.HEAD.weight());
        if (!config.tieWordEmbeddings() || head == null) {
            return config;
        }
        String embedding = stored.get(Place.EMBEDDING.weight());
        if (embedding == null) {
            stored.put(Place.EMBEDDING.weight(), head);
            stored.remove(Place.HEAD.weight());
            return config;
        }
        if (shards.entry(head).type() == shards.entry(embedding).type()
                && shards.entry(head).type().dtype().isPresent()
                && shards.tensor(head)
                                .segment()
                                .mismatch(shards.tensor(embedding).segment())
                        < 0) {
            stored.remove(Place.HEAD.weight());
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

    @Override
    public Path path() {
        return folder;
    }

    @Override
    public GemmaConfig config() {
        return config;
    }

    @Override
    public ObjectNode configJson() throws IOException {
        return JsonFile.read(folder.resolve(CONFIG));
    }

    @Override
    public GenerationConfig generation() {
        return generation;
    }

    @Override
    public TemplateFiles templates() throws IOException {
        return text.templates();
    }

    @Override
    public Map<String, String> specialTokens() throws IOException {
        return text.specialTokens();
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return text.tokenizer();
    }

    @Override
    public List<String> warnings() {
        return warnings;
    }

    @Override
    public List<String> names() {
        return List.copyOf(storedNames.keySet());
    }

    @Override
    public Weight weight(String name) {
        String stored = storedName(name);
        return Weight.inPlace(stored, shards.tensor(stored));
    }

    private String storedName(String name) {
        String stored = storedNames.get(layout.storedName(name));
        if (stored == null) {
            throw new IllegalArgumentException(folder + ": has no tensor '" + name + "'");
        }
        return stored;
    }

    /** Every tensor of the files as it is named there, those that the text model does not use included. */
    @Override
    public SequencedMap<String, PlainTensor> plainTensors() {
        SequencedMap<String, PlainTensor> tensors = new LinkedHashMap<>();
        shards.names().forEach(name -> tensors.put(name, PlainTensor.of(shards, name)));
        return tensors;
    }

    /** Copies what lies beside the weights: tokenizer, templates, sampling, licence. */
    @Override
    public void writeCompanions(Path target) throws IOException {
        FolderCompanions.copy(folder, target);
    }

    /** The mapped files. */
    Shards shards() {
        return shards;
    }

    @Override
    public List<Path> files() {
        return shards.files().stream().map(SafetensorsFile::path).toList();
    }

    @Override
    public long bytes() {
        return shards.bytes();
    }

    @Override
    public void checkUnchanged() throws IOException {
        shards.checkUnchanged();
    }

    @Override
    public void close() {
        shards.close();
    }
}
