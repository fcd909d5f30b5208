package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.jemma.cuda.internal.MemoryFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Host memory that the device reads and writes by itself, at full rate and without the caller waiting. Any thread may
 * fill {@link #segment}; the buffer is made and closed on the context's thread.
 *
 * <p>A copy from or to it goes on after the call that submitted it: neither touch nor close it before an event or the
 * stream says that the copy is done.
 */
public final class PinnedBuffer implements AutoCloseable {
    private final Lifetime lifetime;
    private final MemorySegment segment;

    private PinnedBuffer(CudaContext context, String what, MemorySegment segment, Runnable release) {
        this.segment = segment;
        this.lifetime = new Lifetime(context, what, release);
    }

    /** What the memory is for. */
    public enum Use {
        /** Both sides read it. */
        SHARED(CU_MEMHOSTALLOC_PORTABLE),
        /** The host only writes it, front to back, and never reads: faster uploads, very slow reads by the host. */
        UPLOAD(CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_WRITECOMBINED);

        private final int flags;

        Use(int flags) {
            this.flags = flags;
        }
    }

    /**
     * Allocates pinned memory.
     *
     * @throws CudaOutOfMemoryException if the system has not enough
     */
    @SuppressWarnings({"restricted", "MustBeClosedChecker"}) // the arena ends with the buffer
    public static PinnedBuffer allocate(CudaContext context, long bytes, Use use) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a pinned buffer of " + bytes + " bytes: wanted 1 or more");
        }
        String what = "PinnedBuffer of " + bytes + " bytes";
        context.use(what);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(ADDRESS);
            int status = MemoryFunctions.cuMemHostAlloc(out, bytes, use.flags);
            if (status == CUDA_ERROR_OUT_OF_MEMORY) {
                throw context.outOfMemory(status, bytes, "cuMemHostAlloc of " + bytes + " bytes");
            }
            context.check(status, () -> "cuMemHostAlloc of " + bytes + " bytes");
            MemorySegment memory = out.get(ADDRESS, 0);
            Arena arena = Arena.ofShared();
            return new PinnedBuffer(context, what, memory.reinterpret(bytes, arena, null), () -> {
                arena.close(); // first, so that no thread is inside the segment when the memory goes
                context.checkRelease(MemoryFunctions.cuMemFreeHost(memory), "cuMemFreeHost");
            });
        }
    }

    /**
     * Pins memory that exists, for instance a mapped file of weights, for reading by the device. Borrowed: it must live
     * longer than this.
     */
    public static PinnedBuffer register(CudaContext context, MemorySegment memory) {
        String what = "PinnedBuffer over " + memory.byteSize() + " bytes";
        context.use(what);
        int flags = CU_MEMHOSTREGISTER_PORTABLE | (memory.isReadOnly() ? CU_MEMHOSTREGISTER_READ_ONLY : 0);
        context.check(
                MemoryFunctions.cuMemHostRegister_v2(memory, memory.byteSize(), flags),
                () -> "cuMemHostRegister of " + memory.byteSize() + " bytes");
        return new PinnedBuffer(
                context,
                what,
                memory,
                () -> context.checkRelease(MemoryFunctions.cuMemHostUnregister(memory), "cuMemHostUnregister"));
    }

    /** The memory; its accesses fail once the buffer is closed (registered memory keeps its own scope). */
    public MemorySegment segment() {
        return segment;
    }

    /** Size in bytes. */
    public long bytes() {
        return segment.byteSize();
    }

    /** Throws unless the buffer is open and on its context's thread; the whole segment. */
    MemorySegment checked() {
        lifetime.use();
        return segment;
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
