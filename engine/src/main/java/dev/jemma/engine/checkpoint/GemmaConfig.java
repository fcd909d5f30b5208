package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Gemma's shape and constants, from its config.json. Components have that file's names; what is left out there has transformers'
 * class default here.
 *
 * @param family the generation
 * @param modelType {@code model_type} as written: {@code gemma}, {@code gemma2}, {@code gemma3_text} or {@code gemma3}
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual
 * @param rmsNormEps epsilon of every norm
 * @param queryPreAttnScalar attention scores are scaled by its {@code ^-0.5}; Gemma 1 uses the head size
 * @param attnLogitSoftcapping cap of attention scores; 0 = none
 * @param finalLogitSoftcapping cap of the logits; 0 = none
 * @param maxPositionEmbeddings the context length it was made for
 * @param tieWordEmbeddings whether the head is the embedding
 * @param bosTokenId starts a text
 * @param eosTokenIds end a text; generation_config.json may name others
 * @param padTokenId fills
 * @param layers the decoder layers
 */
public record GemmaConfig(
        Family family,
        String modelType,
        int vocabSize,
        int hiddenSize,
        double rmsNormEps,
        double queryPreAttnScalar,
        double attnLogitSoftcapping,
        double finalLogitSoftcapping,
        int maxPositionEmbeddings,
        boolean tieWordEmbeddings,
        OptionalInt bosTokenId,
        List<Integer> eosTokenIds,
        OptionalInt padTokenId,
        List<LayerConfig> layers) {

    /** The embedding's weight. */
    public static final String EMBEDDING = "model.embed_tokens.weight";

    /** The weight of an untied head. */
    public static final String HEAD = "lm_head.weight";

    /** The weight of the last norm. */
    public static final String FINAL_NORM = "model.norm.weight";

    /**
     * What a config.json says.
     *
     * @param config the values
     * @param warnings keys that Jemma does not know, and values that stand for others, a line each
     */
    public record Parsed(GemmaConfig config, List<String> warnings) {
        public Parsed {
            warnings = List.copyOf(warnings);
        }
    }

    public GemmaConfig {
        eosTokenIds = List.copyOf(eosTokenIds);
        layers = List.copyOf(layers);
        if (vocabSize < 1 || hiddenSize < 1 || layers.isEmpty() || !(queryPreAttnScalar > 0) || !(rmsNormEps > 0)) {
            throw new IllegalArgumentException(
                    "vocabulary " + vocabSize + ", hidden size " + hiddenSize + ", " + layers.size()
                            + " layers, query_pre_attn_scalar " + queryPreAttnScalar + ", rms_norm_eps " + rmsNormEps);
        }
    }

    /**
     * Reads a config.json.
     *
     * @throws FormatException naming every value that is malformed or that Jemma does not compute
     * @throws IOException if it cannot be read
     */
    public static Parsed read(Path file) throws IOException {
        return parse(JsonFile.read(file), file.getFileName().toString());
    }

    /** Reads the content of a config.json, which messages call {@code name}. */
    public static Parsed parse(ObjectNode json, String name) {
        return ConfigReader.parse(json, name);
    }

    /** The same model with its head tied to the embedding or not. */
    public GemmaConfig withTiedHead(boolean tied) {
        return new GemmaConfig(
                family,
                modelType,
                vocabSize,
                hiddenSize,
                rmsNormEps,
                queryPreAttnScalar,
                attnLogitSoftcapping,
                finalLogitSoftcapping,
                maxPositionEmbeddings,
                tied,
                bosTokenId,
                eosTokenIds,
                padTokenId,
                layers);
    }

    /** Whether this is the text part of a vision-and-text model, whose files name modules differently. */
    public boolean isMultimodal() {
        return modelType.equals("gemma3");
    }

    /** Number of decoder layers. */
    public int numHiddenLayers() {
        return layers.size();
    }

    /**
     * What embeddings are multiplied by: {@code sqrt(hidden_size)} as f32. Hugging Face rounds it further to the dtype it computes
     * in.
     */
    public float embeddingScale() {
        return (float) Math.sqrt(hiddenSize);
    }

    /** What attention scores are multiplied by, as f32. */
    public float attentionScale() {
        return (float) Math.pow(queryPreAttnScalar, -0.5);
    }

    /** The prefix of a layer's tensor names: {@code model.layers.3.}. */
    public static String layer(int index) {
        return "model.layers." + index + ".";
    }

    /**
     * Every weight of this model by canonical name with its shape, in the order of computation. Linear maps are [out, in]; the head
     * is among them only where it is not tied.
     */
    public SequencedMap<String, Shape> weights() {
        SequencedMap<String, Shape> weights = new LinkedHashMap<>();
        weights.put(EMBEDDING, Shape.of(vocabSize, hiddenSize));
        for (int i = 0; i < layers.size(); i++) {
            LayerConfig layer = layers.get(i);
            String prefix = layer(i);
            weights.put(prefix + "input_layernorm.weight", Shape.of(hiddenSize));
            weights.put(prefix + "self_attn.q_proj.weight", Shape.of(layer.queryDim(), hiddenSize));
            weights.put(prefix + "self_attn.k_proj.weight", Shape.of(layer.keyValueDim(), hiddenSize));
            weights.put(prefix + "self_attn.v_proj.weight", Shape.of(layer.keyValueDim(), hiddenSize));
            weights.put(prefix + "self_attn.o_proj.weight", Shape.of(hiddenSize, layer.queryDim()));
            if (family.queryKeyNorms()) {
                weights.put(prefix + "self_attn.q_norm.weight", Shape.of(layer.headDim()));
                weights.put(prefix + "self_attn.k_norm.weight", Shape.of(layer.headDim()));
            }
            weights.put(prefix + "post_attention_layernorm.weight", Shape.of(hiddenSize));
            if (family.postNorms()) {
                weights.put(prefix + "pre_feedforward_layernorm.weight", Shape.of(hiddenSize));
            }
            weights.put(prefix + "mlp.gate_proj.weight", Shape.of(layer.intermediateSize(), hiddenSize));
            weights.put(prefix + "mlp.up_proj.weight", Shape.of(layer.intermediateSize(), hiddenSize));
            weights.put(prefix + "mlp.down_proj.weight", Shape.of(hiddenSize, layer.intermediateSize()));
            if (family.postNorms()) {
                weights.put(prefix + "post_feedforward_layernorm.weight", Shape.of(hiddenSize));
            }
        }
        weights.put(FINAL_NORM, Shape.of(hiddenSize));
        if (!tieWordEmbeddings) {
            weights.put(HEAD, Shape.of(vocabSize, hiddenSize));
        }
        return weights;
    }
}
