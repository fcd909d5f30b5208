package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * The text files of a folder as Hugging Face lays it out. It need not hold weights. Its tokenizer_config.json is read
 * once.
 */
public final class FolderText implements ModelText {
    private final Path path;
    private final TokenizerConfig config;

    /** Those of the folder {@code path}. */
    public FolderText(Path path) {
        this.path = path;
        this.config = new TokenizerConfig(path);
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public TemplateFiles templates() throws IOException {
        return TemplateFiles.find(path, config);
    }

    /** A token is written as a string, or as an object with {@code content}. */
    @Override
    public Map<String, String> specialTokens() throws IOException {
        Map<String, String> tokens = new HashMap<>();
        for (String key : List.of(BOS, EOS)) {
            JsonNode token = config.get(key);
            JsonNode text = token.isObject() ? token.path("content") : token;
            if (!text.stringValue("").isEmpty()) {
                tokens.put(key, text.stringValue());
            }
        }
        return tokens;
    }

    @Override
    public OptionalInt specialTokenId(String key) throws IOException {
        Path config = path.resolve(ModelFiles.CONFIG);
        return Files.exists(config)
                ? GenerationConfig.read(path, GemmaConfig.read(config).config()).specialTokenId(key)
                : OptionalInt.empty();
    }

    @Override
    public Family family() throws IOException {
        return GemmaConfig.read(path.resolve(ModelFiles.CONFIG)).config().family();
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return Optional.of(path.resolve(Tokenizer.FILE)).filter(Files::exists).map(Tokenizer::load);
    }
}
