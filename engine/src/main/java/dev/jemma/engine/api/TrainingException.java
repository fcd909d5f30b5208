package dev.jemma.engine.api;

/**
 * A training run that cannot go on or must not begin: the message says why and what helps. Nothing that was saved is
 * lost.
 */
public final class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A reason with its cure. */
    public TrainingException(String message) {
        super(message);
    }
}
