package dev.jemma.engine.chat;

import dev.jemma.engine.checkpoint.Family;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The turns that a generation of Gemma was made with, for models whose folder has no chat template. */
public enum BuiltInTemplate {
    /** Gemma 1 and 2: users and the model in turns. */
    GEMMA("gemma.jinja"),
    /** Gemma 3: the same, and a system turn before the first user's text. */
    GEMMA3("gemma3.jinja");

    private final String resource;

    BuiltInTemplate(String resource) {
        this.resource = resource;
    }

    /** The turns of a generation. */
    public static BuiltInTemplate of(Family family) {
        return switch (family) {
            case GEMMA_1, GEMMA_2 -> GEMMA;
            case GEMMA_3 -> GEMMA3;
        };
    }

    /** The template's text. */
    public String source() {
        try (InputStream in = BuiltInTemplate.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + resource + " is not in the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
