package dev.jemma.agent;

import java.util.Objects;

/**
 * Thrown by a tool to say something to the model: the call failed, and trying it again is of no use. The message goes
 * into the prompt as it is; that of any other exception does not.
 */
public class ToolFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A failure with what the model may know about it. */
    public ToolFailure(String message) {
        super(Objects.requireNonNull(message, "message"));
    }

    /** A failure with what the model may know about it, and what lies beneath, which the model does not see. */
    public ToolFailure(String message, Throwable cause) {
        super(Objects.requireNonNull(message, "message"), cause);
    }
}
