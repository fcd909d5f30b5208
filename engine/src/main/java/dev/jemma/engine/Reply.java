package dev.jemma.engine;

import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.toolcall.ParsedReply;
import java.util.Objects;

/**
 * A model's turn in a conversation.
 *
 * @param result its ids and text as they were written, and what it took
 * @param content its text and calls, read
 * @param folding whether the conversation had to be folded for the model's template
 */
public record Reply(GenerationResult result, ParsedReply content, Prompt.Folding folding) {
    public Reply {
        Objects.requireNonNull(result, "result");
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(folding, "folding");
    }
}
