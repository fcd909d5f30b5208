package dev.jemma.agent;

import dev.jemma.engine.chat.Message;
import java.util.List;
import java.util.Objects;

/** A question that ended without an answer, by a limit or a policy, or with one of the wrong type. */
public final class AgentException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final transient List<Message> transcript;

    AgentException(Reason reason, String message, List<Message> transcript) {
        super(message);
        this.reason = Objects.requireNonNull(reason, "reason");
        this.transcript = List.copyOf(transcript);
    }

    AgentException(Reason reason, String message, Throwable cause, List<Message> transcript) {
        super(message, cause);
        this.reason = Objects.requireNonNull(reason, "reason");
        this.transcript = List.copyOf(transcript);
    }

    /** Why. */
    public Reason reason() {
        return reason;
    }

    /** The question and what was said and done since. */
    public List<Message> transcript() {
        return transcript;
    }

    /** Why a question has no answer. */
    public enum Reason {
        /** The model called what does not exist. */
        UNKNOWN_TOOL,
        /** The model wrote a call that does not bind. */
        INVALID_CALL,
        /** A tool threw; the cause is what it threw. */
        TOOL_EXCEPTION,
        /** A tool took too long. */
        TIMEOUT,
        /** A limit was reached. */
        LIMIT,
        /** A tool returned too much. */
        LONG_RESULT,
        /** The model's answer does not bind to the type asked for. */
        ANSWER
    }
}
