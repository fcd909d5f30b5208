package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The driver functions for modules, libraries, kernels, launches and tensor maps. Status codes are returned as they
 * are.
 */
public final class ModuleFunctions {
    private static final NativeLibrary DRIVER = Libraries.driver();

    private ModuleFunctions() {}

    private static final MethodHandle MODULE_LOAD_DATA_EX =
            DRIVER.function("cuModuleLoadDataEx", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);

    @Prototype(
            "CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int numOptions, CUjit_option *options, void **optionValues)")
    public static int cuModuleLoadDataEx(
            MemorySegment module,
            MemorySegment image,
            int numOptions,
            MemorySegment options,
            MemorySegment optionValues) {
        try {
            return (int) MODULE_LOAD_DATA_EX.invokeExact(module, image, numOptions, options, optionValues);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MODULE_UNLOAD = DRIVER.function("cuModuleUnload", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuModuleUnload(CUmodule hmod)")
    public static int cuModuleUnload(long hmod) {
        try {
            return (int) MODULE_UNLOAD.invokeExact(hmod);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MODULE_GET_FUNCTION =
            DRIVER.function("cuModuleGetFunction", JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS);

    @Prototype("CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name)")
    public static int cuModuleGetFunction(MemorySegment hfunc, long hmod, MemorySegment name) {
        try {
            return (int) MODULE_GET_FUNCTION.invokeExact(hfunc, hmod, name);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle MODULE_GET_GLOBAL =
            DRIVER.function("cuModuleGetGlobal_v2", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);

    @Prototype("CUresult cuModuleGetGlobal_v2(CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)")
    public static int cuModuleGetGlobal_v2(MemorySegment dptr, MemorySegment bytes, long hmod, MemorySegment name) {
        try {
            return (int) MODULE_GET_GLOBAL.invokeExact(dptr, bytes, hmod, name);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle LIBRARY_LOAD_DATA = DRIVER.since(
            "12.0",
            "cuLibraryLoadData",
            JAVA_INT,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS,
            ADDRESS,
            JAVA_INT);

    @Prototype(
            "CUresult cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jitOptions, void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions, void **libraryOptionValues, unsigned int numLibraryOptions)")
    public static int cuLibraryLoadData(
            MemorySegment library,
            MemorySegment code,
            MemorySegment jitOptions,
            MemorySegment jitOptionsValues,
            int numJitOptions,
            MemorySegment libraryOptions,
            MemorySegment libraryOptionValues,
            int numLibraryOptions) {
        try {
            return (int) LIBRARY_LOAD_DATA.invokeExact(
                    library,
                    code,
                    jitOptions,
                    jitOptionsValues,
                    numJitOptions,
                    libraryOptions,
                    libraryOptionValues,
                    numLibraryOptions);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle LIBRARY_UNLOAD = DRIVER.since("12.0", "cuLibraryUnload", JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuLibraryUnload(CUlibrary library)")
    public static int cuLibraryUnload(long library) {
        try {
            return (int) LIBRARY_UNLOAD.invokeExact(library);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle LIBRARY_GET_KERNEL =
            DRIVER.since("12.0", "cuLibraryGetKernel", JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS);

    @Prototype("CUresult cuLibraryGetKernel(CUkernel *pKernel, CUlibrary library, const char *name)")
    public static int cuLibraryGetKernel(MemorySegment pKernel, long library, MemorySegment name) {
        try {
            return (int) LIBRARY_GET_KERNEL.invokeExact(pKernel, library, name);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle KERNEL_GET_FUNCTION =
            DRIVER.since("12.0", "cuKernelGetFunction", JAVA_INT, ADDRESS, JAVA_LONG);

    @Prototype("CUresult cuKernelGetFunction(CUfunction *pFunc, CUkernel kernel)")
    public static int cuKernelGetFunction(MemorySegment pFunc, long kernel) {
        try {
            return (int) KERNEL_GET_FUNCTION.invokeExact(pFunc, kernel);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle FUNC_GET_ATTRIBUTE =
            DRIVER.function("cuFuncGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);

    @Prototype("CUresult cuFuncGetAttribute(int *pi, CUfunction_attribute attrib, CUfunction hfunc)")
    public static int cuFuncGetAttribute(MemorySegment pi, int attrib, long hfunc) {
        try {
            return (int) FUNC_GET_ATTRIBUTE.invokeExact(pi, attrib, hfunc);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle FUNC_SET_ATTRIBUTE =
            DRIVER.function("cuFuncSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);

    @Prototype("CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value)")
    public static int cuFuncSetAttribute(long hfunc, int attrib, int value) {
        try {
            return (int) FUNC_SET_ATTRIBUTE.invokeExact(hfunc, attrib, value);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle FUNC_GET_PARAM_INFO =
            DRIVER.since("12.4", "cuFuncGetParamInfo", JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);

    @Prototype(
            "CUresult cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t *paramOffset, size_t *paramSize)")
    public static int cuFuncGetParamInfo(
            long func, long paramIndex, MemorySegment paramOffset, MemorySegment paramSize) {
        try {
            return (int) FUNC_GET_PARAM_INFO.invokeExact(func, paramIndex, paramOffset, paramSize);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle OCCUPANCY_MAX_ACTIVE_BLOCKS_PER_MULTIPROCESSOR = DRIVER.function(
            "cuOccupancyMaxActiveBlocksPerMultiprocessor", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG);

    @Prototype(
            "CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *numBlocks, CUfunction func, int blockSize, size_t dynamicSMemSize)")
    public static int cuOccupancyMaxActiveBlocksPerMultiprocessor(
            MemorySegment numBlocks, long func, int blockSize, long dynamicSMemSize) {
        try {
            return (int) OCCUPANCY_MAX_ACTIVE_BLOCKS_PER_MULTIPROCESSOR.invokeExact(
                    numBlocks, func, blockSize, dynamicSMemSize);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle LAUNCH_KERNEL = DRIVER.function(
            "cuLaunchKernel",
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            ADDRESS);

    @Prototype(
            "CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams, void **extra)")
    public static int cuLaunchKernel(
            long f,
            int gridDimX,
            int gridDimY,
            int gridDimZ,
            int blockDimX,
            int blockDimY,
            int blockDimZ,
            int sharedMemBytes,
            long hStream,
            MemorySegment kernelParams,
            MemorySegment extra) {
        try {
            return (int) LAUNCH_KERNEL.invokeExact(
                    f,
                    gridDimX,
                    gridDimY,
                    gridDimZ,
                    blockDimX,
                    blockDimY,
                    blockDimZ,
                    sharedMemBytes,
                    hStream,
                    kernelParams,
                    extra);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle LAUNCH_KERNEL_EX =
            DRIVER.since("11.6", "cuLaunchKernelEx", JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);

    @Prototype(
            "CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction f, void **kernelParams, void **extra)")
    public static int cuLaunchKernelEx(MemorySegment config, long f, MemorySegment kernelParams, MemorySegment extra) {
        try {
            return (int) LAUNCH_KERNEL_EX.invokeExact(config, f, kernelParams, extra);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle TENSOR_MAP_ENCODE_TILED = DRIVER.since(
            "12.0",
            "cuTensorMapEncodeTiled",
            JAVA_INT,
            ADDRESS,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT);

    @Prototype(
            "CUresult cuTensorMapEncodeTiled(CUtensorMap *tensorMap, CUtensorMapDataType tensorDataType, cuuint32_t tensorRank, void *globalAddress, const cuuint64_t *globalDim, const cuuint64_t *globalStrides, const cuuint32_t *boxDim, const cuuint32_t *elementStrides, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2Promotion, CUtensorMapFloatOOBfill oobFill)")
    public static int cuTensorMapEncodeTiled(
            MemorySegment tensorMap,
            int tensorDataType,
            int tensorRank,
            long globalAddress,
            MemorySegment globalDim,
            MemorySegment globalStrides,
            MemorySegment boxDim,
            MemorySegment elementStrides,
            int interleave,
            int swizzle,
            int l2Promotion,
            int oobFill) {
        try {
            return (int) TENSOR_MAP_ENCODE_TILED.invokeExact(
                    tensorMap,
                    tensorDataType,
                    tensorRank,
                    globalAddress,
                    globalDim,
                    globalStrides,
                    boxDim,
                    elementStrides,
                    interleave,
                    swizzle,
                    l2Promotion,
                    oobFill);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
