package dev.jemma.cuda;

import dev.jemma.cuda.internal.DriverConstants;

/** An allocation on the device or of pinned memory failed. The numbers are of the moment after the failure. */
public final class CudaOutOfMemoryException extends CudaException {
    private static final long serialVersionUID = 1L;

    private final long requested;
    private final long free;
    private final long total;

    CudaOutOfMemoryException(
            String statusName, String operation, long requested, long free, long total, String message) {
        super(
                DriverConstants.CUDA_ERROR_OUT_OF_MEMORY,
                statusName,
                operation,
                message + "; requested " + requested + " bytes, free " + free + " of " + total);
        this.requested = requested;
        this.free = free;
        this.total = total;
    }

    /** Bytes that were asked for. */
    public long requested() {
        return requested;
    }

    /** Bytes free on the device. */
    public long free() {
        return free;
    }

    /** Bytes the device has. */
    public long total() {
        return total;
    }
}
