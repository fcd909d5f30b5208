package dev.jemma.agent;

/**
 * Thrown by a tool to ask the model for a better call: the message says what to change. Counts against the tool's
 * retries.
 */
public final class Retry extends ToolFailure {
    private static final long serialVersionUID = 1L;

    /** A request with what to change. */
    public Retry(String message) {
        super(message);
    }
}
