package dev.jemma.agent;

import java.util.Objects;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** What came of a call. */
public sealed interface ToolOutcome {
    /** What the model is given. */
    JsonNode shown();

    /**
     * The tool returned.
     *
     * @param value what it returned, whole
     * @param shown what the model is given: the value, or its beginning and end
     * @param origin whether the tool ran for this call
     */
    record Success(JsonNode value, JsonNode shown, Origin origin) implements ToolOutcome {
        public Success {
            Objects.requireNonNull(value, "value");
            Objects.requireNonNull(shown, "shown");
            Objects.requireNonNull(origin, "origin");
        }
    }

    /** Where a result comes from. */
    enum Origin {
        /** The tool ran. */
        RUN,
        /** The same call ran before in this question, and its tool reads or is idempotent. */
        REUSED
    }

    /**
     * The call did not run, or failed.
     *
     * @param kind how
     * @param shown an object with the key {@code error}
     * @param cause the tool's exception, if it threw one
     */
    record Failure(Kind kind, JsonNode shown, Optional<Throwable> cause) implements ToolOutcome {
        public Failure {
            Objects.requireNonNull(kind, "kind");
            Objects.requireNonNull(shown, "shown");
            Objects.requireNonNull(cause, "cause");
        }
    }

    /** How a call fails. */
    enum Kind {
        /** It cannot be read. */
        MALFORMED_CALL,
        /** There is no such tool, or it is not offered. */
        UNKNOWN_TOOL,
        /** The arguments do not bind. */
        INVALID_ARGUMENTS,
        /** The {@link Approval} said no. */
        DENIED,
        /** The same call came too often. */
        REPEATED,
        /** A limit was reached before it could run. */
        LIMIT,
        /** The tool asked for a better call. */
        RETRY,
        /** The tool said that it failed. */
        FAILED,
        /** The tool threw something else. */
        EXCEPTION,
        /** The tool took too long. */
        TIMEOUT
    }
}
