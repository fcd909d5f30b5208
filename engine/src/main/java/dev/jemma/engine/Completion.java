package dev.jemma.engine;

import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.toolcall.ParsedReply;
import java.util.Objects;

/**
 * A model's answer to a conversation.
 *
 * @param prompt what the model was given; says whether the conversation had to be folded for the template
 * @param result the answer's ids and text as they were written, and what it took
 * @param content its text and calls, read
 */
public record Completion(Prompt prompt, GenerationResult result, ParsedReply content) {
    public Completion {
        Objects.requireNonNull(prompt, "prompt");
        Objects.requireNonNull(result, "result");
        Objects.requireNonNull(content, "content");
    }
}
