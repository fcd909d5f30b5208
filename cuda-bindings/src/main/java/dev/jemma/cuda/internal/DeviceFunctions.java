package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The driver functions for start, errors, devices and primary contexts. Status codes are returned as they are. */
public final class DeviceFunctions {
    private static final NativeLibrary DRIVER = Libraries.driver();

    private DeviceFunctions() {}

    private static final MethodHandle INIT = DRIVER.function("cuInit", JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuInit(unsigned int Flags)")
    public static int cuInit(int flags) {
        try {
            return (int) INIT.invokeExact(flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DRIVER_GET_VERSION = DRIVER.function("cuDriverGetVersion", JAVA_INT, ADDRESS);

    @Prototype("CUresult cuDriverGetVersion(int *driverVersion)")
    public static int cuDriverGetVersion(MemorySegment driverVersion) {
        try {
            return (int) DRIVER_GET_VERSION.invokeExact(driverVersion);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_ERROR_NAME = DRIVER.function("cuGetErrorName", JAVA_INT, JAVA_INT, ADDRESS);

    @Prototype("CUresult cuGetErrorName(CUresult error, const char **pStr)")
    public static int cuGetErrorName(int error, MemorySegment pStr) {
        try {
            return (int) GET_ERROR_NAME.invokeExact(error, pStr);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_ERROR_STRING =
            DRIVER.function("cuGetErrorString", JAVA_INT, JAVA_INT, ADDRESS);

    @Prototype("CUresult cuGetErrorString(CUresult error, const char **pStr)")
    public static int cuGetErrorString(int error, MemorySegment pStr) {
        try {
            return (int) GET_ERROR_STRING.invokeExact(error, pStr);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_COUNT = DRIVER.function("cuDeviceGetCount", JAVA_INT, ADDRESS);

    @Prototype("CUresult cuDeviceGetCount(int *count)")
    public static int cuDeviceGetCount(MemorySegment count) {
        try {
            return (int) DEVICE_GET_COUNT.invokeExact(count);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET = DRIVER.function("cuDeviceGet", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuDeviceGet(CUdevice *device, int ordinal)")
    public static int cuDeviceGet(MemorySegment device, int ordinal) {
        try {
            return (int) DEVICE_GET.invokeExact(device, ordinal);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_NAME =
            DRIVER.function("cuDeviceGetName", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuDeviceGetName(char *name, int len, CUdevice dev)")
    public static int cuDeviceGetName(MemorySegment name, int len, int dev) {
        try {
            return (int) DEVICE_GET_NAME.invokeExact(name, len, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_ATTRIBUTE =
            DRIVER.function("cuDeviceGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev)")
    public static int cuDeviceGetAttribute(MemorySegment pi, int attrib, int dev) {
        try {
            return (int) DEVICE_GET_ATTRIBUTE.invokeExact(pi, attrib, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_TOTAL_MEM =
            DRIVER.function("cuDeviceTotalMem_v2", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)")
    public static int cuDeviceTotalMem_v2(MemorySegment bytes, int dev) {
        try {
            return (int) DEVICE_TOTAL_MEM.invokeExact(bytes, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_UUID =
            DRIVER.function("cuDeviceGetUuid_v2", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)")
    public static int cuDeviceGetUuid_v2(MemorySegment uuid, int dev) {
        try {
            return (int) DEVICE_GET_UUID.invokeExact(uuid, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_PCI_BUS_ID =
            DRIVER.function("cuDeviceGetPCIBusId", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuDeviceGetPCIBusId(char *pciBusId, int len, CUdevice dev)")
    public static int cuDeviceGetPCIBusId(MemorySegment pciBusId, int len, int dev) {
        try {
            return (int) DEVICE_GET_PCI_BUS_ID.invokeExact(pciBusId, len, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_GET_DEFAULT_MEM_POOL =
            DRIVER.function("cuDeviceGetDefaultMemPool", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool_out, CUdevice dev)")
    public static int cuDeviceGetDefaultMemPool(MemorySegment pool_out, int dev) {
        try {
            return (int) DEVICE_GET_DEFAULT_MEM_POOL.invokeExact(pool_out, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_PRIMARY_CTX_RETAIN =
            DRIVER.function("cuDevicePrimaryCtxRetain", JAVA_INT, ADDRESS, JAVA_INT);

    @Prototype("CUresult cuDevicePrimaryCtxRetain(CUcontext *pctx, CUdevice dev)")
    public static int cuDevicePrimaryCtxRetain(MemorySegment pctx, int dev) {
        try {
            return (int) DEVICE_PRIMARY_CTX_RETAIN.invokeExact(pctx, dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_PRIMARY_CTX_RELEASE =
            DRIVER.function("cuDevicePrimaryCtxRelease_v2", JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev)")
    public static int cuDevicePrimaryCtxRelease_v2(int dev) {
        try {
            return (int) DEVICE_PRIMARY_CTX_RELEASE.invokeExact(dev);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DEVICE_PRIMARY_CTX_SET_FLAGS =
            DRIVER.function("cuDevicePrimaryCtxSetFlags_v2", JAVA_INT, JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)")
    public static int cuDevicePrimaryCtxSetFlags_v2(int dev, int flags) {
        try {
            return (int) DEVICE_PRIMARY_CTX_SET_FLAGS.invokeExact(dev, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle CTX_SET_CURRENT = DRIVER.function("cuCtxSetCurrent", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuCtxSetCurrent(CUcontext ctx)")
    public static int cuCtxSetCurrent(long ctx) {
        try {
            return (int) CTX_SET_CURRENT.invokeExact(ctx);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle CTX_GET_CURRENT = DRIVER.function("cuCtxGetCurrent", JAVA_INT, ADDRESS);

    @Prototype("CUresult cuCtxGetCurrent(CUcontext *pctx)")
    public static int cuCtxGetCurrent(MemorySegment pctx) {
        try {
            return (int) CTX_GET_CURRENT.invokeExact(pctx);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle CTX_SYNCHRONIZE = DRIVER.function("cuCtxSynchronize", JAVA_INT);

    @Prototype("CUresult cuCtxSynchronize(void)")
    public static int cuCtxSynchronize() {
        try {
            return (int) CTX_SYNCHRONIZE.invokeExact();
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
