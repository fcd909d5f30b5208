package dev.jemma.engine.api;

import java.time.Duration;

/**
 * What happens while an answer is generated, in order: one {@link Prompted}, then text and control tokens as they
 * become certain, then one {@link Finished}.
 */
public sealed interface GenerationEvent {
    /**
     * The prompt has been read.
     *
     * @param tokens its length
     * @param reused how many of them the session had already read
     * @param time how long reading the others took
     */
    record Prompted(int tokens, int reused, Duration time) implements GenerationEvent {}

    /** More of the answer: whole characters, never a part of a stop text. */
    record Text(String text) implements GenerationEvent {}

    /**
     * The model wrote a control token of its vocabulary, such as {@code <tool_call>}; text that only spells one arrives
     * as {@link Text}.
     */
    record Control(int id, String token) implements GenerationEvent {}

    /** The answer is complete. */
    record Finished(GenerationResult result) implements GenerationEvent {}
}
