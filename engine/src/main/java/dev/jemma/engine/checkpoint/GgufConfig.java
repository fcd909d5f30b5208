package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gguf.GgufFile;
import dev.jemma.engine.gguf.GgufTensor;
import dev.jemma.engine.gguf.GgufValue;
import dev.jemma.engine.gguf.Metadata;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Says in the words of config.json what a GGUF file's metadata say of a Gemma, so that there is one reader of configs.
 * Keys that are left out have the values that llama.cpp assumes ({@code load_hparams} in llama-model.cpp,
 * load_arch_hparams in models/gemma.cpp, gemma2.cpp and gemma3.cpp).
 */
final class GgufConfig {
    static final String ARCHITECTURE = "general.architecture";

    /** Whose keys these are. Without it transformers 5 warns of a tokenizer as Mistral's once were. */
    private static final String TRANSFORMERS = "5.0.0";

    private static final String EMBEDDING = Place.EMBEDDING.ggufWeight();
    private static final String HEAD = Place.HEAD.ggufWeight();
    private static final int MAX_SIZE = 1 << 20;
    private static final int MAX_TOKEN = 1 << 24;

    /**
     * Layers of the models whose attention scale is that of the hidden size over the heads instead of the head size.
     */
    private static final int GEMMA_2_27B = 46;

    private static final int GEMMA_3_27B = 62;

    private final GgufFile file;
    private final Metadata metadata;
    private final String architecture;
    private final Family family;

    private GgufConfig(GgufFile file, String architecture, Family family) {
        this.file = file;
        this.metadata = file.metadata();
        this.architecture = architecture;
        this.family = family;
    }

    /**
     * The generation of Gemma in {@code file}.
     *
     * @throws FormatException for every other model, by name, and for a part of a model
     */
    static Family family(GgufFile file) {
        Metadata metadata = file.metadata();
        long parts = metadata.whole("split.count", 0, 1 << 16).orElse(0L);
        if (parts > 1) {
            throw new FormatException(file.name() + ": is one of " + parts + " parts of a model (split.count), wanted a"
                    + " whole one; llama-gguf-split --merge joins them");
        }
        String architecture = metadata.text(ARCHITECTURE).orElse("");
        return switch (architecture) {
            case "gemma" -> Family.GEMMA_1;
            case "gemma2" -> Family.GEMMA_2;
            case "gemma3" -> Family.GEMMA_3;
            case "" -> throw metadata.wanted(ARCHITECTURE, "gemma, gemma2 or gemma3");
            default ->
                throw new FormatException(file.name() + ": " + ARCHITECTURE + " is \"" + architecture + "\""
                        + title(architecture) + "; Jemma runs Gemma 1, 2 and 3 (gemma, gemma2, gemma3)");
        };
    }

    private static String title(String architecture) {
        return switch (architecture) {
            case "gemma3n" -> " (Gemma 3n)";
            case "gemma4" -> " (Gemma 4)";
            case "gemma-embedding" -> " (EmbeddingGemma)";
            case "clip" -> " (the vision part of a model)";
            default -> "";
        };
    }

    /** The config.json of the model in {@code file}. */
    static ObjectNode json(GgufFile file) {
        Family family = family(file);
        return new GgufConfig(file, file.metadata().text(ARCHITECTURE).orElseThrow(), family).json();
    }

