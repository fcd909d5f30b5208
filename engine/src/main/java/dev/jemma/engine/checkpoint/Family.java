package dev.jemma.engine.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The generations of Gemma, what a layer of each is made of, and the turns that each was made with. */
public enum Family {
    /** Norms before attention and MLP only. */
    GEMMA_1("Gemma 1", "gemma.jinja", false, false),
    /** Norms before and after attention and MLP. */
    GEMMA_2("Gemma 2", "gemma.jinja", true, false),
    /** As Gemma 2, and norms on queries and keys of each head. */
    GEMMA_3("Gemma 3", "gemma3.jinja", true, true);

    private final String title;
    private final String template;
    private final boolean postNorms;
    private final boolean queryKeyNorms;

    Family(String title, String template, boolean postNorms, boolean queryKeyNorms) {
        this.title = title;
        this.template = template;
        this.postNorms = postNorms;
        this.queryKeyNorms = queryKeyNorms;
    }

    /** For people: {@code Gemma 3}. */
    public String title() {
        return title;
    }

    /**
     * The chat template for a model whose files have none: users and the model in turns; from Gemma 3 on a system turn too, before the first
     * user's text.
     */
    public String template() {
        try (InputStream in = Family.class.getResourceAsStream(template)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + template + " is not in the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
