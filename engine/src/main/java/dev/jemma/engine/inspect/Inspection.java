package dev.jemma.engine.inspect;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.Metadata;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.lora.LoraConfigJson;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model folder, a GGUF file, an adapter folder or a safetensors file holds. Looking never fails on a bad file:
 * what is wrong becomes an entry of {@link #problems}, and what could be read is there.
 */
public sealed interface Inspection {
    /** What was looked at. */
    Path path();

    /** The tensors, where the files could be read. */
    Optional<StoredTensors> weights();

    /** What users should know, a line each. */
    List<String> warnings();

    /** What keeps it from being used, a line each; empty = sound. */
    List<String> problems();

    /**
     * A model folder.
     *
     * @param architecture shape and constants
     * @param sampling how it wants to be sampled
     * @param parameters weights that the model computes with; a tied head counts once
     * @param tokenizerBytes size of tokenizer.json
     * @param templates its chat templates
     */
    record Model(
            Path path,
            Optional<Architecture> architecture,
            Optional<Sampling> sampling,
            long parameters,
            Optional<StoredTensors> weights,
            Optional<Long> tokenizerBytes,
            Optional<StoredTemplates> templates,
            List<String> warnings,
            List<String> problems)
            implements Inspection {}

    /**
     * A GGUF file.
     *
     * @param version of the format
     * @param metadata its key-value pairs, long values described
     * @param architecture shape and constants, if it is a Gemma that Jemma runs
     * @param sampling how it wants to be sampled
     * @param parameters weights that the model computes with; a tied head counts once
     * @param tokens number of its tokenizer's tokens
     * @param templates its chat templates
     */
    record GgufModel(
            Path path,
            int version,
            SequencedMap<String, String> metadata,
            Optional<Architecture> architecture,
            Optional<Sampling> sampling,
            long parameters,
            Optional<Integer> tokens,
            Optional<StoredTensors> weights,
            Optional<StoredTemplates> templates,
            List<String> warnings,
            List<String> problems)
            implements Inspection {}

    /**
     * An adapter folder.
     *
     * @param config what it adapts and how strongly
     * @param parameters values in its low-rank factors
     * @param templates chat templates beside it
     */
    record LoraAdapter(
            Path path,
            Optional<LoraConfig> config,
            long parameters,
            Optional<StoredTensors> weights,
            Optional<StoredTemplates> templates,
            List<String> warnings,
            List<String> problems)
            implements Inspection {}

    /**
     * A safetensors file.
     *
     * @param metadata its {@code __metadata__}
     */
    record TensorFile(
            Path path,
            Map<String, String> metadata,
            Optional<StoredTensors> weights,
            List<String> warnings,
            List<String> problems)
            implements Inspection {}

    /**
     * Looks at {@code path}.
     *
     * @throws FormatException if it is neither a folder nor a .safetensors or .gguf file
     * @throws IOException if it does not exist or cannot be read
     */
    static Inspection of(Path path) throws IOException {
        if (!Files.exists(path)) {
            throw new NoSuchFileException(path.toString());
        }
        if (!Files.isDirectory(path)) {
            String name = path.getFileName().toString();
            if (name.endsWith(GgufFile.SUFFIX)) {
                return ggufModel(path);
            }
            if (name.endsWith(".safetensors")) {
                return tensorFile(path);
            }
            throw new FormatException(
                    path + ": is a file, wanted a model folder, an adapter folder, a .gguf or a .safetensors file");
        }
        return Files.exists(path.resolve(ModelFiles.ADAPTER_CONFIG)) && !Files.exists(path.resolve(ModelFiles.CONFIG))
                ? adapter(path)
                : model(path);
    }

    private static TensorFile tensorFile(Path path) throws IOException {
        Problems problems = new Problems();
        Optional<SafetensorsFile> opened = attempt(() -> SafetensorsFile.open(path), problems);
        if (opened.isEmpty()) {
            return new TensorFile(path, Map.of(), Optional.empty(), List.of(), problems.found());
        }
        try (SafetensorsFile file = opened.get()) {
            List<String> warnings = unreadable(file.entries().values());
            return new TensorFile(
                    path, file.metadata(), Optional.of(StoredTensors.of(List.of(file))), warnings, List.of());
        }
    }

    private static GgufModel ggufModel(Path path) throws IOException {
        Problems problems = new Problems();
        Optional<GgufFile> opened = attempt(() -> GgufFile.open(path), problems);
        if (opened.isEmpty()) {
            return new GgufModel(
                    path,
                    0,
                    new LinkedHashMap<>(),
                    Optional.empty(),
                    Optional.empty(),
                    0,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    List.of(),
                    problems.found());
        }
        try (GgufFile file = opened.get()) {
            SequencedMap<String, String> metadata = new LinkedHashMap<>();
            file.metadata().values().forEach((key, value) -> metadata.put(key, Metadata.describe(value)));
            Optional<Checkpoint> model = attempt(() -> Checkpoint.open(path), problems);
            Optional<Integer> tokens = Optional.empty();
            Optional<StoredTemplates> templates = Optional.empty();
            List<String> warnings = new ArrayList<>();
            if (model.isPresent()) {
                templates = attempt(model.get()::templates, problems).map(StoredTemplates::of);
                warnings.addAll(model.get().warnings());
                Optional<Optional<Tokenizer>> tokenizer = attempt(model.get()::tokenizer, problems);
                tokens = tokenizer.flatMap(found -> found).map(Tokenizer::size);
                if (tokenizer.isPresent() && tokens.isEmpty()) {
                    warnings.add("no tokenizer: text cannot be read or written");
                }
                model.get().close();
            }
            return new GgufModel(
                    path,
                    file.version(),
                    metadata,
                    model.map(Checkpoint::config).map(Architecture::of),
                    model.map(Checkpoint::generation).map(Sampling::of),
                    model.map(Checkpoint::parameters).orElse(0L),
                    tokens,
                    Optional.of(StoredTensors.of(file)),
                    templates,
                    warnings,
                    problems.found());
        }
    }

    private static List<String> unreadable(Iterable<TensorEntry> entries) {
        List<String> lines = new ArrayList<>();
        for (TensorEntry entry : entries) {
            if (entry.type().dtype().isEmpty()) {
                lines.add("tensor '" + entry.name() + "' has dtype " + entry.type()
                        + ", which Jemma does not compute with");
            }
        }
        return lines;
    }

    private static Model model(Path path) throws IOException {
        Problems problems = new Problems();
        List<String> warnings = new ArrayList<>();
        Problems ignored = new Problems();
        Optional<Checkpoint> opened = attempt(() -> Checkpoint.open(path), problems);
        // those that the text model does not use included
        Optional<StoredTensors> weights = attempt(() -> Shards.open(path), ignored)
                .map(shards -> {
                    try (shards) {
                        return StoredTensors.of(shards.files());
                    }
                });
        Optional<StoredTemplates> templates =
                attempt(() -> TemplateFiles.find(path), ignored).map(StoredTemplates::of);
        Optional<Long> tokenizer = size(path.resolve(Tokenizer.FILE));
        if (tokenizer.isEmpty()) {
            warnings.add("no " + Tokenizer.FILE + ": text cannot be read or written");
        }
        if (opened.isPresent()) {
            try (Checkpoint checkpoint = opened.get()) {
                warnings.addAll(checkpoint.warnings());
                return new Model(
                        path,
                        Optional.of(Architecture.of(checkpoint.config())),
                        Optional.of(Sampling.of(checkpoint.generation())),
                        checkpoint.parameters(),
                        weights,
                        tokenizer,
                        templates,
                        warnings,
                        List.of());
            }
        }
        // each part by itself, so that one bad file does not hide the others
        Optional<GemmaConfig.Parsed> config = Files.exists(path.resolve(ModelFiles.CONFIG))
                ? attempt(() -> GemmaConfig.read(path.resolve(ModelFiles.CONFIG)), ignored)
                : Optional.empty();
        config.ifPresent(parsed -> warnings.addAll(parsed.warnings()));
        return new Model(
                path,
                config.map(GemmaConfig.Parsed::config).map(Architecture::of),
                Optional.empty(),
                config.map(parsed -> parsed.config().layout().stored().stream()
                                .mapToLong(parameter -> parameter.shape().elements())
                                .sum())
                        .orElse(0L),
                weights,
                tokenizer,
                templates,
                warnings,
                problems.found());
    }

    private static LoraAdapter adapter(Path path) throws IOException {
        Problems problems = new Problems();
        List<String> warnings = new ArrayList<>();
        Optional<LoraConfigJson.Parsed> config = attempt(() -> LoraConfigJson.read(path), problems);
        config.ifPresent(parsed -> warnings.addAll(parsed.warnings()));
        Path file = path.resolve(ModelFiles.ADAPTER_WEIGHTS);
        Optional<StoredTensors> weights = Optional.empty();
        if (Files.exists(file)) {
            Optional<SafetensorsFile> opened = attempt(() -> SafetensorsFile.open(file), problems);
            weights = opened.map(tensors -> {
                try (tensors) {
                    warnings.addAll(unreadable(tensors.entries().values()));
                    return StoredTensors.of(List.of(tensors));
                }
            });
        } else {
            problems.add(path + ": has no " + ModelFiles.ADAPTER_WEIGHTS);
        }
        long parameters = weights.map(StoredTensors::tensors).orElse(List.of()).stream()
                .filter(tensor -> tensor.name().contains(".lora_"))
                .mapToLong(tensor -> tensor.elements())
                .sum();
        return new LoraAdapter(
                path,
                config.map(LoraConfigJson.Parsed::config),
                parameters,
                weights,
                attempt(() -> TemplateFiles.find(path), problems).map(StoredTemplates::of),
                warnings,
                problems.found());
    }

    private static Optional<Long> size(Path file) throws IOException {
        return Files.exists(file) ? Optional.of(Files.size(file)) : Optional.empty();
    }

    /** Opens something. */
    interface Opening<T> {
        /** What was opened. */
        T open() throws IOException;
    }

    private static <T> Optional<T> attempt(Opening<T> opening, Problems problems) throws IOException {
        try {
            return Optional.of(opening.open());
        } catch (FormatException e) {
            String message = e.getMessage();
            (message == null ? e.toString() : message).lines().forEach(problems::add);
            return Optional.empty();
        }
    }

    /** Everything as one JSON object; {@code kind} is {@code model}, {@code adapter} or {@code tensors}. */
    default ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("path", path().toString());
        switch (this) {
            case Model model -> {
                json.put("kind", "model");
                model.architecture().ifPresent(shape -> shape.writeTo(json));
                model.sampling().ifPresent(sampling -> sampling.writeTo(json.putObject("generation")));
                json.put("parameters", model.parameters());
                model.tokenizerBytes().ifPresent(bytes -> json.put("tokenizer_bytes", bytes));
                model.templates().ifPresent(templates -> templates.writeTo(json));
            }
            case GgufModel gguf -> {
                json.put("kind", "model");
                json.put("format", "gguf");
                json.put("version", gguf.version());
                gguf.architecture().ifPresent(shape -> shape.writeTo(json));
                gguf.sampling().ifPresent(sampling -> sampling.writeTo(json.putObject("generation")));
                json.put("parameters", gguf.parameters());
                gguf.tokens().ifPresent(tokens -> json.put("tokens", tokens));
                gguf.templates().ifPresent(templates -> templates.writeTo(json));
                ObjectNode metadata = json.putObject("metadata");
                gguf.metadata().forEach(metadata::put);
            }
            case LoraAdapter adapter -> {
                json.put("kind", "adapter");
                adapter.config().ifPresent(config -> json.set("config", LoraConfigJson.write(config)));
                json.put("parameters", adapter.parameters());
                adapter.templates().ifPresent(templates -> templates.writeTo(json));
            }
            case TensorFile file -> {
                json.put("kind", "tensors");
                ObjectNode metadata = json.putObject("metadata");
                file.metadata().forEach(metadata::put);
            }
        }
        Consumer<StoredTensors> write = weights -> weights.writeTo(json.putObject("weights"));
        weights().ifPresent(write);
        warnings().forEach(json.putArray("warnings")::add);
        problems().forEach(json.putArray("problems")::add);
        return json;
    }
}
