package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.TargetModules;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.io.JsonFields;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.Problems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * adapter_config.json. Reading knows every key that PEFT 0.21 writes: what changes the numbers and is not computed here
 * is refused by name, what is unknown is a warning. Writing keeps to the keys that PEFT has had since 0.10, because
 * other loaders refuse new ones.
 */
public final class LoraConfigJson {
    /** PEFT's default targets for every Gemma. */
    private static final List<String> DEFAULT_TARGETS = List.of("q_proj", "v_proj");

    /** Features that change what an adapter computes; each is off if null, false, empty, zero or {@code "none"}. */
    private static final List<String> REFUSED = List.of(
            "alora_invocation_tokens",
            "arrow_config",
            "bias",
            "kasa_config",
            "layer_replication",
            "lora_bias",
            "megatron_config",
            "modules_to_save",
            "monteclora_config",
            "target_parameters",
            "trainable_token_indices",
            "use_bdlora",
            "use_dora",
            "use_qalora",
            "velora_config");

    /** Keys without an effect on a finished adapter of linear maps and embeddings. */
    private static final Set<String> IGNORED = Set.of(
            "auto_mapping",
            "corda_config",
            "eva_config",
            "fan_in_fan_out",
            "inference_mode",
            "loftq_config",
            "lora_ga_config",
            "megatron_core",
            "peft_version",
            "qalora_group_size",
            "revision",
            "runtime_config",
            "task_type");

    private static final Set<String> READ = Set.of(
            "alpha_pattern",
            "base_model_name_or_path",
            "ensure_weight_tying",
            "exclude_modules",
            "init_lora_weights",
            "layers_pattern",
            "layers_to_transform",
            "lora_alpha",
            "lora_dropout",
            "peft_type",
            "r",
            "rank_pattern",
            "target_modules",
            "use_rslora");

    /** Initialisations that leave the base model's weights as they are; a finished adapter does not tell them apart. */
    private static final Set<String> HARMLESS_INITS = Set.of("gaussian", "eva", "orthogonal", "mica");

    private LoraConfigJson() {}

    /**
     * What an adapter_config.json says.
     *
     * @param config the values
     * @param warnings keys that Jemma does not know, a line each
     */
    public record Parsed(LoraConfig config, List<String> warnings) {
        public Parsed {
            warnings = List.copyOf(warnings);
        }
    }

    /**
     * Reads the adapter_config.json in {@code folder}.
     *
     * @throws FormatException naming every value that is malformed or that Jemma does not compute
     * @throws IOException if it cannot be read
     */
    public static Parsed read(Path folder) throws IOException {
        Path file = AdapterFolder.file(folder, AdapterFolder.CONFIG);
        if (!Files.exists(file)) {
            throw new FormatException(
                    folder + ": has no " + AdapterFolder.CONFIG + ", wanted a LoRA adapter as PEFT saves it");
        }
        return parse(JsonFile.read(file), file.getFileName().toString());
    }

    static Parsed parse(ObjectNode json, String name) {
        Problems problems = new Problems();
        JsonFields fields = new JsonFields(json, name, problems);
        String type = fields.text("peft_type").orElse("");
        if (!type.equals("LORA")) {
            fields.wanted("peft_type", "\"LORA\": Jemma has no other kind of adapter");
            problems.throwIfAny();
        }
        for (String key : REFUSED) {
            if (!isOff(json.path(key))) {
                fields.problem(key + " is " + JsonFile.describe(json.path(key)) + ", which Jemma does not compute");
            }
        }
        List<String> warnings = new ArrayList<>();
        for (String key : json.propertyNames()) {
            if (!REFUSED.contains(key) && !IGNORED.contains(key) && !READ.contains(key)) {
                warnings.add(name + ": key '" + key + "' is unknown to Jemma and has no effect");
            }
        }
        TargetModules targets =
                modules(fields, "target_modules", TargetModules::of).orElse(new TargetModules.Names(DEFAULT_TARGETS));
        if (fields.flag("ensure_weight_tying", false) && mayMeanEmbedding(targets)) {
            fields.problem("ensure_weight_tying is true with an adapted embedding, which Jemma does not compute");
        }
        LoraConfig.Init init = init(fields);
        int r = fields.integer("r", 8, 1, LoraConfig.MAX_RANK);
        double alpha = fields.number("lora_alpha", 8, -1e9, 1e9);
        double dropout = fields.number("lora_dropout", 0, 0, 0.999);
        boolean rslora = fields.flag("use_rslora", false);
        Optional<TargetModules> exclude = modules(fields, "exclude_modules", TargetModules.Regex::new)
                .filter(modules -> !modules.equals(new TargetModules.Names(List.of()))
                        && !modules.equals(new TargetModules.Regex("")));
        List<Integer> layers =
                fields.integers("layers_to_transform", 0, 1 << 20).orElse(List.of());
        Map<String, Integer> ranks =
                patterns(fields, "rank_pattern", (inner, key) -> inner.integer(key, 8, 1, LoraConfig.MAX_RANK));
        Map<String, Double> alphas = patterns(fields, "alpha_pattern", (inner, key) -> inner.number(key, 8, -1e9, 1e9));
        List<String> before = layersPattern(fields);
        Optional<String> base = fields.text("base_model_name_or_path");
        problems.throwIfAny();
        try {
            LoraConfig config = new LoraConfig(
                    r, alpha, rslora, dropout, targets, exclude, layers, before, ranks, alphas, init, base);
            return new Parsed(config, List.copyOf(warnings));
        } catch (IllegalArgumentException e) {
            throw new FormatException(name + ": " + e.getMessage(), e);
        }
    }

