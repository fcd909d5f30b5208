package dev.jemma.engine.checkpoint.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The generations of Gemma. What a layer of each computes is said by {@link LayerConfig}. */
public enum Family {
    /** Gemma, CodeGemma. */
    GEMMA_1("Gemma 1", "gemma.jinja"),
    /** Gemma 2. */
    GEMMA_2("Gemma 2", "gemma.jinja"),
    /** Gemma 3, FunctionGemma. */
    GEMMA_3("Gemma 3", "gemma3.jinja");

    private final String title;
    private final String template;

    Family(String title, String template) {
        this.title = title;
        this.template = template;
    }

    /** For people: {@code Gemma 3}. */
    public String title() {
        return title;
    }

    /**
     * The chat template for a model whose files have none: users and the model in turns; from Gemma 3 on a system turn
     * too, before the first user's text.
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
}
