package dev.jemma.engine.api;

import java.util.List;
import java.util.OptionalLong;

/**
 * How an answer is generated. The numbers mean what they mean to Hugging Face's {@code generate}, and are applied in
 * its order: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param maxNewTokens most tokens to generate; 0 only reads the prompt
 * @param temperature divides the logits; 0 takes the likeliest token always and ignores topK, topP, minP and seed
 * @param topK samples among the k likeliest only; 0 = all
 * @param topP samples among the fewest likeliest tokens that together have probability p; 1 = all
 * @param minP leaves out tokens less likely than minP times the likeliest; 0 = none
 * @param repetitionPenalty divides positive logits and multiplies negative ones of every token that prompt or answer
 *     holds; 1 = none
 * @param seed makes sampling repeat; without one every run differs
 * @param stop the answer ends before the first of these texts; none is empty
 * @param ignoreEos whether the model's end tokens do not end the answer
 */
public record GenerationOptions(
        int maxNewTokens,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        OptionalLong seed,
        List<String> stop,
        boolean ignoreEos) {

    /** Greedy, at most 256 tokens. */
    public static final GenerationOptions GREEDY =
            new GenerationOptions(256, 0, 0, 1, 0, 1, OptionalLong.empty(), List.of(), false);

    public GenerationOptions {
        stop = List.copyOf(stop);
        require(maxNewTokens >= 0, "max_new_tokens", maxNewTokens, "0 or more");
        require(temperature >= 0 && temperature < Double.POSITIVE_INFINITY, "temperature", temperature, "0 or more");
        require(topK >= 0, "top_k", topK, "0 (all) or more");
        require(topP >= 0 && topP <= 1, "top_p", topP, "0 to 1");
        require(minP >= 0 && minP <= 1, "min_p", minP, "0 to 1");
        require(
                repetitionPenalty > 0 && repetitionPenalty < Double.POSITIVE_INFINITY,
                "repetition_penalty",
                repetitionPenalty,
                "more than 0");
        if (stop.contains("")) {
            throw new IllegalArgumentException("a stop text is empty, wanted at least one character");
        }
    }

    private static void require(boolean holds, String name, Number seen, String wanted) {
        if (!holds) {
            throw new IllegalArgumentException(name + " is " + seen + ", wanted " + wanted);
        }
    }

    /** These with another limit of new tokens. */
    public GenerationOptions withMaxNewTokens(int tokens) {
        return new GenerationOptions(tokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop, ignoreEos);
    }

    /** These at another temperature. */
    public GenerationOptions withTemperature(double value) {
        return new GenerationOptions(maxNewTokens, value, topK, topP, minP, repetitionPenalty, seed, stop, ignoreEos);
    }

    /** These among the k likeliest. */
    public GenerationOptions withTopK(int k) {
        return new GenerationOptions(
                maxNewTokens, temperature, k, topP, minP, repetitionPenalty, seed, stop, ignoreEos);
    }

    /** These among the likeliest of probability p. */
    public GenerationOptions withTopP(double p) {
        return new GenerationOptions(
                maxNewTokens, temperature, topK, p, minP, repetitionPenalty, seed, stop, ignoreEos);
    }

    /** These without what is less likely than p times the likeliest. */
    public GenerationOptions withMinP(double p) {
        return new GenerationOptions(
                maxNewTokens, temperature, topK, topP, p, repetitionPenalty, seed, stop, ignoreEos);
    }

    /** These with another repetition penalty. */
    public GenerationOptions withRepetitionPenalty(double penalty) {
        return new GenerationOptions(maxNewTokens, temperature, topK, topP, minP, penalty, seed, stop, ignoreEos);
    }

    /** These, repeating. */
    public GenerationOptions withSeed(long value) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                OptionalLong.of(value),
                stop,
                ignoreEos);
    }

    /** These, ending before other texts. */
    public GenerationOptions withStop(List<String> texts) {
        return new GenerationOptions(
                maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed, texts, ignoreEos);
    }

    /** These, going on after the model's end tokens. */
    public GenerationOptions ignoringEos() {
        return new GenerationOptions(maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop, true);
    }
}
