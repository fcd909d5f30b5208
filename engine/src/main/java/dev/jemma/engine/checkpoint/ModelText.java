package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The part of a model's files that is about text: tokenizer, special tokens, chat templates. None of it needs weights,
 * and nothing is read before it is asked for: not every use of a model speaks in turns, and templates may stand in a
 * file of a megabyte.
 */
public interface ModelText {
    /** The key of the token that begins a text. */
    String BOS = "bos_token";

    /** The key of the token that ends a text. */
    String EOS = "eos_token";

    /** The folder or file that says it. */
    Path path();

    /**
     * The model's chat templates, possibly none.
     *
     * @throws FormatException if a file that should hold one is malformed
     * @throws IOException if a file cannot be read
     */
    TemplateFiles templates() throws IOException;

    /**
     * How tokenizer_config.json spells {@link #BOS} and {@link #EOS}, where there is such a file and it does.
     *
     * @throws IOException if the file cannot be read
     */
    Map<String, String> specialTokens() throws IOException;

    /**
     * The id of {@link #BOS}, or the first of {@link #EOS}, where the files name one.
     *
     * @throws IOException if a file cannot be read
     */
    OptionalInt specialTokenId(String key) throws IOException;

    /**
     * The generation of Gemma, whose turns the model knows.
     *
     * @throws FormatException if the files do not say, or name a model that Jemma does not run
     * @throws IOException if a file cannot be read
     */
    Family family() throws IOException;

    /**
     * The tokenizer, if there is one, read anew.
     *
     * @throws FormatException if it is malformed
     */
    Optional<Tokenizer> tokenizer();
}
