package dev.jemma.engine.toolcall;

import java.util.Objects;

/**
 * Why a piece of an answer that began as a call is none.
 *
 * @param kind the class of mistake
 * @param offset where it was noticed, in chars from the start of the answer
 * @param message what was seen and what was wanted; one line, lower-case, fit to be shown to the model
 */
public record CallError(Kind kind, int offset, String message) {
    /** Classes of mistakes. */
    public enum Kind {
        /** The answer ended inside the call. */
        TRUNCATED,
        /** The body does not follow the grammar. */
        SYNTAX,
        /** Brackets nested deeper than {@link CallReader#MAX_DEPTH}. */
        TOO_DEEP,
        /** The body can be read, but is no call: no name, or arguments that are no object. */
        NOT_A_CALL,
        /** A repair would have been needed that the caller forbade. */
        REPAIR_FORBIDDEN
    }

    public CallError {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(message, "message");
    }

    @Override
    public String toString() {
        return message + " (at offset " + offset + ")";
    }
}
