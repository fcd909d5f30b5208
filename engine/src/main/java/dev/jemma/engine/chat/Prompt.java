package dev.jemma.engine.chat;

import dev.jemma.engine.api.TextSpan;
import java.util.List;

/**
 * A rendered conversation.
 *
 * @param spans its text in order, each piece knowing whose it is and whether it is supervised
 * @param folding whether turns had to be folded for the template to take the conversation
 */
public record Prompt(List<TextSpan> spans, Folding folding) {
    /** Whether the template took the conversation as it was. */
    public enum Folding {
        /** As it was. */
        NONE,
        /** After {@link Turns#fold}. */
        FOLDED
    }

    public Prompt {
        spans = List.copyOf(spans);
    }

    /** The whole text. */
    public String text() {
        return TextSpan.join(spans);
    }
}
