package dev.jemma.engine.chat;

import dev.jemma.engine.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/**
 * The tokens that templates know as {@code bos_token} and {@code eos_token}.
 *
 * @param bos begins a text
 * @param eos ends one
 */
public record SpecialTokens(String bos, String eos) {
    /** Gemma's. */
    public static final SpecialTokens GEMMA = new SpecialTokens("<bos>", "<eos>");

    /**
     * Those of a model folder: its tokenizer_config.json's, where it names them.
     *
     * @throws IOException if the file cannot be read
     */
    public static SpecialTokens read(Path folder) throws IOException {
        Path file = folder.resolve("tokenizer_config.json");
        if (!Files.exists(file)) {
            return GEMMA;
        }
        JsonNode config = JsonFile.read(file);
        return new SpecialTokens(
                token(config.path("bos_token"), GEMMA.bos), token(config.path("eos_token"), GEMMA.eos));
    }

    /** A token is a text, or an object with its text as content. */
    private static String token(JsonNode node, String fallback) {
        return node.isObject() ? node.path("content").asString(fallback) : node.asString(fallback);
    }
}
