package dev.jemma.cuda;

/** A program does not compile; the message holds the compiler's log with file, line and source text. */
public final class NvrtcException extends CudaException {
    private static final long serialVersionUID = 1L;

    private final String log;

    NvrtcException(int status, String statusName, String operation, String log) {
        super(
                status,
                statusName,
                operation,
                operation + ": " + statusName + " (" + status + ")"
                        + (log.isBlank() ? "" : System.lineSeparator() + log.strip()));
        this.log = log;
    }

    /** The compiler's log. */
    public String log() {
        return log;
    }
}
