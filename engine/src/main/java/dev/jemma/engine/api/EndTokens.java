package dev.jemma.engine.api;

import java.util.Optional;
import java.util.Set;

/**
 * The tokens that end an answer; they are not part of it.
 *
 * @param ends end the text or the turn
 * @param awaitResult end the turn because the model waits for what its calls return
 */
public record EndTokens(Set<Integer> ends, Set<Integer> awaitResult) {
    public EndTokens {
        ends = Set.copyOf(ends);
        awaitResult = Set.copyOf(awaitResult);
    }

    /** Why an answer ends with {@code id}, if it does. */
    public Optional<FinishReason> reason(int id) {
        if (awaitResult.contains(id)) {
            return Optional.of(FinishReason.TOOL_CALL);
        }
        return ends.contains(id) ? Optional.of(FinishReason.STOP) : Optional.empty();
    }
}
