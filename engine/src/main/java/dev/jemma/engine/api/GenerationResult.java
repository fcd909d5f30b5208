package dev.jemma.engine.api;

import java.time.Duration;
import java.util.List;

/**
 * A generated answer.
 *
 * @param ids the new token ids, without the token that ended them; those that spelled a stop text are included
 * @param text their text, special tokens written out, ending before a stop text
 * @param finishReason why it ended
 * @param promptTokens length of the prompt
 * @param reusedTokens how many of them had been read before
 * @param promptTime time for the others
 * @param answerTime time from the first new token to the end
 */
public record GenerationResult(
        List<Integer> ids,
        String text,
        FinishReason finishReason,
        int promptTokens,
        int reusedTokens,
        Duration promptTime,
        Duration answerTime) {
    public GenerationResult {
        ids = List.copyOf(ids);
    }

    /** Prompt tokens a second, of those that were not reused; 0 if there was nothing to measure. */
    public double promptTokensPerSecond() {
        return rate(promptTokens - reusedTokens, promptTime);
    }

    /** New tokens a second after the first, which comes with the prompt; 0 if there was nothing to measure. */
    public double answerTokensPerSecond() {
        return rate(ids.size() - 1, answerTime);
    }

    private static double rate(int tokens, Duration time) {
        return tokens <= 0 || time.isZero() ? 0 : tokens * 1e9 / time.toNanos();
    }

    /** The same answer, ended for another reason. */
    public GenerationResult with(FinishReason reason) {
        return new GenerationResult(ids, text, reason, promptTokens, reusedTokens, promptTime, answerTime);
    }
}
