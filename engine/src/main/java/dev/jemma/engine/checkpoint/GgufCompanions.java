package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Writes what a Hugging Face folder needs beside weights and config.json, from what a GGUF file holds of it. */
final class GgufCompanions {
    private GgufCompanions() {}

    /** Writes generation_config.json, and where the file has them a tokenizer and chat templates, to {@code folder}. */
    static void write(GgufCheckpoint base, Path folder) throws IOException {
        Files.write(folder.resolve(ModelFiles.GENERATION_CONFIG), JsonFile.bytes(generation(base.generation())));
        Optional<Tokenizer> tokenizer = base.tokenizer();
        if (tokenizer.isPresent()) {
            tokenizer.get().write(folder.resolve(Tokenizer.FILE));
            Files.write(
                    folder.resolve(ModelFiles.TOKENIZER_CONFIG),
                    JsonFile.bytes(tokenizerConfig(base, tokenizer.get())));
        }
        base.templates().writeTo(folder);
    }

    private static ObjectNode generation(GenerationConfig config) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        config.bosTokenId().ifPresent(id -> json.put("bos_token_id", id));
        json.put("do_sample", config.doSample());
        config.eosTokenIds().forEach(json.putArray("eos_token_id")::add);
        config.padTokenId().ifPresent(id -> json.put("pad_token_id", id));
        if (config.doSample()) {
            json.put("temperature", config.temperature());
            json.put("top_k", config.topK());
            json.put("top_p", config.topP());
            json.put("min_p", config.minP());
            json.put("repetition_penalty", config.repetitionPenalty());
        }
        return json;
    }

    private static ObjectNode tokenizerConfig(GgufCheckpoint base, Tokenizer tokenizer) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("tokenizer_class", "GemmaTokenizer");
        json.put("add_bos_token", tokenizer.prefix().length > 0);
        json.put("clean_up_tokenization_spaces", false);
        json.put("model_max_length", base.config().maxPositionEmbeddings());
        token(json, "bos_token", tokenizer, base.config().bosTokenId());
        token(json, "eos_token", tokenizer, first(base));
        token(json, "pad_token", tokenizer, base.config().padTokenId());
        tokenizer.unknown().ifPresent(unknown -> json.put("unk_token", unknown));
        return json;
    }

    private static OptionalInt first(GgufCheckpoint base) {
        return base.config().eosTokenIds().stream().mapToInt(id -> id).findFirst();
    }

    private static void token(ObjectNode json, String key, Tokenizer tokenizer, OptionalInt id) {
        if (id.isPresent()) {
            tokenizer.token(id.getAsInt()).ifPresent(token -> json.put(key, token));
        }
    }
}
