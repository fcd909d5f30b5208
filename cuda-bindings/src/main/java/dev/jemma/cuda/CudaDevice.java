package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.CudaStructs;
import dev.jemma.cuda.internal.DeviceFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.UUID;

/**
 * A GPU, as the driver describes it. A value: it holds nothing open.
 *
 * @param ordinal its number among the visible devices, from 0
 * @param name the marketing name
 * @param uuid names the device on any machine
 * @param pciBusId {@code domain:bus:device.function}
 * @param capability its instruction set
 * @param memoryBytes all of its memory
 * @param multiprocessors streaming multiprocessors
 * @param sharedBytesPerBlock the most shared memory that a block may ask for, with opt-in
 * @param l2Bytes size of the L2 cache
 * @param integrated whether it shares the host's memory
 * @param memoryPools whether stream-ordered allocation works
 */
public record CudaDevice(
        int ordinal,
        String name,
        UUID uuid,
        String pciBusId,
        ComputeCapability capability,
        long memoryBytes,
        int multiprocessors,
        int sharedBytesPerBlock,
        long l2Bytes,
        boolean integrated,
        boolean memoryPools) {
    private static final int TEXT_BYTES = 256;

    /** Asks the driver; {@code cuInit} has been called. */
    static CudaDevice read(int ordinal) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            Driver.check(DeviceFunctions.cuDeviceGet(out, ordinal), "cuDeviceGet");
            int device = out.get(JAVA_INT, 0);
            MemorySegment text = arena.allocate(TEXT_BYTES);
            Driver.check(DeviceFunctions.cuDeviceGetName(text, TEXT_BYTES, device), "cuDeviceGetName");
            String name = text.getString(0);
            Driver.check(DeviceFunctions.cuDeviceGetPCIBusId(text, TEXT_BYTES, device), "cuDeviceGetPCIBusId");
            String bus = text.getString(0);
            MemorySegment bytes = arena.allocate(JAVA_LONG);
            Driver.check(DeviceFunctions.cuDeviceTotalMem_v2(bytes, device), "cuDeviceTotalMem");
            MemorySegment uuid = arena.allocate(CudaStructs.CU_UUID);
            Driver.check(DeviceFunctions.cuDeviceGetUuid_v2(uuid, device), "cuDeviceGetUuid");
            ByteBuffer words = uuid.asByteBuffer().order(ByteOrder.BIG_ENDIAN);
            return new CudaDevice(
                    ordinal,
                    name,
                    new UUID(words.getLong(), words.getLong()),
                    bus,
                    new ComputeCapability(
                            attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, out),
                            attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, out)),
                    bytes.get(JAVA_LONG, 0),
                    attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, out),
                    attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, out),
                    attribute(device, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, out),
                    attribute(device, CU_DEVICE_ATTRIBUTE_INTEGRATED, out) != 0,
                    attribute(device, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, out) != 0);
        }
    }

    /** The most bytes a second its memory bus can move, from clock and width; 0 where the driver does not say. */
    public double memoryBytesPerSecond() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            Driver.check(DeviceFunctions.cuDeviceGet(out, ordinal), "cuDeviceGet");
            int device = out.get(JAVA_INT, 0);
            double kilohertz = attribute(device, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, out);
            double bits = attribute(device, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, out);
            return 2 * kilohertz * 1000 * bits / 8; // double data rate
        }
    }

    private static int attribute(int device, int attribute, MemorySegment out) {
        Driver.check(DeviceFunctions.cuDeviceGetAttribute(out, attribute, device), "cuDeviceGetAttribute");
        return out.get(JAVA_INT, 0);
    }

    /** {@code cuda:0 NVIDIA H200 (9.0, 139.8 GiB)}. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "cuda:%d %s (%s, %.1f GiB)", ordinal, name, capability, memoryBytes / (double) (1L << 30));
    }
}
