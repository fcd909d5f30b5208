package dev.jemma.engine.checkpoint.config;

/** The sizes that parameters are made of. */
enum Dimension {
    /** Rows of the embedding. */
    VOCABULARY,
    /** Width of the residual stream. */
    HIDDEN,
    /** Queries of all heads. */
    QUERIES,
    /** Keys of all heads, and values. */
    KEYS,
    /** One head. */
    HEAD_DIM,
    /** Width of the MLP. */
    INTERMEDIATE;

    /** The size in layer {@code layer} of a model; outside of the layers a parameter has sizes of the model alone. */
    long of(GemmaConfig config, int layer) {
        return switch (this) {
            case VOCABULARY -> config.vocabSize();
            case HIDDEN -> config.hiddenSize();
            case QUERIES -> config.layers().get(layer).queryDim();
            case KEYS -> config.layers().get(layer).keyValueDim();
            case HEAD_DIM -> config.layers().get(layer).headDim();
            case INTERMEDIATE -> config.layers().get(layer).intermediateSize();
        };
    }
}
