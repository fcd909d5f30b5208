package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.ModuleFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;

/** A loaded image with its kernels. Kernels are borrowed from it and end with it. */
public final class CudaModule implements AutoCloseable {
    private static final int LOG_BYTES = 16 * 1024;

    private final CudaContext context;
    private final Lifetime lifetime;
    private final long handle;
    private final Arena blocks = Arena.ofConfined();

    private CudaModule(CudaContext context, long handle) {
        this.context = context;
        this.handle = handle;
        this.lifetime = new Lifetime(context, "CudaModule", () -> {
            blocks.close();
            context.checkRelease(ModuleFunctions.cuModuleUnload(handle), "cuModuleUnload");
        });
    }

    /**
     * Loads a cubin, fatbin or PTX text.
     *
     * @throws CudaException with the driver's log if it refuses the image
     */
    public static CudaModule load(CudaContext context, byte[] image) {
        context.use("CudaModule");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            MemorySegment data = arena.allocate(image.length + 1L, Long.BYTES * 2); // PTX ends with a zero byte
            MemorySegment.copy(image, 0, data, JAVA_BYTE, 0, image.length);
            MemorySegment log = arena.allocate(LOG_BYTES);
            MemorySegment options =
                    arena.allocateFrom(JAVA_INT, CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
            MemorySegment values = arena.allocate(ADDRESS, 2);
            values.setAtIndex(ADDRESS, 0, log);
            values.setAtIndex(ADDRESS, 1, MemorySegment.ofAddress(LOG_BYTES));
            int status = ModuleFunctions.cuModuleLoadDataEx(out, data, 2, options, values);
            context.check(status, () -> {
                String words = log.getString(0).strip();
                return "cuModuleLoadDataEx of " + image.length + " bytes for " + context.device()
                        + (words.isEmpty() ? "" : " (" + words + ")");
            });
            return new CudaModule(context, out.get(JAVA_LONG, 0));
        }
    }

    /**
     * Compiles {@code source} for the context's device, or takes the result from the compiler's cache, and loads it. An
     * image from the cache that the driver refuses is compiled afresh.
     */
    public static CudaModule compile(CudaContext context, Nvrtc compiler, KernelSource source) {
        GpuTarget target = compiler.targetFor(context.device().capability());
        CompiledKernels kernels = compiler.compile(source, target);
        try {
            return load(context, kernels.image());
        } catch (CudaException e) {
            boolean stale = e.status() == CUDA_ERROR_INVALID_IMAGE || e.status() == CUDA_ERROR_NO_BINARY_FOR_GPU;
            if (!stale || kernels.origin() != CompiledKernels.Origin.CACHE) {
                throw e;
            }
            return load(context, compiler.compileAfresh(source, target).image());
        }
    }

    /**
     * A kernel and the types of its parameters.
     *
     * @param lookup sees the record, usually {@code MethodHandles.lookup()}
     * @param name the kernel's name; it is {@code extern "C"}
     * @param type the parameters in order
     * @throws CudaException if the module has no such kernel
     * @throws IllegalArgumentException if the parameters' widths are not the kernel's
     */
    public <P extends Record> CudaKernel<P> kernel(MethodHandles.Lookup lookup, String name, Class<P> type) {
        lifetime.use();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            context.check(
                    ModuleFunctions.cuModuleGetFunction(out, handle, arena.allocateFrom(name)),
                    () -> "cuModuleGetFunction '" + name + "'");
            ParameterBlock block = new ParameterBlock(lookup, type, blocks);
            return new CudaKernel<>(context, lifetime, name, out.get(JAVA_LONG, 0), block);
        }
    }

    /** The memory of a {@code __device__} or {@code __constant__} variable; borrowed from the module. */
    public DeviceBuffer global(String name) {
        lifetime.use();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(JAVA_LONG);
            MemorySegment bytes = arena.allocate(JAVA_LONG);
            context.check(
                    ModuleFunctions.cuModuleGetGlobal_v2(address, bytes, handle, arena.allocateFrom(name)),
                    () -> "cuModuleGetGlobal '" + name + "'");
            return DeviceBuffer.borrowed(context, lifetime, address.get(JAVA_LONG, 0), bytes.get(JAVA_LONG, 0));
        }
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
