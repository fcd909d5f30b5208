package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.CUDA_ERROR_OUT_OF_MEMORY;
import static dev.jemma.cuda.internal.DriverConstants.CUDA_SUCCESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.DeviceFunctions;
import dev.jemma.cuda.internal.MemoryFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory of a device: an allocation, or a view of a part of one. Its address is a number that Java cannot follow.
 * Whoever allocates closes; a view borrows, ends with its allocation, and closing it does nothing.
 *
 * <p>{@link #allocate} stops the device until it is done, so programs take few big buffers and divide them
 * ({@link DeviceSlab}); {@link #allocateAsync} takes memory in the order of a stream, from the driver's pool.
 */
public final class DeviceBuffer implements AutoCloseable {
    private final CudaContext context;
    private final Lifetime lifetime;
    private final long address;
    private final long bytes;
    private final boolean view;

    private DeviceBuffer(CudaContext context, Lifetime lifetime, long address, long bytes, boolean view) {
        this.context = context;
        this.lifetime = lifetime;
        this.address = address;
        this.bytes = bytes;
        this.view = view;
    }

    /**
     * Allocates; what is in the memory is not defined. Addresses are multiples of 256.
     *
     * @throws CudaOutOfMemoryException with the sizes
     */
    public static DeviceBuffer allocate(CudaContext context, long bytes) {
        String what = describe(bytes);
        context.use(what);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            long address = allocated(context, MemoryFunctions.cuMemAlloc_v2(out, bytes), bytes, "cuMemAlloc", out);
            Lifetime lifetime = new Lifetime(
                    context, what, () -> context.checkRelease(MemoryFunctions.cuMemFree_v2(address), "cuMemFree"));
            return new DeviceBuffer(context, lifetime, address, bytes, false);
        }
    }

    /**
     * Allocates in the order of {@code stream}: work submitted to it later may use the memory, work on other streams
     * must wait for an event. Closing frees in that order too and does not wait, unless the stream was closed before.
     *
     * @throws CudaOutOfMemoryException with the sizes
     */
    public static DeviceBuffer allocateAsync(CudaStream stream, long bytes) {
        String what = describe(bytes);
        CudaContext context = stream.context();
        long queue = stream.handle();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            int status = MemoryFunctions.cuMemAllocAsync(out, bytes, queue);
            long address = allocated(context, status, bytes, "cuMemAllocAsync", out);
            Lifetime lifetime = new Lifetime(context, what, () -> freeAsync(stream, queue, address));
            return new DeviceBuffer(context, lifetime, address, bytes, false);
        }
    }

    private static void freeAsync(CudaStream stream, long queue, long address) {
        CudaContext context = stream.context();
        if (stream.isOpen()) {
            context.checkRelease(MemoryFunctions.cuMemFreeAsync(address, queue), "cuMemFreeAsync");
        } else {
            // the work of a stream goes on after its end, and cuMemFree does not wait for it where the memory is of the
            // pool
            context.checkRelease(DeviceFunctions.cuCtxSynchronize(), "cuCtxSynchronize");
            context.checkRelease(MemoryFunctions.cuMemFree_v2(address), "cuMemFree");
        }
    }

    /** Memory that another owner holds. */
    static DeviceBuffer borrowed(CudaContext context, Lifetime owner, long address, long bytes) {
        return new DeviceBuffer(context, owner, address, bytes, true);
    }

    private static String describe(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a device buffer of " + bytes + " bytes: wanted 1 or more");
        }
        return "DeviceBuffer of " + bytes + " bytes";
    }

    private static long allocated(CudaContext context, int status, long bytes, String operation, MemorySegment out) {
        if (status == CUDA_ERROR_OUT_OF_MEMORY) {
            throw context.outOfMemory(status, bytes, operation + " of " + bytes + " bytes");
        }
        if (status != CUDA_SUCCESS) {
            throw context.failure(status, operation + " of " + bytes + " bytes");
        }
        return out.get(JAVA_LONG, 0);
    }

    /** A part of this buffer, borrowed. */
    public DeviceBuffer slice(long offset, long length) {
        Objects.checkFromIndexSize(offset, length, bytes);
        return new DeviceBuffer(context, lifetime, address + offset, length, true);
    }

    /** Size in bytes. */
    public long bytes() {
        return bytes;
    }

    /** The device address, for kernels and libraries; throws if the allocation is closed. */
    public long address() {
        lifetime.use();
        return address;
    }

    /** The context it belongs to. */
    public CudaContext context() {
        return context;
    }

    /** Frees the allocation; does nothing for a view or the second time. */
    @Override
    public void close() {
        if (!view) {
            lifetime.end();
        }
    }

    @Override
    public String toString() {
        return String.format("%s at 0x%x", view ? "view of " + bytes + " bytes" : lifetime.what(), address);
    }
}
