package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.MemoryFunctions;
import dev.jemma.cuda.internal.StreamFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A queue of work for a device. What one stream holds runs in order; two streams are ordered only by events
 * ({@link #record}, {@link #waitFor}). Calls return before the work is done unless they say otherwise.
 */
public final class CudaStream implements AutoCloseable {
    private final CudaContext context;
    private final Lifetime lifetime;
    private final long handle;

    private CudaStream(CudaContext context, long handle) {
        this.context = context;
        this.handle = handle;
        this.lifetime = new Lifetime(
                context,
                "CudaStream",
                () -> context.checkRelease(StreamFunctions.cuStreamDestroy_v2(handle), "cuStreamDestroy"));
    }

    static CudaStream open(CudaContext context) {
        context.use("CudaStream");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            context.check(StreamFunctions.cuStreamCreate(out, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
            return new CudaStream(context, out.get(JAVA_LONG, 0));
        }
    }

    /** The context it belongs to. */
    public CudaContext context() {
        return context;
    }

    boolean isOpen() {
        return lifetime.isOpen();
    }

    /** The driver's handle; throws if the stream is closed or used on a wrong thread. */
    long handle() {
        lifetime.use();
        return handle;
    }

    /** Waits for everything submitted so far; errors of kernels show here. */
    public void synchronize() {
        context.check(StreamFunctions.cuStreamSynchronize(handle()), "cuStreamSynchronize");
    }

    /** Whether everything submitted so far is done. */
    public boolean isDone() {
        int status = StreamFunctions.cuStreamQuery(handle());
        if (status == CUDA_ERROR_NOT_READY) {
            return false;
        }
        context.check(status, "cuStreamQuery");
        return true;
    }

    /** Marks this point of the stream. */
    public void record(CudaEvent event) {
        context.check(StreamFunctions.cuEventRecord(event.handle(), handle()), "cuEventRecord");
    }

    /**
     * Lets later work on this stream wait until {@code event}, as it was last recorded, has happened; the caller does
     * not wait.
     */
    public void waitFor(CudaEvent event) {
        context.check(StreamFunctions.cuStreamWaitEvent(handle(), event.handle(), 0), "cuStreamWaitEvent");
    }

    /** Copies to the device from any host memory, heap arrays included, and waits until it is done. */
    public void upload(DeviceBuffer to, MemorySegment from) {
        same("upload", to.bytes(), from.byteSize());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source =
                    from.isNative() ? from : arena.allocate(from.byteSize()).copyFrom(from);
            context.check(
                    MemoryFunctions.cuMemcpyHtoDAsync_v2(own(to), source, to.bytes(), handle()),
                    () -> "upload of " + to.bytes() + " bytes");
            synchronize();
        }
    }

    /** Copies from the device to any host memory, heap arrays included, and waits until it is done. */
    public void download(MemorySegment to, DeviceBuffer from) {
        same("download", to.byteSize(), from.bytes());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = to.isNative() ? to : arena.allocate(to.byteSize());
            context.check(
                    MemoryFunctions.cuMemcpyDtoHAsync_v2(target, own(from), from.bytes(), handle()),
                    () -> "download of " + from.bytes() + " bytes");
            synchronize();
            if (!to.isNative()) {
                to.copyFrom(target);
            }
        }
    }

    /** Submits a copy of the pinned bytes from {@code offset} that fills {@code to}. */
    public void uploadAsync(DeviceBuffer to, PinnedBuffer from, long offset) {
        MemorySegment source = from.checked().asSlice(offset, to.bytes());
        context.check(
                MemoryFunctions.cuMemcpyHtoDAsync_v2(own(to), source, to.bytes(), handle()),
                () -> "upload of " + to.bytes() + " bytes");
    }

    /** Submits a copy of all of {@code from} to the pinned bytes at {@code offset}. */
    public void downloadAsync(PinnedBuffer to, long offset, DeviceBuffer from) {
        MemorySegment target = to.checked().asSlice(offset, from.bytes());
        context.check(
                MemoryFunctions.cuMemcpyDtoHAsync_v2(target, own(from), from.bytes(), handle()),
                () -> "download of " + from.bytes() + " bytes");
    }

    /** Submits a copy within the device; the buffers have one size and do not overlap. */
    public void copy(DeviceBuffer to, DeviceBuffer from) {
        same("copy", to.bytes(), from.bytes());
        context.check(
                MemoryFunctions.cuMemcpyDtoDAsync_v2(own(to), own(from), to.bytes(), handle()),
                () -> "copy of " + to.bytes() + " bytes");
    }

    /** Submits filling with one byte. */
    public void fill(DeviceBuffer to, byte value) {
        context.check(
                MemoryFunctions.cuMemsetD8Async(own(to), value, to.bytes(), handle()),
                () -> "fill of " + to.bytes() + " bytes");
    }

    /** Submits filling with a 16-bit value; the size is a multiple of 2. */
    public void fill(DeviceBuffer to, short value) {
        context.check(
                MemoryFunctions.cuMemsetD16Async(own(to), value, elements(to, Short.BYTES), handle()),
                () -> "fill of " + to.bytes() + " bytes");
    }

    /** Submits filling with a 32-bit value; the size is a multiple of 4. */
    public void fill(DeviceBuffer to, int value) {
        context.check(
                MemoryFunctions.cuMemsetD32Async(own(to), value, elements(to, Integer.BYTES), handle()),
                () -> "fill of " + to.bytes() + " bytes");
    }

    private static long elements(DeviceBuffer buffer, int size) {
        if (buffer.bytes() % size != 0) {
            throw new IllegalArgumentException(
                    "fill of " + buffer.bytes() + " bytes: wanted a multiple of " + size + " bytes");
        }
        return buffer.bytes() / size;
    }

    /** The address of a buffer that belongs to this stream's context. */
    private long own(DeviceBuffer buffer) {
        if (!Objects.equals(buffer.context(), context)) {
            throw new IllegalArgumentException(buffer + " belongs to cuda:"
                    + buffer.context().device().ordinal() + " and the stream to cuda:"
                    + context.device().ordinal());
        }
        return buffer.address();
    }

    private static void same(String operation, long to, long from) {
        if (to != from) {
            throw new IllegalArgumentException(
                    operation + " of " + from + " bytes into " + to + " bytes: wanted one size, slice the larger");
        }
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
