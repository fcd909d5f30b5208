package dev.jemma.engine.checkpoint.config;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.LayerConfig.HeadNorms;
import dev.jemma.engine.checkpoint.config.LayerConfig.Norms;
import dev.jemma.engine.io.JsonFields;
import dev.jemma.engine.io.Problems;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads config.json of Gemma 1, 2 and 3 as transformers 4 and 5 write it. Defaults and rules are those of
 * {@code configuration_gemma.py}, {@code configuration_gemma2.py} and {@code configuration_gemma3.py} of transformers
 * 5.17.
 */
final class ConfigReader {
    private static final String ACTIVATION = "gelu_pytorch_tanh";
    private static final int MAX_SIZE = 1 << 20;
    private static final int MAX_VOCABULARY = 1 << 24;
    private static final int MAX_LAYERS = 1024;

    /** Keys that say nothing about what is computed, or that every family's own code below reads. */
    private static final Set<String> KNOWN = Set.of(
            "_attn_implementation_autoset",
            "_name_or_path",
            "_sliding_window_pattern",
            "architectures",
            "attention_bias",
            "attention_dropout",
            "attn_implementation",
            "attn_logit_softcapping",
            "auto_map",
            "bos_token_id",
            "cache_implementation",
            "dtype",
            "eos_token_id",
            "final_logit_softcapping",
            "head_dim",
            "hidden_act",
            "hidden_activation",
            "hidden_size",
            "initializer_range",
            "intermediate_size",
            "layer_types",
            "max_position_embeddings",
            "model_type",
            "num_attention_heads",
            "num_hidden_layers",
            "num_key_value_heads",
            "output_attentions",
            "output_hidden_states",
            "pad_token_id",
            "query_pre_attn_scalar",
            "quantization_config",
            "return_dict",
            "rms_norm_eps",
            "rope_local_base_freq",
            "rope_parameters",
            "rope_scaling",
            "rope_theta",
            "sliding_window",
            "sliding_window_pattern",
            "tie_word_embeddings",
            "torch_dtype",
            "transformers_version",
            "unsloth_fixed",
            "unsloth_version",
            "use_bidirectional_attention",
            "use_cache",
            "vocab_size",
            // written by every transformers 4 config; decoding options there are superseded by generation_config.json
            "add_cross_attention",
            "chunk_size_feed_forward",
            "cross_attention_hidden_size",
            "finetuning_task",
            "id2label",
            "is_decoder",
            "is_encoder_decoder",
            "label2id",
            "problem_type",
            "pruned_heads",
            "tokenizer_class",
            "partial_rotary_factor",
            "per_layer_config");

    /** Keys of a multimodal config beside its text_config. */
    private static final Set<String> MULTIMODAL = Set.of(
            "boi_token_index",
            "eoi_token_index",
            "image_token_index",
            "mm_tokens_per_image",
            "text_config",
            "vision_config",
            "boi_token_id",
            "eoi_token_id",
            "image_token_id");

    private final Family family;
    private final JsonFields fields;
    private final JsonFields outer;
    private final List<String> warnings = new ArrayList<>();

    private ConfigReader(Family family, JsonFields fields, JsonFields outer) {
        this.family = family;
        this.fields = fields;
        this.outer = outer;
    }

    static GemmaConfig.Parsed parse(ObjectNode json, String name) {
        Problems problems = new Problems();
        JsonFields outer = new JsonFields(json, name, problems);
        String type = outer.text("model_type").orElse("");
        problems.throwIfAny();
        ConfigReader reader = switch (type) {
            case "gemma" -> new ConfigReader(Family.GEMMA_1, outer, outer);
            case "gemma2" -> new ConfigReader(Family.GEMMA_2, outer, outer);
            case "gemma3_text" -> new ConfigReader(Family.GEMMA_3, outer, outer);
            case "gemma3" -> new ConfigReader(Family.GEMMA_3, textConfig(outer), outer);
            default -> throw unsupported(name, type);
        };
        return reader.read(type);
    }

    private static JsonFields textConfig(JsonFields outer) {
        JsonFields text = outer.object("text_config").orElseGet(() -> {
            outer.wanted("text_config", "the text model's object");
            return outer;
        });
        outer.problems().throwIfAny();
        String type = text.text("model_type").orElse("gemma3_text");
        if (!type.equals("gemma3_text")) {
            text.wanted("model_type", "gemma3_text");
        }
        return text;
    }

    private static FormatException unsupported(String name, String type) {
        String supported = "Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3_text, gemma3)";
        String title = type.startsWith("gemma3n") ? " (Gemma 3n)" : type.startsWith("gemma4") ? " (Gemma 4)" : "";
        String seen = type.isEmpty() ? "model_type is left out" : "model_type is \"" + type + "\"" + title;
        return new FormatException(name + ": " + seen + "; " + supported);
    }

