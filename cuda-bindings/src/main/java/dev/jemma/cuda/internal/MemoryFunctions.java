package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The driver functions for device memory, pinned host memory, copies and fills. Status codes are returned as they are.
 */
public final class MemoryFunctions {
    private static final NativeLibrary DRIVER = Libraries.driver();

    private MemoryFunctions() {}

    private static final MethodHandle MEM_ALLOC = DRIVER.function("cuMemAlloc_v2", JAVA_INT, ADDRESS, JAVA_LONG);

    @Prototype("CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)")
    public static int cuMemAlloc_v2(MemorySegment dptr, long bytesize) {
        try {
            return (int) MEM_ALLOC.invokeExact(dptr, bytesize);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_FREE = DRIVER.function("cuMemFree_v2", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuMemFree_v2(CUdeviceptr dptr)")
    public static int cuMemFree_v2(long dptr) {
        try {
            return (int) MEM_FREE.invokeExact(dptr);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_GET_INFO = DRIVER.function("cuMemGetInfo_v2", JAVA_INT, ADDRESS, ADDRESS);

    @Prototype("CUresult cuMemGetInfo_v2(size_t *free, size_t *total)")
    public static int cuMemGetInfo_v2(MemorySegment free, MemorySegment total) {
        try {
            return (int) MEM_GET_INFO.invokeExact(free, total);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_ALLOC_ASYNC =
            DRIVER.function("cuMemAllocAsync", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemAllocAsync(CUdeviceptr *dptr, size_t bytesize, CUstream hStream)")
    public static int cuMemAllocAsync(MemorySegment dptr, long bytesize, long hStream) {
        try {
            return (int) MEM_ALLOC_ASYNC.invokeExact(dptr, bytesize, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_FREE_ASYNC =
            DRIVER.function("cuMemFreeAsync", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemFreeAsync(CUdeviceptr dptr, CUstream hStream)")
    public static int cuMemFreeAsync(long dptr, long hStream) {
        try {
            return (int) MEM_FREE_ASYNC.invokeExact(dptr, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_POOL_SET_ATTRIBUTE =
            DRIVER.function("cuMemPoolSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS);

    @Prototype("CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)")
    public static int cuMemPoolSetAttribute(long pool, int attr, MemorySegment value) {
        try {
            return (int) MEM_POOL_SET_ATTRIBUTE.invokeExact(pool, attr, value);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_POOL_TRIM_TO =
            DRIVER.function("cuMemPoolTrimTo", JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t minBytesToKeep)")
    public static int cuMemPoolTrimTo(long pool, long minBytesToKeep) {
        try {
            return (int) MEM_POOL_TRIM_TO.invokeExact(pool, minBytesToKeep);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_HOST_ALLOC =
            DRIVER.function("cuMemHostAlloc", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);

    @Prototype("CUresult cuMemHostAlloc(void **pp, size_t bytesize, unsigned int Flags)")
    public static int cuMemHostAlloc(MemorySegment pp, long bytesize, int flags) {
        try {
            return (int) MEM_HOST_ALLOC.invokeExact(pp, bytesize, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_FREE_HOST = DRIVER.function("cuMemFreeHost", JAVA_INT, ADDRESS);

    @Prototype("CUresult cuMemFreeHost(void *p)")
    public static int cuMemFreeHost(MemorySegment p) {
        try {
            return (int) MEM_FREE_HOST.invokeExact(p);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_HOST_REGISTER =
            DRIVER.function("cuMemHostRegister_v2", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);

    @Prototype("CUresult cuMemHostRegister_v2(void *p, size_t bytesize, unsigned int Flags)")
    public static int cuMemHostRegister_v2(MemorySegment p, long bytesize, int flags) {
        try {
            return (int) MEM_HOST_REGISTER.invokeExact(p, bytesize, flags);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEM_HOST_UNREGISTER = DRIVER.function("cuMemHostUnregister", JAVA_INT, ADDRESS);

    @Prototype("CUresult cuMemHostUnregister(void *p)")
    public static int cuMemHostUnregister(MemorySegment p) {
        try {
            return (int) MEM_HOST_UNREGISTER.invokeExact(p);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMCPY_H_TO_D_ASYNC =
            DRIVER.function("cuMemcpyHtoDAsync_v2", JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream)")
    public static int cuMemcpyHtoDAsync_v2(long dstDevice, MemorySegment srcHost, long byteCount, long hStream) {
        try {
            return (int) MEMCPY_H_TO_D_ASYNC.invokeExact(dstDevice, srcHost, byteCount, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMCPY_D_TO_H_ASYNC =
            DRIVER.function("cuMemcpyDtoHAsync_v2", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "CUresult cuMemcpyDtoHAsync_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)")
    public static int cuMemcpyDtoHAsync_v2(MemorySegment dstHost, long srcDevice, long byteCount, long hStream) {
        try {
            return (int) MEMCPY_D_TO_H_ASYNC.invokeExact(dstHost, srcDevice, byteCount, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMCPY_D_TO_D_ASYNC =
            DRIVER.function("cuMemcpyDtoDAsync_v2", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    @Prototype(
            "CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)")
    public static int cuMemcpyDtoDAsync_v2(long dstDevice, long srcDevice, long byteCount, long hStream) {
        try {
            return (int) MEMCPY_D_TO_D_ASYNC.invokeExact(dstDevice, srcDevice, byteCount, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMSET_D8_ASYNC =
            DRIVER.function("cuMemsetD8Async", JAVA_INT, JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemsetD8Async(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream)")
    public static int cuMemsetD8Async(long dstDevice, byte uc, long n, long hStream) {
        try {
            return (int) MEMSET_D8_ASYNC.invokeExact(dstDevice, uc, n, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMSET_D16_ASYNC =
            DRIVER.function("cuMemsetD16Async", JAVA_INT, JAVA_LONG, JAVA_SHORT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemsetD16Async(CUdeviceptr dstDevice, unsigned short us, size_t N, CUstream hStream)")
    public static int cuMemsetD16Async(long dstDevice, short us, long n, long hStream) {
        try {
            return (int) MEMSET_D16_ASYNC.invokeExact(dstDevice, us, n, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MEMSET_D32_ASYNC =
            DRIVER.function("cuMemsetD32Async", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);

    @Prototype("CUresult cuMemsetD32Async(CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream)")
    public static int cuMemsetD32Async(long dstDevice, int ui, long n, long hStream) {
        try {
            return (int) MEMSET_D32_ASYNC.invokeExact(dstDevice, ui, n, hStream);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