    private ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.putArray("architectures")
                .add(
                        switch (family) {
                            case GEMMA_1 -> "GemmaForCausalLM";
                            case GEMMA_2 -> "Gemma2ForCausalLM";
                            case GEMMA_3 -> "Gemma3ForCausalLM";
                        });
        json.put("model_type", family == Family.GEMMA_3 ? "gemma3_text" : architecture);
        int layers = required("block_count", 1024);
        int hidden = required("embedding_length", MAX_SIZE);
        int heads = uniform("attention.head_count", layers).orElseThrow(() -> left("attention.head_count"));
        int headDim = size("attention.key_length", 1 << 16).orElse(hidden / heads);
        checkHead(headDim);
        json.put("vocab_size", vocabulary());
        json.put("hidden_size", hidden);
        json.put("num_hidden_layers", layers);
        json.put(
                "intermediate_size",
                uniform("feed_forward_length", layers).orElseThrow(() -> left("feed_forward_length")));
        json.put("num_attention_heads", heads);
        json.put(
                "num_key_value_heads",
                uniform("attention.head_count_kv", layers).orElse(heads));
        json.put("head_dim", headDim);
        json.put("max_position_embeddings", required("context_length", MAX_TOKEN));
        json.put(
                "rms_norm_eps",
                metadata.number(key("attention.layer_norm_rms_epsilon"))
                        .orElseThrow(() -> left("attention.layer_norm_rms_epsilon")));
        json.put(family == Family.GEMMA_1 ? "hidden_act" : "hidden_activation", "gelu_pytorch_tanh");
        if (family != Family.GEMMA_1) {
            int largest = family == Family.GEMMA_2 ? GEMMA_2_27B : GEMMA_3_27B;
            json.put("query_pre_attn_scalar", layers == largest ? hidden / heads : headDim);
            softcap(json, "attn_logit_softcapping", family == Family.GEMMA_2 ? 50 : 0);
            softcap(json, "final_logit_softcapping", family == Family.GEMMA_2 ? 30 : 0);
            attention(json, layers);
        }
        rope(json);
        json.put("tie_word_embeddings", !file.tensors().containsKey(HEAD));
        tokens(json);
        json.put("dtype", dtype());
        json.put("transformers_version", TRANSFORMERS);
        return json;
    }

    /** What transformers should load the weights as: the plain type of the embedding, bf16 where that is of blocks. */
    private String dtype() {
        return switch (file.entry(EMBEDDING).type()) {
            case F32 -> "float32";
            case F16 -> "float16";
            default -> "bfloat16";
        };
    }

    private String key(String name) {
        return architecture + "." + name;
    }

    private FormatException left(String name) {
        return metadata.wanted(key(name), "a whole number");
    }

    private Optional<Integer> size(String name, int max) {
        return metadata.whole(key(name), 1, max).map(Long::intValue);
    }

    private int required(String name, int max) {
        return size(name, max).orElseThrow(() -> left(name));
    }

    /** A number that may be written once or for each layer; Gemma's layers do not differ. */
    private Optional<Integer> uniform(String name, int layers) {
        if (!(metadata.values().get(key(name)) instanceof GgufValue.Array)) {
            return size(name, MAX_SIZE);
        }
        int[] each = metadata.ints(key(name)).orElseThrow();
        if (each.length != layers
                || each[0] < 1
                || Arrays.stream(each).distinct().count() != 1) {
            throw metadata.wanted(key(name), "the same number for each of " + layers + " layers");
        }
        return Optional.of(each[0]);
    }

    private void checkHead(int headDim) {
        for (String other : new String[] {"attention.value_length", "rope.dimension_count"}) {
            if (size(other, MAX_SIZE).filter(size -> size != headDim).isPresent()) {
                throw metadata.wanted(key(other), "the head size, " + headDim);
            }
        }
    }

    private long vocabulary() {
        GgufTensor embedding = file.tensors().get(EMBEDDING);
        if (embedding == null || embedding.shape().rank() != 2) {
            throw new FormatException(file.name() + ": has no tensor '" + EMBEDDING + "' of two dimensions");
        }
        return embedding.shape().dim(0);
    }

    private void softcap(ObjectNode json, String name, double fallback) {
        double cap = metadata.number(key(name)).orElse(fallback);
        if (cap == 0) {
            json.putNull(name);
        } else {
            json.put(name, cap);
        }
    }

    /**
     * Without a window Gemma 3 has none, and Gemma 2 has 4096. The pattern is every how many layers one is full, or a
     * flag for each.
     */
    private void attention(ObjectNode json, int layers) {
        String windowKey = "attention.sliding_window";
        String patternKey = key("attention.sliding_window_pattern");
        int window = metadata.whole(key(windowKey), 0, Integer.MAX_VALUE)
                .map(Long::intValue)
                .orElse(family == Family.GEMMA_2 ? 4096 : 0);
        ArrayNode types = json.putArray("layer_types");
        boolean[] sliding = new boolean[layers];
        if (metadata.values().get(patternKey) instanceof GgufValue.Array) {
            GgufValue.Array flags = metadata.array(patternKey, GgufValue.Type.BOOL, GgufValue.Type.UINT32)
                    .orElseThrow();
            if (flags.count() != layers) {
                throw metadata.wanted(patternKey, "a flag for each of " + layers + " layers");
            }
            for (int i = 0; i < layers; i++) {
                sliding[i] = !flags.isZero(i);
            }
        } else {
            long pattern = metadata.whole(patternKey, 0, 1024).orElse(family == Family.GEMMA_2 ? 2L : 6L);
            IntStream.range(0, layers).forEach(i -> sliding[i] = pattern == 0 || (i + 1) % pattern != 0);
        }
        for (boolean slides : sliding) {
            types.add(slides && window > 0 ? "sliding_attention" : "full_attention");
        }
        if (window > 0) {
            json.put("sliding_window", window);
        }
    }

    /** The sliding layers of Gemma 3 have a base of their own and are not scaled. */
    private void rope(ObjectNode json) {
        double theta = metadata.number(key("rope.freq_base")).orElse(10_000.0);
        double factor = metadata.number(key("rope.scaling.factor"))
                .or(() -> metadata.number(key("rope.scale_linear")))
                .filter(value -> value != 0)
                .orElse(1.0);
        String type = metadata.text(key("rope.scaling.type")).orElse("linear");
        if (!type.equals("linear") && !type.equals("none")) {
            throw metadata.wanted(key("rope.scaling.type"), "linear or none: Jemma does not compute others");
        }
        ObjectNode parameters = json.putObject("rope_parameters");
        if (family != Family.GEMMA_3) {
            rope(parameters, theta, type.equals("none") ? 1 : factor);
            return;
        }
        rope(parameters.putObject("full_attention"), theta, type.equals("none") ? 1 : factor);
        rope(
                parameters.putObject("sliding_attention"),
                metadata.number(key("rope.freq_base_swa")).orElse(10_000.0),
                1);
    }

    private static void rope(ObjectNode parameters, double theta, double factor) {
        parameters.put("rope_theta", theta);
        parameters.put("rope_type", factor == 1 ? "default" : "linear");
        if (factor != 1) {
            parameters.put("factor", factor);
        }
    }

    private void tokens(ObjectNode json) {
        for (String[] pair : new String[][] {
            {"bos_token_id", "bos_token_id"}, {"eos_token_id", "eos_token_id"}, {"pad_token_id", "padding_token_id"}
        }) {
            metadata.whole("tokenizer.ggml." + pair[1], 0, MAX_TOKEN).ifPresent(id -> json.put(pair[0], id));
        }
    }
}
