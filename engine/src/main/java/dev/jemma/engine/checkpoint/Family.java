package dev.jemma.engine.checkpoint;

/** The generations of Gemma, and what a layer of each is made of. */
public enum Family {
    /** Norms before attention and MLP only. */
    GEMMA_1("Gemma 1", false, false),
    /** Norms before and after attention and MLP. */
    GEMMA_2("Gemma 2", true, false),
    /** As Gemma 2, and norms on queries and keys of each head. */
    GEMMA_3("Gemma 3", true, true);

    private final String title;
    private final boolean postNorms;
    private final boolean queryKeyNorms;

    Family(String title, boolean postNorms, boolean queryKeyNorms) {
        this.title = title;
        this.postNorms = postNorms;
        this.queryKeyNorms = queryKeyNorms;
    }

    /** For people: {@code Gemma 3}. */
    public String title() {
        return title;
    }

    /**
     * Whether the outputs of attention and MLP are normed before they join the residual. With them a layer has four norms
     * ({@code input_layernorm}, {@code post_attention_layernorm}, {@code pre_feedforward_layernorm},
     * {@code post_feedforward_layernorm}); without, two, and {@code post_attention_layernorm} is the one before the MLP.
     */
    public boolean postNorms() {
        return postNorms;
    }

    /** Whether each head's queries and keys are normed before the rotation ({@code q_norm}, {@code k_norm}). */
    public boolean queryKeyNorms() {
        return queryKeyNorms;
    }
}
