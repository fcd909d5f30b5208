package dev.jemma.engine.inspect;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * Shape and constants of a model, under config.json's names.
 *
 * @param family the generation, {@code Gemma 3}
 * @param modelType what config.json calls it
 * @param vocabSize ids that it has embeddings for
 * @param hiddenSize width of the residual stream
 * @param layers its layers, the first first; at least one
 * @param queryPreAttnScalar attention scores are scaled by its {@code ^-0.5}
 * @param attnLogitSoftcapping cap of attention scores; 0 = none
 * @param finalLogitSoftcapping cap of logits; 0 = none
 * @param maxPositionEmbeddings tokens that it was made for
 * @param tieWordEmbeddings whether embedding and head are one weight
 */
public record Architecture(
        String family,
        String modelType,
        int vocabSize,
        int hiddenSize,
        List<Layer> layers,
        double queryPreAttnScalar,
        double attnLogitSoftcapping,
        double finalLogitSoftcapping,
        int maxPositionEmbeddings,
        boolean tieWordEmbeddings) {
    /**
     * A layer.
     *
     * @param window keys that a query sees; 0 = all before it
     * @param ropeTheta base of its rotary embedding
     * @param ropeFactor linear scaling of the positions; 1 = none
     * @param numAttentionHeads query heads
     * @param numKeyValueHeads key and value heads
     * @param headDim elements per head
     * @param intermediateSize width of the MLP
     */
    public record Layer(
            int window,
            double ropeTheta,
            double ropeFactor,
            int numAttentionHeads,
            int numKeyValueHeads,
            int headDim,
            int intermediateSize) {
        private static Layer of(LayerConfig layer) {
            return new Layer(
                    layer.window(),
                    layer.rope().theta(),
                    layer.rope().factor(),
                    layer.numAttentionHeads(),
                    layer.numKeyValueHeads(),
                    layer.headDim(),
                    layer.intermediateSize());
        }

        /** Whether queries see a window of the keys only. */
        public boolean sliding() {
            return window > 0;
        }
    }

    public Architecture {
        layers = List.copyOf(layers);
    }

    static Architecture of(GemmaConfig config) {
        LayerConfig first = config.layers().getFirst();
        return new Architecture(
                config.family().title(),
                config.modelType(),
                config.vocabSize(),
                config.hiddenSize(),
                config.layers().stream().map(Layer::of).toList(),
                first.queryPreAttnScalar(),
                first.attnLogitSoftcapping(),
                config.finalLogitSoftcapping(),
                config.maxPositionEmbeddings(),
                config.tieWordEmbeddings());
    }

    /** How many of the layers are sliding. */
    public long slidingLayers() {
        return layers.stream().filter(Layer::sliding).count();
    }

    void writeTo(ObjectNode json) {
        Layer first = layers.getFirst();
        json.put("family", family);
        json.put("model_type", modelType);
        json.put("vocab_size", vocabSize);
        json.put("hidden_size", hiddenSize);
        json.put("num_hidden_layers", layers.size());
        json.put("intermediate_size", first.intermediateSize);
        json.put("num_attention_heads", first.numAttentionHeads);
        json.put("num_key_value_heads", first.numKeyValueHeads);
        json.put("head_dim", first.headDim);
        json.put("query_pre_attn_scalar", queryPreAttnScalar);
        json.put("attn_logit_softcapping", attnLogitSoftcapping);
        json.put("final_logit_softcapping", finalLogitSoftcapping);
        json.put("max_position_embeddings", maxPositionEmbeddings);
        json.put("tie_word_embeddings", tieWordEmbeddings);
        layers.stream().filter(Layer::sliding).findFirst().ifPresent(layer -> json.put("sliding_window", layer.window));
        for (Layer layer : layers) {
            ObjectNode one = json.withArray("layers").addObject();
            one.put("type", layer.sliding() ? "sliding_attention" : "full_attention");
            one.put("rope_theta", layer.ropeTheta);
            one.put("rope_factor", layer.ropeFactor);
        }
    }
}
