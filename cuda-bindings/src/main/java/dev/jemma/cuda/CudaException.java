package dev.jemma.cuda;

/**
 * A CUDA library refused an operation. The message holds the operation with its sizes, the status by name and in the
 * library's words, and, where one is known, the cure.
 */
public class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String statusName;
    private final String operation;

    /**
     * A refusal.
     *
     * @param status the library's status code
     * @param statusName its C name, for instance {@code CUDA_ERROR_INVALID_VALUE}
     * @param operation the call that returned it, with its sizes
     * @param message what happened and what helps
     */
    public CudaException(int status, String statusName, String operation, String message) {
        super(message);
        this.status = status;
        this.statusName = statusName;
        this.operation = operation;
    }

    /** The library's status code. */
    public final int status() {
        return status;
    }

    /** The C name of the status. */
    public final String statusName() {
        return statusName;
    }

    /** The call that returned it. */
    public final String operation() {
        return operation;
    }
}
