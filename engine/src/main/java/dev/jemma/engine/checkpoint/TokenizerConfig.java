package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The few things that Jemma takes from a folder's tokenizer_config.json. The real files have a megabyte, nearly all of
 * it added tokens, so it is read once, when something of it is first asked for. Safe for threads; a failure is not
 * kept.
 */
final class TokenizerConfig {
    /** The key of a template, or of a list of named ones. */
    static final String CHAT_TEMPLATE = "chat_template";

    private static final Set<String> WANTED = Set.of(CHAT_TEMPLATE, ModelText.BOS, ModelText.EOS);

    private final Path file;
    private Optional<ObjectNode> content = Optional.empty();

    TokenizerConfig(Path folder) {
        this.file = folder.resolve(ModelFiles.TOKENIZER_CONFIG);
    }

    /**
     * The value at one of the keys that this class knows; a missing node where there is no such file or key.
     *
     * @throws FormatException if the file is malformed
     * @throws IOException if it cannot be read
     */
    synchronized JsonNode get(String key) throws IOException {
        if (content.isEmpty()) {
            content = Optional.of(
                    Files.exists(file) ? JsonFile.read(file, WANTED) : JsonNodeFactory.instance.objectNode());
        }
        return content.get().path(key);
    }
}