    private GemmaConfig.Parsed read(String modelType) {
        refuseWhatIsNotComputed();
        checkActivation();
        warnOfUnknownKeys();

        int hiddenSize = fields.integer("hidden_size", family == Family.GEMMA_1 ? 3072 : 2304, 1, MAX_SIZE);
        int headDim = fields.integer("head_dim", 256, 2, 1 << 16);
        double scalar = family == Family.GEMMA_1
                ? headDim
                : fields.number("query_pre_attn_scalar", 256, Double.MIN_NORMAL, 1e9);
        int vocabSize = fields.integer("vocab_size", family == Family.GEMMA_3 ? 262_208 : 256_000, 1, MAX_VOCABULARY);
        int positions =
                fields.integer("max_position_embeddings", family == Family.GEMMA_3 ? 131_072 : 8192, 1, 1 << 24);
        double eps = fields.number("rms_norm_eps", 1e-6, Double.MIN_NORMAL, 1);
        double finalCap = softcap("final_logit_softcapping", family == Family.GEMMA_2 ? 30 : 0);
        boolean tied = outer.flag("tie_word_embeddings", fields.flag("tie_word_embeddings", true));
        List<LayerConfig> layers = layers(headDim, scalar);
        OptionalInt bos = token("bos_token_id", 2);
        OptionalInt pad = token("pad_token_id", 0);
        List<Integer> eos = outer.integers("eos_token_id", 0, MAX_VOCABULARY)
                .or(() -> fields.integers("eos_token_id", 0, MAX_VOCABULARY))
                .orElse(List.of(1));
        fields.problems().throwIfAny();
        return new GemmaConfig.Parsed(
                new GemmaConfig(
                        family,
                        modelType,
                        vocabSize,
                        hiddenSize,
                        eps,
                        finalCap,
                        positions,
                        tied,
                        bos,
                        eos,
                        pad,
                        layers),
                warnings);
    }

    private void refuseWhatIsNotComputed() {
        refuseUnlessFalse(fields, "attention_bias");
        refuseUnlessFalse(fields, "is_encoder_decoder");
        refuseUnlessFalse(fields, "add_cross_attention");
        JsonNode bidirectional = fields.json().path("use_bidirectional_attention");
        if (!bidirectional.isMissingNode() && !bidirectional.isNull() && !isFalse(bidirectional)) {
            fields.wanted("use_bidirectional_attention", "false: Jemma computes causal attention");
        }
        if (fields.number("attention_dropout", 0, 0, 1) != 0) {
            fields.wanted("attention_dropout", "0: Jemma does not drop attention weights");
        }
        if (fields.number("partial_rotary_factor", 1, 0, 1) != 1) {
            fields.wanted("partial_rotary_factor", "1: Jemma rotates whole heads");
        }
        for (JsonFields place : fields == outer ? List.of(fields) : List.of(fields, outer)) {
            if (place.has("quantization_config")) {
                String method = place.json()
                        .path("quantization_config")
                        .path("quant_method")
                        .toString();
                place.problem("quantization_config is set (quant_method " + method
                        + "), wanted plain F32, F16 or BF16 weights; use the unquantized model");
            }
            if (place.has("per_layer_config")) {
                place.wanted("per_layer_config", "nothing: Jemma reads layer_types only");
            }
        }
    }

    private static void refuseUnlessFalse(JsonFields fields, String key) {
        if (fields.flag(key, false)) {
            fields.wanted(key, "false: Jemma does not compute it");
        }
    }

    private static boolean isFalse(JsonNode node) {
        return node.isBoolean() && !node.booleanValue();
    }

    /**
     * Gemma 1 computes {@code hidden_act}, later ones {@code hidden_activation}. The first Gemma 1 files said
     * {@code gelu} by mistake and were corrected through a {@code hidden_activation} beside it, which transformers 4
     * obeyed.
     */
    private void checkActivation() {
        String key = family == Family.GEMMA_1 ? "hidden_act" : "hidden_activation";
        String activation = fields.text(key).orElse(ACTIVATION);
        if (activation.equals(ACTIVATION)) {
            return;
        }
        if (family == Family.GEMMA_1
                && fields.text("hidden_activation").orElse("").equals(ACTIVATION)) {
            warnings.add(fields.place() + ": hidden_act is \"" + activation + "\", hidden_activation \"" + ACTIVATION
                    + "\"; Jemma computes the latter");
            return;
        }
        fields.wanted(
                key,
                family == Family.GEMMA_1 && activation.equals("gelu")
                        ? ACTIVATION + "; Gemma 1 was trained with that, correct the file"
                        : ACTIVATION);
    }

