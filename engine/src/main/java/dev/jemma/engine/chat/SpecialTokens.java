package dev.jemma.engine.chat;

import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.GenerationConfig;
import dev.jemma.engine.checkpoint.ModelFiles;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
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
     * Those of a model: as its files spell them, else the tokens of the ids that it begins and ends texts with.
     *
     * @param tokenizer the model's
     * @throws IOException if a file cannot be read
     */
    public static SpecialTokens of(Checkpoint checkpoint, Tokenizer tokenizer) throws IOException {
        GenerationConfig generation = checkpoint.generation();
        List<Integer> ends = generation.eosTokenIds();
        OptionalInt end = ends.isEmpty() ? OptionalInt.empty() : OptionalInt.of(ends.getFirst());
        return new SpecialTokens(
                checkpoint
                        .specialToken("bos_token")
                        .orElseGet(() -> spelled(tokenizer, generation.bosTokenId(), GEMMA.bos)),
                checkpoint.specialToken("eos_token").orElseGet(() -> spelled(tokenizer, end, GEMMA.eos)));
    }

    private static String spelled(Tokenizer tokenizer, OptionalInt id, String fallback) {
        return id.isPresent() ? tokenizer.token(id.getAsInt()).orElse(fallback) : fallback;
    }

    /**
     * Those of a model folder: its tokenizer_config.json's, where it names them.
     *
     * @throws IOException if the file cannot be read
     */
    public static SpecialTokens read(Path folder) throws IOException {
        Path file = folder.resolve(ModelFiles.TOKENIZER_CONFIG);
        if (!Files.exists(file)) {
            return GEMMA;
        }
        JsonNode config = JsonFile.read(file, Set.of("bos_token", "eos_token"));
        return new SpecialTokens(
                token(config.path("bos_token"), GEMMA.bos), token(config.path("eos_token"), GEMMA.eos));
    }

    /** A token is a text, or an object with its text as content. */
    private static String token(JsonNode node, String fallback) {
        return node.isObject() ? node.path("content").asString(fallback) : node.asString(fallback);
    }
}
