package dev.jemma.engine.checkpoint.config;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Gemma's shape and constants, from its config.json. Components have that file's names; what is left out there has
 * transformers' class default here.
 *
 * @param family the generation
 * @param modelType {@code model_type} as written: {@code gemma}, {@code gemma2}, {@code gemma3_text} or {@code gemma3}
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual
 * @param rmsNormEps epsilon of every norm
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
        double finalLogitSoftcapping,
        int maxPositionEmbeddings,
        boolean tieWordEmbeddings,
        OptionalInt bosTokenId,
        List<Integer> eosTokenIds,
        OptionalInt padTokenId,
        List<LayerConfig> layers) {

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
        if (vocabSize < 1 || hiddenSize < 1 || layers.isEmpty() || !(rmsNormEps > 0)) {
            throw new IllegalArgumentException("vocabulary " + vocabSize + ", hidden size " + hiddenSize + ", "
                    + layers.size() + " layers, rms_norm_eps " + rmsNormEps);
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
     * What embeddings are multiplied by: {@code sqrt(hidden_size)} as f32. Hugging Face rounds it further to the dtype
     * it computes in.
     */
    public float embeddingScale() {
        return (float) Math.sqrt(hiddenSize);
    }

    /** Every parameter of this model. Made anew at each call; whoever asks more than once keeps it. */
    public Layout layout() {
        return Layout.of(this);
    }

    /**
     * The shapes of what the files of this model hold, by canonical name, in the order of computation
     * ({@link Layout#weights}).
     */
    public SequencedMap<String, Shape> weights() {
        return layout().weights();
    }
}
