package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.MergeResult;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.PlainTensor;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.checkpoint.config.TensorNames;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.StagedFolder;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.safetensors.Shards;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * Adds adapters to their base model for good: a plain checkpoint that Hugging Face loads without PEFT.
 *
 * <p>Every weight is {@code W + scale * B A}, summed in f32 over the adapters in the order given, and rounded once to
 * the type it is stored in. Where an adapter updates the embedding or the head of a model that ties them, both are
 * written and the tie is undone in config.json, because one weight could not hold two updates. Everything else of the
 * base goes over as it is, the vision tower of a multimodal model included; the chat templates beside an adapter take
 * the place of the base's.
 */
public final class Merge {
    private final Checkpoint base;
    private final List<Adapter> adapters;
    private final Optional<DType> dtype;

    private Merge(Checkpoint base, List<Adapter> adapters, Optional<DType> dtype) {
        this.base = base;
        this.adapters = adapters;
        this.dtype = dtype;
    }

    /**
     * Writes {@code model} with {@code adapters} added to {@code out}, which appears in one step when all is written.
     *
     * @param dtype the type of the new weights; empty = that of the base's, BF16 where that is quantized
     * @throws IllegalArgumentException if {@code out} is not a new or empty folder, there is no adapter, or
     *     {@code dtype} is no float
     * @throws FormatException if the model or an adapter is not what it should be, or a sum overflows the type
     * @throws IOException if a file cannot be read or written
     */
    public static MergeResult merge(Path model, List<Path> adapters, Path out, Optional<DType> dtype)
            throws IOException {
        if (adapters.isEmpty()) {
            throw new IllegalArgumentException("no adapter to merge");
        }
        if (dtype.isPresent() && !dtype.get().isFloat()) {
            throw new IllegalArgumentException("dtype is " + dtype.get() + ", wanted a float type");
        }
        List<Adapter> loaded = new ArrayList<>();
        try (StagedFolder staged = StagedFolder.open(out);
                Checkpoint base = Checkpoint.open(model)) {
            for (Path adapter : adapters) {
                loaded.add(Adapter.load(adapter, base));
            }
            MergeResult result = new Merge(base, loaded, dtype).write(staged.path());
            base.writeCompanions(staged.path());
            copyOfAdapters(adapters, staged.path());
            staged.commit();
            return result;
        } finally {
            loaded.forEach(Adapter::close);
        }
    }

    private MergeResult write(Path folder) throws IOException {
        Map<String, List<LowRank>> updates = new LinkedHashMap<>();
        for (Adapter adapter : adapters) {
            adapter.lowRanks()
                    .modules()
                    .forEach((module, update) -> updates.computeIfAbsent(module, key -> new ArrayList<>())
                            .add(update));
        }
        boolean untie = base.config().tieWordEmbeddings()
                && (updates.containsKey(Place.EMBEDDING.module()) || updates.containsKey(Place.HEAD.module()));
        SequencedMap<String, PlainTensor> tensors = tensors(untie);
        List<Planned> planned = new ArrayList<>();
        tensors.forEach((name, tensor) -> planned.add(new Planned(
                name,
                tensor.values().flatMap(values -> dtype.map(StoredType::of)).orElse(tensor.type()),
                tensor.shape())));
        try (SafetensorsWriter writer =
                new SafetensorsWriter(folder.resolve(Shards.SINGLE), planned, SafetensorsWriter.PYTORCH)) {
            for (Planned next : writer.order()) {
                PlainTensor tensor = Objects.requireNonNull(tensors.get(next.name()));
                String module = module(next.name());
                if (tensor.bytes().isPresent() && next.type() == tensor.type() && !updates.containsKey(module)) {
                    writer.append(tensor.bytes().get());
                } else {
                    MergedWeight.of(
                                    tensor.values().orElseThrow(),
                                    tensor.shape(),
                                    updates.getOrDefault(module, List.of()),
                                    module.equals(Place.EMBEDDING.module()))
                            .write(writer, next.type().dtype().orElseThrow(), next.name());
                }
            }
            writer.commit();
        }
        Files.write(folder.resolve(ModelFiles.CONFIG), JsonFile.bytes(config(untie)));
        List<String> warnings = new ArrayList<>(base.warnings());
        adapters.forEach(adapter -> warnings.addAll(adapter.warnings()));
        return new MergeResult(
                updates.size(),
                untie ? Optional.of(Place.HEAD.weight()) : Optional.empty(),
                Files.size(folder.resolve(Shards.SINGLE)),
                warnings);
    }

    private static String module(String storedName) {
        String canonical = TensorNames.canonical(storedName).orElse("");
        return canonical.endsWith(".weight") ? canonical.substring(0, canonical.length() - ".weight".length()) : "";
    }

    /** What to write, by name, each with what it begins as. */
    private SequencedMap<String, PlainTensor> tensors(boolean untie) {
        SequencedMap<String, PlainTensor> tensors = base.plainTensors();
        if (untie) {
            String embedding = base.weight(Place.EMBEDDING.weight()).name();
            boolean oldForm = embedding.startsWith("language_model.model.");
            tensors.put(
                    oldForm ? "language_model." + Place.HEAD.weight() : Place.HEAD.weight(),
                    PlainTensor.of(base.weight(Place.EMBEDDING.weight())));
        }
        return tensors;
    }

    private ObjectNode config(boolean untie) throws IOException {
        ObjectNode json = base.configJson();
        List<ObjectNode> all = new ArrayList<>(List.of(json));
        for (String inner : new String[] {"text_config", "vision_config"}) {
            if (json.get(inner) instanceof ObjectNode object) {
                all.add(object);
            }
        }
        for (ObjectNode object : all) {
            if (untie && (object == json || object == json.get("text_config"))) {
                object.put("tie_word_embeddings", false);
            }
            dtype.ifPresent(type -> {
                String key = object.has("torch_dtype") ? "torch_dtype" : "dtype";
                if (object == json || object.has(key)) {
                    object.put(key, torchName(type));
                }
            });
        }
        return json;
    }

    private static String torchName(DType dtype) {
        return switch (dtype) {
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            case Q8_0, Q4_0, I32, I64 ->
                throw new IllegalArgumentException("dtype is " + dtype + ", wanted a float type");
        };
    }

    /**
     * What training leaves beside an adapter for those who talk to the model: the last adapter's templates that has one
     * for any conversation take the place of all the base's, and its form of tool calls goes along.
     */
    private static void copyOfAdapters(List<Path> adapters, Path out) throws IOException {
        Optional<TemplateFiles> templates = Optional.empty();
        for (Path adapter : adapters) {
            TemplateFiles found = TemplateFiles.find(adapter);
            templates = found.general().isPresent() ? Optional.of(found) : templates;
            Path form = adapter.resolve(ModelFiles.JEMMA);
            if (Files.isRegularFile(form)) {
                Files.write(out.resolve(ModelFiles.JEMMA), Files.readAllBytes(form));
            }
        }
        if (templates.isPresent()) {
            templates.get().replaceIn(out);
        }
    }
}
