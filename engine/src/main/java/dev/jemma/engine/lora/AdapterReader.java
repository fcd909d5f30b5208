package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.Weight;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.checkpoint.config.TensorNames;
import dev.jemma.engine.io.Problems;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.TensorEntry;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/** Reads PEFT's adapter files and checks that they hold exactly what their config says. */
final class AdapterReader {
    private static final List<String> FACTORS =
            List.of(".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B");
    private static final List<String> COPIES = List.of(".base_layer.weight", ".weight");
    private static final String PICKLE = "adapter_model.bin";
    private static final int BLOCK = 1 << 16;

    /** How far a weight in blocks of 4 bits may be from what it was made of, in parts of its size. */
    private static final double QUANTIZED = 0.15;

    private AdapterReader() {}

    static Adapter read(Path folder, GemmaConfig model) throws IOException {
        LoraConfigJson.Parsed parsed = LoraConfigJson.read(folder);
        List<String> warnings = new ArrayList<>(parsed.warnings());
        try (SafetensorsFile file = open(folder)) {
            Problems problems = new Problems();
            Content content = Content.of(file, problems, warnings);
            SequencedMap<Parameter, Adapter.Rank> modules = targeted(parsed.config(), model, content);
            checkFactors(file, modules, content, problems);
            checkCopies(file, model, content, problems, warnings);
            problems.throwIfAny();
            Adapter adapter = Adapter.ofZeros(parsed.config(), model, modules, warnings);
            try {
                fill(adapter, file, modules, content);
                return adapter;
            } catch (Throwable e) {
                adapter.close();
                throw e;
            }
        }
    }

    private static SafetensorsFile open(Path folder) throws IOException {
        Path weights = AdapterFolder.file(folder, AdapterFolder.WEIGHTS);
        if (!Files.exists(weights)) {
            throw new FormatException(folder + ": has no " + AdapterFolder.WEIGHTS
                    + (Files.exists(folder.resolve(PICKLE))
                            ? "; " + PICKLE + " is a pickle, save it with PEFT's safe_serialization"
                            : ""));
        }
        return SafetensorsFile.open(weights);
    }

    /**
     * The keys of a file by what they are.
     *
     * @param factors stored keys of low-rank factors by canonical key
     * @param copies stored keys of full weights by canonical module
     */
    private record Content(Map<String, String> factors, Map<String, String> copies) {
        static Content of(SafetensorsFile file, Problems problems, List<String> warnings) {
            Content content = new Content(new LinkedHashMap<>(), new LinkedHashMap<>());
            int vision = 0;
            for (String key : file.names()) {
                if (!key.startsWith(ModuleNames.FILE_PREFIX)) {
                    problems.add(place(file, key) + " is unexpected, wanted names that start with "
                            + ModuleNames.FILE_PREFIX);
                    continue;
                }
                Optional<String> name = TensorNames.canonical(key.substring(ModuleNames.FILE_PREFIX.length()));
                if (name.isEmpty()) {
                    vision++;
                } else {
                    content.add(key, name.get(), file, problems);
                }
            }
            if (vision > 0) {
                warnings.add(file.path().getFileName() + ": " + vision
                        + " tensors adapt the vision tower and are not read; Jemma runs the text model");
            }
            return content;
        }

        private void add(String key, String name, SafetensorsFile file, Problems problems) {
            Optional<String> copied = COPIES.stream()
                    .filter(name::endsWith)
                    .map(suffix -> name.substring(0, name.length() - suffix.length()))
                    .filter(module -> module.equals(Place.EMBEDDING.module()) || module.equals(Place.HEAD.module()))
                    .findFirst();
            String other;
            if (copied.isPresent()) {
                other = copies.putIfAbsent(copied.get(), key);
            } else if (FACTORS.stream().anyMatch(name::endsWith)) {
                other = factors.putIfAbsent(name, key);
            } else {
                problems.add(place(file, key)
                        + (name.endsWith("lora_magnitude_vector")
                                ? " is DoRA's, which Jemma does not compute"
                                : " is unexpected: it is no low-rank factor that Jemma knows"));
                return;
            }
            if (other != null) {
                problems.add(place(file, key) + " and '" + other + "' are both " + name);
            }
        }
    }

    private static String place(SafetensorsFile file, String key) {
        return file.path().getFileName() + ": tensor '" + key + "'";
    }

    private static SequencedMap<Parameter, Adapter.Rank> targeted(
            LoraConfig config, GemmaConfig model, Content content) {
        ModuleMatcher matcher = new ModuleMatcher(config);
        // an adapter of the multimodal class can belong to text-only weights, and the other way round
        boolean otherNames = content.factors().values().stream().anyMatch(key -> key.contains("language_model."));
        SequencedMap<Parameter, Adapter.Rank> modules = new LinkedHashMap<>();
        for (Parameter module : model.layout().modules()) {
            List<String> names = otherNames ? ModuleNames.of(module.module()) : ModuleNames.of(module.module(), model);
            if (matcher.targets(module, names)) {
                modules.put(module, new Adapter.Rank(matcher.rank(names), matcher.scale(names)));
            }
        }
        return modules;
    }

    private static void checkFactors(
            SafetensorsFile file, SequencedMap<Parameter, Adapter.Rank> modules, Content content, Problems problems) {
        Set<String> unexpected = new LinkedHashSet<>(content.factors().keySet());
        modules.forEach((module, rank) -> {
            for (Factor factor : Factor.values()) {
                String name = ModuleNames.factor(module, factor);
                check(file, name, factor.shape(module, rank.r()), content, problems);
                unexpected.remove(name);
            }
        });
        for (String name : unexpected) {
            problems.add(place(file, content.factors().getOrDefault(name, name)) + " is unexpected: "
                    + AdapterFolder.CONFIG + " does not target such a module of this model");
        }
        if (modules.isEmpty() && problems.isEmpty()) {
            problems.add(AdapterFolder.CONFIG + ": target_modules means no module of this model");
        }
    }

