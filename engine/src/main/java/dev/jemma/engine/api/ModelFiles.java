package dev.jemma.engine.api;

/**
 * What the files of a model or an adapter are called, but for its tokenizer and the shards of large weights, which know
 * their own names.
 */
public final class ModelFiles {
    /** Shape and constants of a model. */
    public static final String CONFIG = "config.json";

    /** All weights of a model that are not in shards. */
    public static final String WEIGHTS = "model.safetensors";

    /** How a model wants to be sampled. */
    public static final String GENERATION_CONFIG = "generation_config.json";

    /** How the tokenizer's special tokens are spelled, and in older folders a chat template. */
    public static final String TOKENIZER_CONFIG = "tokenizer_config.json";

    /** A folder's own chat template. */
    public static final String CHAT_TEMPLATE = "chat_template.jinja";

    /** The chat template of multimodal models before transformers 4.51, in JSON. */
    public static final String CHAT_TEMPLATE_JSON = "chat_template.json";

    /** The folder of further chat templates, named by their files. */
    public static final String ADDITIONAL_TEMPLATES = "additional_chat_templates";

    /** What an adapter adapts and how strongly. */
    public static final String ADAPTER_CONFIG = "adapter_config.json";

    /** The factors of an adapter. */
    public static final String ADAPTER_WEIGHTS = "adapter_model.safetensors";

    /** How an adapter was trained to write calls of tools. */
    public static final String JEMMA = "jemma.json";

    /** How far a training run has come. */
    public static final String TRAINER_STATE = "trainer_state.json";

    private ModelFiles() {}
}
