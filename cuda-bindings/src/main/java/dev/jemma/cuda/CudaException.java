package dev.jemma.cuda;

/** A CUDA library refused an operation. */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String operation;

    /**
     * @param status the library's status code
     * @param operation the call that returned it, with its sizes
     * @param message what happened and what helps
     */
    public CudaException(int status, String operation, String message) {
        super(message);
        this.status = status;
        this.operation = operation;
    }

    /** The library's status code. */
    public int status() {
        return status;
    }

    /** The call that returned it. */
    public String operation() {
        return operation;
    }
}
