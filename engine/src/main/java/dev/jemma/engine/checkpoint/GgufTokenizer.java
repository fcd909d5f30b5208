package dev.jemma.engine.checkpoint;

import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.gguf.GgufValue;
import dev.jemma.engine.gguf.Metadata;
import dev.jemma.engine.tokenizer.GemmaTokens;
import dev.jemma.engine.tokenizer.ScoredPieces;
import dev.jemma.engine.tokenizer.ScoredPieces.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** The tokenizer and the chat templates in a GGUF file's metadata. */
record GgufTokenizer(Metadata metadata) {
    static final String CHAT_TEMPLATE = "tokenizer.chat_template";

    private static final String SAMPLING = "general.sampling.";
    private static final String GGML = "tokenizer.ggml.";
    private static final String MODEL = GGML + "model";
    private static final String TOKENS = GGML + "tokens";

    /** As llama.cpp's files number them; 0 is undefined, which it takes for normal. */
    private static final List<Kind> KINDS =
            List.of(Kind.NORMAL, Kind.NORMAL, Kind.UNKNOWN, Kind.CONTROL, Kind.USER_DEFINED, Kind.UNUSED, Kind.BYTE);

    /** How many tokens the file has; none without a tokenizer. */
    long count() {
        return metadata.array(TOKENS, GgufValue.Type.STRING)
                .map(GgufValue.Array::count)
                .orElse(0L);
    }

    /** The pieces of a file that has a tokenizer. */
    ScoredPieces pieces() {
        if (!metadata.text(MODEL).orElse("").equals("llama")) {
            throw metadata.wanted(MODEL, "\"llama\", a SentencePiece model with scores, as files of Gemma have it");
        }
        List<byte[]> tokens = metadata.strings(TOKENS).orElseThrow();
        float[] scores = metadata.floats(GGML + "scores")
                .orElseThrow(() -> metadata.wanted(GGML + "scores", "a FLOAT32 for each token"));
        return new ScoredPieces(
                metadata.file(),
                tokens,
                scores,
                kinds(tokens.size()),
                id("unknown_token_id"),
                flag("add_bos_token", true) ? id("bos_token_id") : OptionalInt.empty(),
                flag("add_eos_token", false) ? id("eos_token_id") : OptionalInt.empty(),
                flag("add_space_prefix", false));
    }

    private List<Kind> kinds(int count) {
        Optional<int[]> types = metadata.ints(GGML + "token_type");
        if (types.isEmpty()) {
            return Collections.nCopies(count, Kind.NORMAL);
        }
        List<Kind> kinds = new ArrayList<>(types.get().length);
        for (int type : types.get()) {
            if (type < 0 || type >= KINDS.size()) {
                throw metadata.wanted(GGML + "token_type", "numbers from 0 to 6, not " + type);
            }
            kinds.add(KINDS.get(type));
        }
        return kinds;
    }

    private boolean flag(String name, boolean fallback) {
        return metadata.flag(GGML + name).orElse(fallback);
    }

    /** The id of a special token. */
    OptionalInt id(String name) {
        return metadata.whole(GGML + name, 0, Integer.MAX_VALUE)
                .map(id -> OptionalInt.of(id.intValue()))
                .orElse(OptionalInt.empty());
    }

    /** {@code tokenizer.chat_template}, and {@code tokenizer.chat_template.NAME} for named ones. */
    TemplateFiles templates() {
        LinkedHashMap<String, String> found = new LinkedHashMap<>();
        metadata.text(CHAT_TEMPLATE).ifPresent(text -> found.put(TemplateFiles.DEFAULT, text));
        for (String key : metadata.values().sequencedKeySet()) {
            if (key.startsWith(CHAT_TEMPLATE + ".")) {
                metadata.text(key)
                        .ifPresent(text -> found.putIfAbsent(key.substring(CHAT_TEMPLATE.length() + 1), text));
            }
        }
        return new TemplateFiles(found, found.isEmpty() ? "" : CHAT_TEMPLATE);
    }

    /**
     * How the model wants to be sampled: {@code general.sampling.*}, greedy where there is no such key. Answers end
     * with the file's eos and eot and with {@code <end_of_turn>}, as llama.cpp has it.
     */
    GenerationConfig generation(GemmaConfig config) {
        Set<Integer> ends = new LinkedHashSet<>(config.eosTokenIds());
        id("eot_token_id").ifPresent(ends::add);
        metadata.indexOf(TOKENS, GemmaTokens.END_OF_TURN).ifPresent(ends::add);
        boolean sampled = metadata.values().sequencedKeySet().stream().anyMatch(key -> key.startsWith(SAMPLING));
        return new GenerationConfig(
                sampled,
                sampling("temp", 1, 0, 1e6),
                metadata.whole(SAMPLING + "top_k", 0, 1 << 24)
                        .orElse(sampled ? 0L : 50L)
                        .intValue(),
                sampling("top_p", 1, 0, 1),
                sampling("min_p", 0, 0, 1),
                sampling("penalty_repeat", 1, 1e-6, 1e6),
                config.bosTokenId(),
                List.copyOf(ends),
                config.padTokenId(),
                List.of(),
                List.of());
    }

    private double sampling(String name, double fallback, double min, double max) {
        double value = metadata.number(SAMPLING + name).orElse(fallback);
        if (value < min || value > max) {
            throw metadata.wanted(SAMPLING + name, "a number from " + min + " to " + max);
        }
        return value;
    }
}