    private void warnOfUnknownKeys() {
        for (String key : fields.json().propertyNames()) {
            if (!KNOWN.contains(key)) {
                warnings.add(fields.place() + ": key '" + key + "' is unknown to Jemma and has no effect");
            }
        }
        if (outer != fields) {
            for (String key : outer.json().propertyNames()) {
                if (!KNOWN.contains(key) && !MULTIMODAL.contains(key)) {
                    warnings.add(outer.place() + ": key '" + key + "' is unknown to Jemma and has no effect");
                }
            }
            warnings.add(outer.place() + ": a multimodal Gemma; Jemma runs its text model, images are not read");
        }
    }

    /** A cap that is written as null is off; one that is left out has the default. */
    private double softcap(String key, double fallback) {
        if (fields.json().path(key).isNull()) {
            return 0;
        }
        return fields.number(key, fallback, Double.MIN_NORMAL, 1e9);
    }

    private OptionalInt token(String key, int fallback) {
        JsonFields place = outer.has(key) ? outer : fields;
        if (place.json().path(key).isNull()) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(place.integer(key, fallback, 0, MAX_VOCABULARY));
    }

    private List<LayerConfig> layers(int headDim, double scalar) {
        int count = fields.integer("num_hidden_layers", family == Family.GEMMA_1 ? 28 : 26, 1, MAX_LAYERS);
        int heads = fields.integer("num_attention_heads", family == Family.GEMMA_1 ? 16 : 8, 1, 1 << 12);
        int keyValueHeads = fields.integer("num_key_value_heads", family == Family.GEMMA_1 ? 16 : 4, 1, 1 << 12);
        int intermediate = fields.integer("intermediate_size", family == Family.GEMMA_1 ? 24_576 : 9216, 1, MAX_SIZE);
        double attentionCap = softcap("attn_logit_softcapping", family == Family.GEMMA_2 ? 50 : 0);
        if (heads % keyValueHeads != 0) {
            fields.problem(
                    "num_attention_heads is " + heads + ", wanted a multiple of num_key_value_heads " + keyValueHeads);
        }
        if (headDim % 2 != 0) {
            fields.problem("head_dim is " + headDim + ", wanted an even number");
        }
        List<LayerConfig.Type> types = layerTypes(count);
        int window = window(types);
        RopeReader rope = new RopeReader(family, fields);
        LayerConfig.Rope full = rope.read(LayerConfig.Type.FULL);
        LayerConfig.Rope sliding = family == Family.GEMMA_3 ? rope.read(LayerConfig.Type.SLIDING) : full;
        if (!fields.problems().isEmpty()) {
            return List.of();
        }
        return types.stream()
                .map(type -> new LayerConfig(
                        type,
                        type == LayerConfig.Type.SLIDING ? window : 0,
                        type == LayerConfig.Type.SLIDING ? sliding : full,
                        heads,
                        keyValueHeads,
                        headDim,
                        scalar,
                        attentionCap,
                        family == Family.GEMMA_3 ? HeadNorms.QUERIES_AND_KEYS : HeadNorms.NONE,
                        intermediate,
                        family == Family.GEMMA_1 ? Norms.BEFORE : Norms.BEFORE_AND_AFTER))
                .toList();
    }

    private int window(List<LayerConfig.Type> types) {
        if (!types.contains(LayerConfig.Type.SLIDING)) {
            return 0;
        }
        if (fields.json().path("sliding_window").isNull()) {
            fields.wanted("sliding_window", "the window of the sliding layers");
            return 1;
        }
        return fields.integer("sliding_window", 4096, 1, Integer.MAX_VALUE);
    }

    private List<LayerConfig.Type> layerTypes(int count) {
        if (family == Family.GEMMA_1) {
            return Collections.nCopies(count, LayerConfig.Type.FULL);
        }
        Optional<List<String>> named = fields.texts("layer_types");
        List<LayerConfig.Type> types = new ArrayList<>();
        if (named.isPresent()) {
            for (String name : named.get()) {
                switch (name) {
                    case "sliding_attention" -> types.add(LayerConfig.Type.SLIDING);
                    case "full_attention" -> types.add(LayerConfig.Type.FULL);
                    default ->
                        fields.problem(
                                "layer_types holds \"" + name + "\", wanted sliding_attention or full_attention");
                }
            }
            if (named.get().size() != count) {
                fields.problem("layer_types has " + named.get().size() + " entries, wanted one for each of " + count
                        + " layers (num_hidden_layers)");
            }
            return types;
        }
        // transformers 5 reads sliding_window_pattern and writes _sliding_window_pattern; beside the latter lies
        // layer_types
        int pattern = family == Family.GEMMA_2
                ? 2
                : fields.integer(
                        "sliding_window_pattern",
                        fields.integer("_sliding_window_pattern", 6, 1, MAX_LAYERS),
                        1,
                        MAX_LAYERS);
        for (int i = 0; i < count; i++) {
            types.add((i + 1) % pattern == 0 ? LayerConfig.Type.FULL : LayerConfig.Type.SLIDING);
        }
        return types;
    }
}