    private static void check(SafetensorsFile file, String name, Shape shape, Content content, Problems problems) {
        String key = content.factors().get(name);
        if (key == null) {
            problems.add(file.path().getFileName() + ": has no tensor '" + ModuleNames.FILE_PREFIX + name + "', "
                    + AdapterFolder.CONFIG + " wants it with shape " + shape);
            return;
        }
        checkEntry(file, key, shape, problems);
    }

    private static void checkEntry(SafetensorsFile file, String key, Shape shape, Problems problems) {
        TensorEntry entry = file.entries().get(key);
        if (entry == null || !entry.shape().equals(shape)) {
            problems.add(place(file, key) + " has shape " + (entry == null ? "none" : entry.shape()) + ", "
                    + AdapterFolder.CONFIG + " and the model want " + shape);
        } else if (!entry.type().dtype().filter(DType::isFloat).isPresent()) {
            problems.add(place(file, key) + " has dtype " + entry.type() + ", wanted F32, F16 or BF16");
        }
    }

    private static void checkCopies(
            SafetensorsFile file, GemmaConfig model, Content content, Problems problems, List<String> warnings) {
        Shape wanted = model.layout().of(Place.EMBEDDING).shape();
        content.copies().forEach((module, key) -> {
            TensorEntry entry = file.entries().get(key);
            if (entry != null && !entry.shape().equals(wanted)) {
                problems.add(place(file, key) + " has shape " + entry.shape() + ", " + ModelFiles.CONFIG + " wants "
                        + wanted + ": the adapter was trained on a model with another vocabulary");
                return;
            }
            checkEntry(file, key, wanted, problems);
            warnings.add(place(file, key) + " is a full copy of " + module + "; the base model's is used");
        });
    }

    private static void fill(
            Adapter adapter, SafetensorsFile file, SequencedMap<Parameter, Adapter.Rank> modules, Content content) {
        Map<String, LowRank> updates = adapter.lowRanks().modules();
        for (Parameter module : modules.keySet()) {
            LowRank update = updates.get(module.module());
            String keyA = content.factors().get(ModuleNames.factor(module, Factor.A));
            String keyB = content.factors().get(ModuleNames.factor(module, Factor.B));
            if (update == null || keyA == null || keyB == null) {
                throw new IllegalStateException("unchecked module " + module.module());
            }
            widen(file.tensor(keyA), update.a());
            widen(file.tensor(keyB), update.b());
        }
    }

    private static void widen(Tensor from, Tensor to) {
        float[] block = new float[BLOCK];
        for (long at = 0; at < from.elements(); at += BLOCK) {
            int count = (int) Math.min(BLOCK, from.elements() - at);
            Conversion.widen(from, at, block, count);
            Conversion.round(block, to, at, count);
        }
    }

    /**
     * Compares full copies in an adapter file with the base model's weights. A quantized base, which is never what an
     * adapter's maker had, must be as near to the copy as quantization leaves it.
     */
    static void compareCopies(Path folder, Checkpoint base) throws IOException {
        try (SafetensorsFile file = open(folder)) {
            Problems problems = new Problems();
            Content content = Content.of(file, new Problems(), new ArrayList<>());
            content.copies().forEach((module, key) -> {
                Weight weight = base.weight(module + ".weight");
                boolean plain = weight.tensor()
                        .filter(tensor -> tensor.dtype().isFloat())
                        .isPresent();
                Optional<String> difference =
                        plain ? firstDifference(file.tensor(key), weight) : largeDifference(file.tensor(key), weight);
                difference.ifPresent(where -> problems.add(place(file, key) + " differs from the base model's " + module
                        + " " + where + ": the adapter was trained on another model, or trained this weight in full"));
            });
            problems.throwIfAny();
        }
    }

    /** The first element in which two weights differ by more than a conversion between their types explains. */
    private static Optional<String> firstDifference(Tensor copy, Weight base) {
        float[] a = new float[BLOCK];
        float[] b = new float[BLOCK];
        for (long at = 0; at < copy.elements(); at += BLOCK) {
            int count = (int) Math.min(BLOCK, copy.elements() - at);
            Conversion.widen(copy, at, a, count);
            base.values().read(at, b, count);
            for (int i = 0; i < count; i++) {
                if (a[i] != b[i]
                        && Conversion.rounded(b[i], copy.dtype()) != a[i]
                        && Conversion.rounded(a[i], base.dtype()) != b[i]) {
                    return Optional.of("in element " + (at + i));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * How far two weights are apart, if that is more than blocks of 4 bits explain: they change a weight by about a
     * tenth.
     */
    private static Optional<String> largeDifference(Tensor copy, Weight base) {
        float[] a = new float[BLOCK];
        float[] b = new float[BLOCK];
        double squares = 0;
        double differences = 0;
        for (long at = 0; at < copy.elements(); at += BLOCK) {
            int count = (int) Math.min(BLOCK, copy.elements() - at);
            Conversion.widen(copy, at, a, count);
            base.values().read(at, b, count);
            for (int i = 0; i < count; i++) {
                squares += (double) a[i] * a[i];
                differences += (a[i] - b[i]) * (double) (a[i] - b[i]);
            }
        }
        double part = Math.sqrt(differences / squares);
        return differences == 0 || part <= QUANTIZED
                ? Optional.empty()
                : Optional.of(String.format(Locale.ROOT, "by %.0f %% of its size", 100 * part));
    }
}
