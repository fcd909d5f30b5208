package dev.jemma.engine.checkpoint;

import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.gguf.Blocks;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.gguf.GgufWriter;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.safetensors.SafetensorsWriter.Planned;
import dev.jemma.engine.safetensors.StoredType;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/** Small models as GGUF files and as the Hugging Face folders that hold the same. */
public final class GgufModels {
    /** llama.cpp's names, as its convert_hf_to_gguf.py gives them. */
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("pre_feedforward_layernorm", "ffn_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"),
            Map.entry("post_feedforward_layernorm", "post_ffw_norm"));

    private GgufModels() {}

    static String ggufName(String canonical, Family family) {
        String module = canonical.replaceAll("\\.weight$", "");
        return switch (module) {
            case "model.embed_tokens" -> "token_embd.weight";
            case "model.norm" -> "output_norm.weight";
            case "lm_head" -> "output.weight";
            default -> {
                String[] parts = module.split("\\.", 4);
                String name = parts[3].equals("post_attention_layernorm")
                        ? (family == Family.GEMMA_1 ? "ffn_norm" : "post_attention_norm")
                        : NAMES.getOrDefault(parts[3], "unnamed");
                yield "blk." + parts[2] + "." + name + ".weight";
            }
        };
    }

    /** The metadata of {@code config}, as llama.cpp's converter and later its quantizer write them. */
    static GgufWriter metadata(GemmaConfig config) {
        String architecture = switch (config.family()) {
            case GEMMA_1 -> "gemma";
            case GEMMA_2 -> "gemma2";
            case GEMMA_3 -> "gemma3";
        };
        String prefix = architecture + ".";
        LayerConfig first = config.layers().getFirst();
        GgufWriter writer = new GgufWriter()
                .text("general.architecture", architecture)
                .whole(prefix + "block_count", config.numHiddenLayers())
                .whole(prefix + "embedding_length", config.hiddenSize())
                .whole(prefix + "feed_forward_length", first.intermediateSize())
                .whole(prefix + "context_length", config.maxPositionEmbeddings())
                .whole(prefix + "attention.head_count", first.numAttentionHeads())
                .whole(prefix + "attention.head_count_kv", first.numKeyValueHeads())
                .whole(prefix + "attention.key_length", first.headDim())
                .whole(prefix + "attention.value_length", first.headDim())
                .real(prefix + "attention.layer_norm_rms_epsilon", (float) config.rmsNormEps())
                .whole("tokenizer.ggml.bos_token_id", config.bosTokenId().orElseThrow())
                .whole("tokenizer.ggml.eos_token_id", config.eosTokenIds().getFirst())
                .whole("tokenizer.ggml.padding_token_id", config.padTokenId().orElseThrow());
        if (config.family() != Family.GEMMA_1) {
            boolean[] sliding = new boolean[config.numHiddenLayers()];
            for (int i = 0; i < sliding.length; i++) {
                LayerConfig layer = config.layers().get(i);
                sliding[i] = layer.type() == LayerConfig.Type.SLIDING;
                if (sliding[i]) {
                    writer.whole(prefix + "attention.sliding_window", layer.window());
                }
            }
            writer.flags(prefix + "attention.sliding_window_pattern", sliding);
            writer.real(prefix + "attn_logit_softcapping", (float) first.attnLogitSoftcapping());
            writer.real(prefix + "final_logit_softcapping", (float) config.finalLogitSoftcapping());
        }
        for (LayerConfig layer : config.layers()) {
            if (layer.type() == LayerConfig.Type.FULL) {
                writer.real(prefix + "rope.freq_base", (float) layer.rope().theta());
                writer.real(prefix + "rope.scaling.factor", (float) layer.rope().factor());
            }
        }
        return writer;
    }

    /**
     * Adds the tensors of {@code checkpoint}, matrices in the plain type {@code type}, norms as llama.cpp stores them.
     */
    static GgufWriter tensors(GgufWriter writer, Checkpoint checkpoint, DType type) {
        GemmaConfig config = checkpoint.config();
        for (Map.Entry<String, Shape> weight : config.weights().entrySet()) {
            float[] values = values(checkpoint.weight(weight.getKey()));
            boolean norm = weight.getValue().rank() == 1;
            for (int i = 0; norm && i < values.length; i++) {
                values[i] += 1;
            }
            DType stored = norm ? DType.F32 : type;
            writer.tensor(
                    ggufName(weight.getKey(), config.family()),
                    GgmlType.valueOf(stored.name()),
                    bytes(values, stored),
                    weight.getValue().dims());
        }
        return writer;
    }

    static float[] values(Weight weight) {
        float[] values = new float[Math.toIntExact(weight.shape().elements())];
        weight.values().read(0, values, values.length);
        return values;
    }

    private static byte[] bytes(float[] values, DType type) {
        Tensor tensor = Tensor.host(
                type, Shape.of(values.length), MemorySegment.ofArray(new byte[(int) type.bytes(values.length)]));
        Conversion.round(values, tensor, 0, values.length);
        return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
    }

    /** A copy of the model folder whose attention scale is the one that GGUF files imply: that of the head size. */
    static Path folderWithHeadScale(Path folder, Path target) throws IOException {
        Files.createDirectories(target);
        Files.copy(folder.resolve("model.safetensors"), target.resolve("model.safetensors"));
        ObjectNode json = JsonFile.read(folder.resolve("config.json"));
        if (json.has("query_pre_attn_scalar")) {
            json.put("query_pre_attn_scalar", json.get("head_dim").intValue());
        }
        Files.write(target.resolve("config.json"), JsonFile.bytes(json));
        return target;
    }

    /** A model of rows of 256 elements, as the k-quants want them. */
    public static GemmaConfig config256() {
        return config256(64);
    }

    /** The same with {@code vocabulary} tokens. */
    public static GemmaConfig config256(int vocabulary) {
        LayerConfig.Rope local = new LayerConfig.Rope(10_000, 1);
        LayerConfig.Rope global = new LayerConfig.Rope(1_000_000, 1);
        LayerConfig.HeadNorms heads = LayerConfig.HeadNorms.QUERIES_AND_KEYS;
        LayerConfig.Norms norms = LayerConfig.Norms.BEFORE_AND_AFTER;
        List<LayerConfig> layers = List.of(
                new LayerConfig(LayerConfig.Type.SLIDING, 8, local, 2, 1, 128, 128, 0, heads, 256, norms),
                new LayerConfig(LayerConfig.Type.FULL, 0, global, 2, 1, 128, 128, 0, heads, 256, norms));
        return new GemmaConfig(
                Family.GEMMA_3,
                "gemma3_text",
                vocabulary,
                256,
                1e-6,
                0,
                512,
                true,
                OptionalInt.of(2),
                List.of(1),
                OptionalInt.of(0),
                layers);
    }

    /**
     * Writes a random model with matrices of {@code type} to {@code gguf}, and to {@code folder} what gguf makes of it:
     * matrices decoded and rounded to {@code dtype}, norms in bf16.
     */
    public static void writeRandom(GemmaConfig config, GgmlType type, DType dtype, Path gguf, Path folder)
            throws IOException {
        Random random = new Random(type.id());
        GgufWriter writer = metadata(config);
        SequencedMap<String, float[]> decoded = new LinkedHashMap<>();
        config.weights().forEach((name, shape) -> {
            float[] values = new float[Math.toIntExact(shape.elements())];
            if (shape.rank() == 1) {
                for (int i = 0; i < values.length; i++) {
                    // away from zero, where adding 1 in f32 loses bits of a bf16 for good
                    float w = 0.01f + 0.1f * random.nextFloat();
                    values[i] = Conversion.rounded(random.nextBoolean() ? w : -w, DType.BF16);
                }
                float[] stored = values.clone();
                for (int i = 0; i < stored.length; i++) {
                    stored[i] += 1;
                }
                writer.tensor(ggufName(name, config.family()), GgmlType.F32, bytes(stored, DType.F32), shape.dims());
            } else {
                byte[] blocks = randomBlocks(type, values.length, random);
                Blocks.decode(type, MemorySegment.ofArray(blocks), 0, values, values.length);
                writer.tensor(ggufName(name, config.family()), type, blocks, shape.dims());
            }
            decoded.put(name, values);
        });
        writer.write(gguf);
        Files.createDirectories(folder);
        Files.write(folder.resolve("config.json"), JsonFile.bytes(configJson(gguf)));
        writeFolder(decoded, config, dtype, folder.resolve("model.safetensors"));
    }

    private static ObjectNode configJson(Path gguf) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            return checkpoint.configJson();
        }
    }

    /** Random quants with scales that keep a random model's activations in a usual range. */
    private static byte[] randomBlocks(GgmlType type, int elements, Random random) {
        byte[] bytes = new byte[elements / type.blockElements() * type.blockBytes()];
        random.nextBytes(bytes);
        ByteBuffer blocks = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.length; at += type.blockBytes()) {
            switch (type) {
                case F32 -> blocks.putFloat(at, (float) random.nextGaussian() * 0.05f);
                case F16 -> blocks.putShort(at, Float.floatToFloat16((float) random.nextGaussian() * 0.05f));
                case BF16 -> blocks.putShort(at, Conversion.bfloat16((float) random.nextGaussian() * 0.05f));
                case Q8_0 -> blocks.putShort(at, scale(random, 127));
                case Q4_0 -> blocks.putShort(at, scale(random, 8));
                case Q5_0 -> blocks.putShort(at, scale(random, 16));
                case Q4_K -> {
                    blocks.putShort(at, scale(random, 15 * 63));
                    blocks.putShort(at + 2, scale(random, 63));
                }
                case Q5_K -> {
                    blocks.putShort(at, scale(random, 31 * 63));
                    blocks.putShort(at + 2, scale(random, 63));
                }
                case Q6_K -> blocks.putShort(at + 208, scale(random, 32 * 128));
                default -> throw new IllegalArgumentException(type + " is not read");
            }
        }
        return bytes;
    }

    private static short scale(Random random, int largest) {
        return Float.floatToFloat16((0.05f + 0.05f * random.nextFloat()) / largest);
    }

    private static void writeFolder(SequencedMap<String, float[]> values, GemmaConfig config, DType dtype, Path file)
            throws IOException {
        List<Planned> planned = new ArrayList<>();
        config.weights()
                .forEach((name, shape) ->
                        planned.add(new Planned(name, StoredType.of(shape.rank() == 1 ? DType.BF16 : dtype), shape)));
        try (Arena arena = Arena.ofConfined();
                SafetensorsWriter writer = new SafetensorsWriter(file, planned, SafetensorsWriter.PYTORCH)) {
            for (Planned next : writer.order()) {
                DType stored = next.type().dtype().orElseThrow();
                Tensor tensor = Tensor.host(stored, next.shape(), arena.allocate(stored.bytes(next.shape()), 64));
                float[] row = values.getOrDefault(next.name(), new float[0]);
                Conversion.round(row, tensor, 0, row.length);
                writer.append(tensor.segment());
            }
            writer.commit();
        }
    }
}