    private static boolean isOff(JsonNode node) {
        return node.isMissingNode()
                || node.isNull()
                || (node.isBoolean() && !node.booleanValue())
                || (node.isContainer() && node.isEmpty())
                || (node.isString()
                        && (node.stringValue().equals("none")
                                || node.stringValue().isEmpty()));
    }

    private static Optional<TargetModules> modules(
            JsonFields fields, String key, Function<String, TargetModules> ofText) {
        if (fields.json().path(key).isString()) {
            return fields.text(key).map(ofText);
        }
        return fields.texts(key).map(TargetModules::of);
    }

    private static boolean mayMeanEmbedding(TargetModules targets) {
        return switch (targets) {
            case TargetModules.Names(List<String> names) ->
                names.stream()
                        .anyMatch(name -> name.endsWith(ModuleNames.lastName(Place.EMBEDDING.module()))
                                || name.endsWith(Place.HEAD.module()));
            case TargetModules.Regex regex -> true;
            case TargetModules.AllLinear all -> false;
        };
    }

    private static LoraConfig.Init init(JsonFields fields) {
        JsonNode node = fields.json().path("init_lora_weights");
        if (!node.isString()) {
            fields.flag("init_lora_weights", true);
            return LoraConfig.Init.KAIMING_UNIFORM;
        }
        String name = node.stringValue().toLowerCase(Locale.ROOT);
        if (!HARMLESS_INITS.contains(name)) {
            fields.problem(
                    "init_lora_weights is \"" + name
                            + "\", which changes the base model; save the adapter with path_initial_model_for_weight_conversion");
        }
        return name.equals("gaussian") ? LoraConfig.Init.GAUSSIAN : LoraConfig.Init.KAIMING_UNIFORM;
    }

    private static List<String> layersPattern(JsonFields fields) {
        if (fields.json().path("layers_pattern").isString()) {
            return fields.text("layers_pattern")
                    .filter(text -> !text.isEmpty())
                    .map(List::of)
                    .orElse(List.of());
        }
        return fields.texts("layers_pattern").orElse(List.of());
    }

    private interface Read<T> {
        T read(JsonFields fields, String key);
    }

    private static <T> Map<String, T> patterns(JsonFields fields, String key, Read<T> read) {
        Map<String, T> patterns = new LinkedHashMap<>();
        fields.object(key).ifPresent(inner -> {
            for (String pattern : inner.json().propertyNames()) {
                if (inner.has(pattern)) {
                    patterns.put(pattern, read.read(inner, pattern));
                } else {
                    inner.wanted(pattern, "a number");
                }
            }
        });
        return patterns;
    }

    /** {@code config} as adapter_config.json holds it. */
    public static ObjectNode write(LoraConfig config) {
        return write(config, config.targetModules());
    }

    /** The file's content; {@code targets} in the form that loaders should see. */
    static ObjectNode write(LoraConfig config, TargetModules targets) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ObjectNode alphas = json.putObject("alpha_pattern");
        config.alphaPattern().forEach((pattern, alpha) -> putNumber(alphas, pattern, alpha));
        json.putNull("auto_mapping");
        config.baseModelNameOrPath()
                .ifPresentOrElse(
                        base -> json.put("base_model_name_or_path", base),
                        () -> json.putNull("base_model_name_or_path"));
        json.put("bias", "none");
        // exact names leave nothing to exclude, and some loaders do not know the key
        boolean exact = !targets.equals(config.targetModules());
        if (!exact) {
            config.excludeModules().ifPresent(modules -> putModules(json, "exclude_modules", modules));
        }
        json.put("fan_in_fan_out", false);
        json.put("inference_mode", true);
        if (config.init() == LoraConfig.Init.GAUSSIAN) {
            json.put("init_lora_weights", "gaussian");
        } else {
            json.put("init_lora_weights", true);
        }
        if (exact || config.layersPattern().isEmpty()) {
            json.putNull("layers_pattern");
        } else {
            config.layersPattern().forEach(json.putArray("layers_pattern")::add);
        }
        if (exact || config.layersToTransform().isEmpty()) {
            json.putNull("layers_to_transform");
        } else {
            config.layersToTransform().forEach(json.putArray("layers_to_transform")::add);
        }
        putNumber(json, "lora_alpha", config.loraAlpha());
        json.put("lora_dropout", config.loraDropout());
        json.putNull("modules_to_save");
        json.put("peft_type", "LORA");
        json.put("r", config.r());
        ObjectNode ranks = json.putObject("rank_pattern");
        config.rankPattern().forEach(ranks::put);
        json.putNull("revision");
        putModules(json, "target_modules", targets);
        json.put("task_type", "CAUSAL_LM");
        json.put("use_dora", false);
        json.put("use_rslora", config.useRslora());
        return json;
    }

    private static void putModules(ObjectNode json, String key, TargetModules modules) {
        switch (modules) {
            case TargetModules.Names(List<String> names) -> names.forEach(json.putArray(key)::add);
            case TargetModules.Regex(String pattern) -> json.put(key, pattern);
            case TargetModules.AllLinear() -> json.put(key, "all-linear");
        }
    }

    /** PEFT declares alphas as whole numbers. */
    private static void putNumber(ObjectNode json, String key, double number) {
        if (number == Math.rint(number) && Math.abs(number) < 1e15) {
            json.put(key, (long) number);
        } else {
            json.put(key, number);
        }
    }
}
