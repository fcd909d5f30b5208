package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CudaStructs.*;
import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.Libraries;
import dev.jemma.cuda.internal.ModuleFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A kernel of a module with the types of its parameters: the components of {@code P} in order, so that a wrong width or
 * a forgotten parameter does not compile, or fails when the kernel is looked up (driver 12.4 and newer tell the true
 * widths). Borrowed from its module.
 *
 * @param <P> the parameters; its components are {@link DeviceBuffer}s and primitive numbers
 */
public final class CudaKernel<P extends Record> {
    private static final int SHARED_WITHOUT_ASKING = 48 * 1024;

    private final CudaContext context;
    private final Lifetime module;
    private final String name;
    private final long handle;
    private final ParameterBlock parameters;
    private final KernelInfo info;
    private int dynamicShared = SHARED_WITHOUT_ASKING;

    CudaKernel(CudaContext context, Lifetime module, String name, long handle, ParameterBlock parameters) {
        this.context = context;
        this.module = module;
        this.name = name;
        this.handle = handle;
        this.parameters = parameters;
        try (Arena arena = Arena.ofConfined()) {
            checkParameters(arena);
            MemorySegment out = arena.allocate(JAVA_INT);
            this.info = new KernelInfo(
                    attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, out),
                    attribute(CU_FUNC_ATTRIBUTE_NUM_REGS, out),
                    attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, out),
                    attribute(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, out));
        }
    }

    private int attribute(int attribute, MemorySegment out) {
        context.check(ModuleFunctions.cuFuncGetAttribute(out, attribute, handle), "cuFuncGetAttribute of " + name);
        return out.get(JAVA_INT, 0);
    }

    private void checkParameters(Arena arena) {
        if (!Libraries.driver().has("cuFuncGetParamInfo")) {
            return; // an older driver cannot tell
        }
        MemorySegment offset = arena.allocate(JAVA_LONG);
        MemorySegment bytes = arena.allocate(JAVA_LONG);
        int count = 0;
        while (ModuleFunctions.cuFuncGetParamInfo(handle, count, offset, bytes) == CUDA_SUCCESS) {
            if (count < parameters.count()
                    && (offset.get(JAVA_LONG, 0) != parameters.offset(count)
                            || bytes.get(JAVA_LONG, 0) != parameters.bytes(count))) {
                throw new IllegalArgumentException("kernel " + name + ": parameter " + count + " has "
                        + bytes.get(JAVA_LONG, 0) + " bytes at offset " + offset.get(JAVA_LONG, 0) + "; "
                        + parameters.describe(count) + " has " + parameters.bytes(count) + " at "
                        + parameters.offset(count));
            }
            count++;
        }
        if (count != parameters.count()) {
            throw new IllegalArgumentException("kernel " + name + " takes " + count + " parameters, record "
                    + parameters.typeName() + " has " + parameters.count());
        }
    }

    /** Its name in the module. */
    public String name() {
        return name;
    }

    /** Registers, shared and local memory. */
    public KernelInfo info() {
        return info;
    }

    /**
     * Blocks of {@code threads} threads and {@code sharedBytes} dynamic shared memory that one multiprocessor holds at
     * once.
     */
    public int blocksPerMultiprocessor(int threads, int sharedBytes) {
        module.use();
        allowShared(sharedBytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            context.check(
                    ModuleFunctions.cuOccupancyMaxActiveBlocksPerMultiprocessor(out, handle, threads, sharedBytes),
                    () -> "occupancy of " + name);
            return out.get(JAVA_INT, 0);
        }
    }

    /**
     * Submits the kernel. The parameters are copied by the call.
     *
     * @throws CudaException naming the kernel, grid, block and shared memory; a fault while it runs shows later, when
     *     the stream is synchronised
     */
    public void launch(CudaStream stream, LaunchShape shape, P arguments) {
        module.use();
        long queue = stream.handle();
        allowShared(shape.sharedBytes());
        MemorySegment pointers = parameters.write(context, arguments);
        int status = shape.cooperation() instanceof LaunchShape.Cooperation.Independent
                ? ModuleFunctions.cuLaunchKernel(
                        handle,
                        shape.grid().x(),
                        shape.grid().y(),
                        shape.grid().z(),
                        shape.block().x(),
                        shape.block().y(),
                        shape.block().z(),
                        shape.sharedBytes(),
                        queue,
                        pointers,
                        MemorySegment.NULL)
                : launchTogether(queue, shape, pointers);
        context.check(
                status,
                () -> "launch of " + name + shape + " (it allows " + info.maxThreadsPerBlock()
                        + " threads a block, has "
                        + info.staticSharedBytes() + " bytes of static shared memory and " + info.registers()
                        + " registers a thread; the device allows "
                        + context.device().sharedBytesPerBlock() + " bytes of shared memory a block)");
        context.launched(this, shape);
    }

    private int launchTogether(long stream, LaunchShape shape, MemorySegment pointers) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = arena.allocate(CU_LAUNCH_ATTRIBUTE);
            long value = offset(CU_LAUNCH_ATTRIBUTE, "value");
            int id = switch (shape.cooperation()) {
                case LaunchShape.Cooperation.Independent() -> throw new AssertionError("launched plainly");
                case LaunchShape.Cooperation.WholeGrid() -> {
                    attribute.set(JAVA_INT, value, 1);
                    yield CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
                }
                case LaunchShape.Cooperation.Clusters(Dim3 size) -> {
                    attribute.set(JAVA_INT, value, size.x());
                    attribute.set(JAVA_INT, value + 4, size.y());
                    attribute.set(JAVA_INT, value + 8, size.z());
                    yield CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
                }
                case LaunchShape.Cooperation.Overlapping() -> {
                    attribute.set(JAVA_INT, value, 1);
                    yield CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
                }
            };
            attribute.set(JAVA_INT, offset(CU_LAUNCH_ATTRIBUTE, "id"), id);
            MemorySegment config = arena.allocate(CU_LAUNCH_CONFIG);
            int[] extents = {
                shape.grid().x(), shape.grid().y(), shape.grid().z(),
                shape.block().x(), shape.block().y(), shape.block().z(),
                shape.sharedBytes()
            };
            MemorySegment.copy(extents, 0, config, JAVA_INT, 0, extents.length);
            config.set(JAVA_LONG, offset(CU_LAUNCH_CONFIG, "hStream"), stream);
            config.set(JAVA_LONG, offset(CU_LAUNCH_CONFIG, "attrs"), attribute.address());
            config.set(JAVA_INT, offset(CU_LAUNCH_CONFIG, "numAttrs"), 1);
            return ModuleFunctions.cuLaunchKernelEx(config, handle, pointers, MemorySegment.NULL);
        }
    }

    /** More than 48 KiB of dynamic shared memory must be asked for, once. */
    private void allowShared(int bytes) {
        if (bytes > dynamicShared) {
            context.check(
                    ModuleFunctions.cuFuncSetAttribute(handle, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
                    () -> "asking for " + bytes + " bytes of dynamic shared memory for " + name + " (the device allows "
                            + context.device().sharedBytesPerBlock() + " a block)");
            dynamicShared = bytes;
        }
    }

    @Override
    public String toString() {
        return "kernel " + name;
    }
}
