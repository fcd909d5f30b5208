package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.io.JsonFields;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.io.Problems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * How a model wants to be sampled: generation_config.json, with transformers' defaults for what is left out.
 *
 * @param doSample whether to sample; otherwise greedy
 * @param temperature divides the logits
 * @param topK keeps the k likeliest; 0 = all
 * @param topP keeps the likeliest that make up p; 1 = all
 * @param minP drops what is less likely than minP times the likeliest; 0 = none
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens seen; 1 = none
 * @param bosTokenId starts a text
 * @param eosTokenIds end a text
 * @param padTokenId fills
 * @param suppressTokens never generated
 * @param warnings options set there that Jemma does not have, a line each
 */
public record GenerationConfig(
        boolean doSample,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        OptionalInt bosTokenId,
        List<Integer> eosTokenIds,
        OptionalInt padTokenId,
        List<Integer> suppressTokens,
        List<String> warnings) {

    private static final String FILE = ModelFiles.GENERATION_CONFIG;

    /** Options of other decoding methods, with the value that means "not used". */
    private static final Map<String, Double> OTHER_METHODS = Map.ofEntries(
            Map.entry("num_beams", 1.0),
            Map.entry("num_beam_groups", 1.0),
            Map.entry("penalty_alpha", 0.0),
            Map.entry("typical_p", 1.0),
            Map.entry("epsilon_cutoff", 0.0),
            Map.entry("eta_cutoff", 0.0),
            Map.entry("no_repeat_ngram_size", 0.0),
            Map.entry("encoder_no_repeat_ngram_size", 0.0),
            Map.entry("encoder_repetition_penalty", 1.0),
            Map.entry("diversity_penalty", 0.0),
            Map.entry("guidance_scale", 1.0));

    private static final Set<String> OTHER_LISTS = Set.of(
            "bad_words_ids",
            "begin_suppress_tokens",
            "constraints",
            "exponential_decay_length_penalty",
            "force_words_ids",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "sequence_bias");

    private static final int MAX_TOKEN = 1 << 24;

    public GenerationConfig {
        eosTokenIds = List.copyOf(eosTokenIds);
        suppressTokens = List.copyOf(suppressTokens);
        warnings = List.copyOf(warnings);
    }

    /**
     * Reads generation_config.json in {@code folder}; without one, greedy with the tokens of {@code config}, as
     * transformers has it.
     *
     * @throws FormatException naming every malformed value
     * @throws IOException if the file cannot be read
     */
    public static GenerationConfig read(Path folder, GemmaConfig config) throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return new GenerationConfig(
                    false,
                    1,
                    50,
                    1,
                    0,
                    1,
                    config.bosTokenId(),
                    config.eosTokenIds(),
                    config.padTokenId(),
                    List.of(),
                    List.of());
        }
        Problems problems = new Problems();
        JsonFields fields = new JsonFields(JsonFile.read(file), FILE, problems);
        GenerationConfig read = new GenerationConfig(
                fields.flag("do_sample", false),
                fields.number("temperature", 1, 0, 1e6),
                fields.integer("top_k", 50, 0, MAX_TOKEN),
                fields.number("top_p", 1, 0, 1),
                fields.number("min_p", 0, 0, 1),
                fields.number("repetition_penalty", 1, 1e-6, 1e6),
                token(fields, "bos_token_id", config.bosTokenId()),
                fields.integers("eos_token_id", 0, MAX_TOKEN).orElse(config.eosTokenIds()),
                token(fields, "pad_token_id", config.padTokenId()),
                fields.integers("suppress_tokens", 0, MAX_TOKEN).orElse(List.of()),
                unsupported(fields));
        problems.throwIfAny();
        return read;
    }

    /** The id of a special token: that of {@link ModelText#BOS}, or the first of {@link ModelText#EOS}. */
    OptionalInt specialTokenId(String key) {
        return switch (key) {
            case ModelText.BOS -> bosTokenId;
            case ModelText.EOS -> eosTokenIds.isEmpty() ? OptionalInt.empty() : OptionalInt.of(eosTokenIds.getFirst());
            default -> throw new IllegalArgumentException("no id is known for " + key);
        };
    }

    private static OptionalInt token(JsonFields fields, String key, OptionalInt fallback) {
        return fields.has(key) ? OptionalInt.of(fields.integer(key, 0, 0, MAX_TOKEN)) : fallback;
    }

    private static List<String> unsupported(JsonFields fields) {
        List<String> warnings = new ArrayList<>();
        for (String key : fields.json().propertyNames()) {
            JsonNode value = fields.json().get(key);
            Double unused = OTHER_METHODS.get(key);
            boolean set = unused != null
                    ? !value.isNull() && !(value.isNumber() && value.doubleValue() == unused)
                    : OTHER_LISTS.contains(key) && !value.isNull();
            if (set) {
                warnings.add(FILE + ": " + key + " is " + JsonFile.describe(value)
                        + ", which Jemma does not have; it has no effect");
            }
        }
        return warnings;
    }
}
