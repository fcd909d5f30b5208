package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.DeviceFunctions;
import dev.jemma.cuda.internal.MemoryFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The primary context of a device, current on the platform thread that opened it. The driver keeps the current context
 * for each thread, so everything made from this context is used on that thread only; other threads hand work to it. A
 * thread has one context open at a time. The primary context is the one that cuBLAS and other libraries in the process
 * use.
 *
 * <p>It keeps a ledger of the owners made from it. Closing it closes those that were forgotten, then says which they
 * were.
 *
 * <p>A fault inside a kernel loses the whole context: the first such error is kept, and every later use fails with it
 * as the cause.
 */
public final class CudaContext implements AutoCloseable {
    private static final ThreadLocal<@Nullable CudaContext> CURRENT = new ThreadLocal<>();

    private final CudaDevice device;
    private final int handle;
    private final Thread thread = Thread.currentThread();
    private final SequencedSet<Lifetime> ledger = new LinkedHashSet<>();
    private @Nullable CudaException poison;
    private @Nullable CudaKernel<?> lastKernel;
    private @Nullable LaunchShape lastShape;
    private boolean open = true;

    private CudaContext(CudaDevice device, int handle) {
        this.device = device;
        this.handle = handle;
    }

    /**
     * Retains the device's primary context and makes it current on this thread.
     *
     * @throws IllegalStateException on a virtual thread, or if this thread has a context open
     * @throws CudaException if the driver refuses
     */
    public static CudaContext open(CudaDevice device) {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException(
                    "a CUDA context needs a platform thread: the driver keeps it for each OS thread, and a virtual thread moves");
        }
        CudaContext current = CURRENT.get();
        if (current != null) {
            throw new IllegalStateException(
                    "thread '" + Thread.currentThread().getName() + "' has a context open on cuda:"
                            + current.device.ordinal() + ": close it, or use one thread for each device");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            Driver.check(DeviceFunctions.cuInit(0), "cuInit");
            Driver.check(DeviceFunctions.cuDeviceGet(out, device.ordinal()), "cuDeviceGet " + device.ordinal());
            int handle = out.get(JAVA_INT, 0);
            MemorySegment context = arena.allocate(JAVA_LONG);
            Driver.check(
                    DeviceFunctions.cuDevicePrimaryCtxRetain(context, handle),
                    () -> "cuDevicePrimaryCtxRetain of " + device);
            int status = DeviceFunctions.cuCtxSetCurrent(context.get(JAVA_LONG, 0));
            if (status != CUDA_SUCCESS) {
                DeviceFunctions.cuDevicePrimaryCtxRelease_v2(handle);
                throw Driver.failure(status, "cuCtxSetCurrent");
            }
            CudaContext opened = new CudaContext(device, handle);
            CURRENT.set(opened);
            return opened;
        }
    }

    /** The device it belongs to. */
    public CudaDevice device() {
        return device;
    }

    /** A new stream that is not ordered with any other. */
    public CudaStream stream() {
        return CudaStream.open(this);
    }

    /** Fresh device memory; what is in it is not defined. */
    public DeviceBuffer allocate(long bytes) {
        return DeviceBuffer.allocate(this, bytes);
    }

    /** Waits for everything submitted to the device by this process; errors of kernels show here at the latest. */
    public void synchronize() {
        use("CudaContext");
        check(DeviceFunctions.cuCtxSynchronize(), "cuCtxSynchronize");
    }

    /** Free and total device memory now. */
    public MemoryInfo memory() {
        use("CudaContext");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment free = arena.allocate(JAVA_LONG);
            MemorySegment total = arena.allocate(JAVA_LONG);
            check(MemoryFunctions.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
            return new MemoryInfo(free.get(JAVA_LONG, 0), total.get(JAVA_LONG, 0));
        }
    }

    /**
     * How much freed memory the stream-ordered pool keeps for the next allocation rather than give it back, in bytes.
     */
    public void keepInPool(long bytes) {
        use("CudaContext");
        notNegative(bytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocateFrom(JAVA_LONG, bytes);
            check(
                    MemoryFunctions.cuMemPoolSetAttribute(pool(arena), CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, value),
                    "cuMemPoolSetAttribute RELEASE_THRESHOLD");
        }
    }

    /** Gives freed memory of the stream-ordered pool back, down to {@code keep} bytes. */
    public void trimPool(long keep) {
        use("CudaContext");
        notNegative(keep);
        try (Arena arena = Arena.ofConfined()) {
            check(MemoryFunctions.cuMemPoolTrimTo(pool(arena), keep), "cuMemPoolTrimTo");
        }
    }

    private static void notNegative(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("a pool that keeps " + bytes + " bytes: wanted 0 or more");
        }
    }

    private long pool(Arena arena) {
        MemorySegment pool = arena.allocate(JAVA_LONG);
        check(DeviceFunctions.cuDeviceGetDefaultMemPool(pool, handle), "cuDeviceGetDefaultMemPool");
        return pool.get(JAVA_LONG, 0);
    }

    /** Owners that are open, oldest first, in words. */
    public List<String> liveOwners() {
        requireThread("CudaContext");
        return ledger.stream().map(Lifetime::what).toList();
    }

    /**
     * Releases the context. Owners still open are closed first, newest first.
     *
     * @throws IllegalStateException after everything was released, if owners had been left open
     */
    @Override
    public void close() {
        if (!open) {
            return;
        }
        requireThread("CudaContext");
        List<String> forgotten = liveOwners();
        List<RuntimeException> failures = new ArrayList<>();
        for (Lifetime lifetime : List.copyOf(ledger).reversed()) {
            try {
                lifetime.end();
            } catch (RuntimeException e) {
                failures.add(e); // the others and the context are released all the same
            }
        }
        open = false;
        CURRENT.remove();
        DeviceFunctions.cuCtxSetCurrent(0);
        checkRelease(DeviceFunctions.cuDevicePrimaryCtxRelease_v2(handle), "cuDevicePrimaryCtxRelease");
        if (!forgotten.isEmpty()) {
            IllegalStateException early = new IllegalStateException("the context of cuda:" + device.ordinal()
                    + " was closed before " + forgotten.size() + " of its owners: " + String.join(", ", forgotten));
            failures.forEach(early::addSuppressed);
            throw early;
        }
    }

    void enter(Lifetime lifetime) {
        ledger.add(lifetime);
    }

    void leave(Lifetime lifetime) {
        ledger.remove(lifetime);
    }

    /** Throws unless the context is open, on its thread, and not lost. */
    void use(String what) {
        requireThread(what);
        if (!open) {
            throw new IllegalStateException(what + " is used after its context was closed");
        }
        CudaException first = poison;
        if (first != null) {
            CudaException lost = new CudaException(
                    first.status(),
                    first.statusName(),
                    what,
                    what + ": the context of cuda:" + device.ordinal() + " is lost since " + first.getMessage());
            lost.initCause(first);
            throw lost;
        }
    }

    void requireThread(String what) {
        if (Thread.currentThread() != thread) {
            throw new WrongThreadException(what + " belongs to thread '" + thread.getName() + "' and is used on '"
                    + Thread.currentThread().getName() + "': do all work of a device on one thread");
        }
    }

    /** Throws unless {@code status} is success; remembers the first error that loses the context. */
    void check(int status, String operation) {
        if (status != CUDA_SUCCESS) {
            throw failure(status, operation);
        }
    }

    void check(int status, Supplier<String> operation) {
        if (status != CUDA_SUCCESS) {
            throw failure(status, operation.get());
        }
    }

    /** A kernel's own faults show at some later call, which says what was launched last. */
    void launched(CudaKernel<?> kernel, LaunchShape shape) {
        lastKernel = kernel;
        lastShape = shape;
    }

    CudaException failure(int status, String operation) {
        if (!Driver.sticky(status)) {
            return Driver.failure(status, operation);
        }
        CudaKernel<?> kernel = lastKernel;
        CudaException failure = Driver.failure(
                status, kernel == null ? operation : operation + " (last launch: " + kernel.name() + lastShape + ")");
        if (poison == null) {
            poison = failure;
        }
        return failure;
    }

    /**
     * For releases: a lost context refuses them all, and a driver that is shutting down has released everything itself.
     */
    void checkRelease(int status, String operation) {
        if (status != CUDA_SUCCESS && status != CUDA_ERROR_DEINITIALIZED && poison == null) {
            throw failure(status, operation);
        }
    }

    /** Whether a fault inside a kernel has ended it; releases then fail and do not matter. */
    boolean isLost() {
        return poison != null;
    }

    /** The failure of an allocation, with what was free when it failed. */
    CudaException outOfMemory(int status, long requested, String operation) {
        MemoryInfo memory = memory();
        return new CudaOutOfMemoryException(
                Driver.name(status),
                operation,
                requested,
                memory.freeBytes(),
                memory.totalBytes(),
                Driver.message(status, operation));
    }
}
