package dev.jemma.engine.toolcall;

/** Carries a {@link CallError} out of a recursive descent; never leaves this package. */
final class CallSyntaxException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient CallError error;

    CallSyntaxException(CallError error) {
        super(error.message(), null, false, false);
        this.error = error;
    }

    CallError error() {
        return error;
    }
}
