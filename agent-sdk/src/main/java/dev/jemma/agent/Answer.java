package dev.jemma.agent;

import java.util.Objects;

/**
 * What an agent answered.
 *
 * @param text the last turn's text, without space around it
 * @param status whether it is all that the model wanted to say
 * @param toolCalls calls that ran for it
 * @param usage tokens of all turns
 */
public record Answer(String text, Status status, int toolCalls, LanguageModel.Usage usage) {
    public Answer {
        Objects.requireNonNull(text, "text");
        Objects.requireNonNull(status, "status");
        Objects.requireNonNull(usage, "usage");
    }

    /** Whether an answer is whole. */
    public enum Status {
        /** The model ended its turn by itself. */
        COMPLETE,
        /** A limit was reached, and the model answered with what it had. */
        LIMIT,
        /** The turn was cut off: too long, or the context is full. */
        CUT_OFF,
        /** The model refused. */
        REFUSED
    }

    /** The text. */
    @Override
    public String toString() {
        return text;
    }
}
