package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.StreamFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A point in a stream that other streams and the host can wait for; with timing, also a clock reading on the device.
 */
public final class CudaEvent implements AutoCloseable {
    private final CudaContext context;
    private final Lifetime lifetime;
    private final long handle;

    /** Whether an event reads the device's clock; without it events are cheaper. */
    public enum Timing {
        /** Reads the clock. */
        ON(0),
        /** Only orders work. */
        OFF(CU_EVENT_DISABLE_TIMING);

        private final int flags;

        Timing(int flags) {
            this.flags = flags;
        }
    }

    private CudaEvent(CudaContext context, long handle) {
        this.context = context;
        this.handle = handle;
        this.lifetime = new Lifetime(
                context,
                "CudaEvent",
                () -> context.checkRelease(StreamFunctions.cuEventDestroy_v2(handle), "cuEventDestroy"));
    }

    /** A new event, not recorded yet: waiting for it returns at once. */
    public static CudaEvent open(CudaContext context, Timing timing) {
        context.use("CudaEvent");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            context.check(StreamFunctions.cuEventCreate(out, timing.flags), "cuEventCreate");
            return new CudaEvent(context, out.get(JAVA_LONG, 0));
        }
    }

    long handle() {
        lifetime.use();
        return handle;
    }

    /** Waits until the stream has reached the point where this was last recorded. */
    public void synchronize() {
        context.check(StreamFunctions.cuEventSynchronize(handle()), "cuEventSynchronize");
    }

    /** Whether that point has been reached. */
    public boolean isDone() {
        int status = StreamFunctions.cuEventQuery(handle());
        if (status == CUDA_ERROR_NOT_READY) {
            return false;
        }
        context.check(status, "cuEventQuery");
        return true;
    }

    /** Milliseconds between two events that have happened, with a resolution of about half a microsecond. */
    public float millisecondsSince(CudaEvent start) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_FLOAT);
            context.check(
                    StreamFunctions.cuEventElapsedTime(out, start.handle(), handle()),
                    "cuEventElapsedTime (both events need timing and must have happened)");
            return out.get(JAVA_FLOAT, 0);
        }
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
