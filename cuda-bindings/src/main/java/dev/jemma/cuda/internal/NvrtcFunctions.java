package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The functions of NVRTC, the run-time compiler. Status codes are returned as they are. */
public final class NvrtcFunctions {
    private static final NativeLibrary NVRTC = Libraries.nvrtc();

    private NvrtcFunctions() {}

    private static final MethodHandle GET_ERROR_STRING = NVRTC.function("nvrtcGetErrorString", ADDRESS, JAVA_INT);

    @Prototype("const char *nvrtcGetErrorString(nvrtcResult result)")
    public static MemorySegment nvrtcGetErrorString(int result) {
        try {
            return (MemorySegment) GET_ERROR_STRING.invokeExact(result);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle VERSION = NVRTC.function("nvrtcVersion", JAVA_INT, ADDRESS, ADDRESS);

    @Prototype("nvrtcResult nvrtcVersion(int *major, int *minor)")
    public static int nvrtcVersion(MemorySegment major, MemorySegment minor) {
        try {
            return (int) VERSION.invokeExact(major, minor);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_NUM_SUPPORTED_ARCHS =
            NVRTC.function("nvrtcGetNumSupportedArchs", JAVA_INT, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetNumSupportedArchs(int *numArchs)")
    public static int nvrtcGetNumSupportedArchs(MemorySegment numArchs) {
        try {
            return (int) GET_NUM_SUPPORTED_ARCHS.invokeExact(numArchs);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_SUPPORTED_ARCHS = NVRTC.function("nvrtcGetSupportedArchs", JAVA_INT, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetSupportedArchs(int *supportedArchs)")
    public static int nvrtcGetSupportedArchs(MemorySegment supportedArchs) {
        try {
            return (int) GET_SUPPORTED_ARCHS.invokeExact(supportedArchs);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle CREATE_PROGRAM =
            NVRTC.function("nvrtcCreateProgram", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);

    @Prototype(
            "nvrtcResult nvrtcCreateProgram(nvrtcProgram *prog, const char *src, const char *name, int numHeaders, const char *const *headers, const char *const *includeNames)")
    public static int nvrtcCreateProgram(
            MemorySegment prog,
            MemorySegment src,
            MemorySegment name,
            int numHeaders,
            MemorySegment headers,
            MemorySegment includeNames) {
        try {
            return (int) CREATE_PROGRAM.invokeExact(prog, src, name, numHeaders, headers, includeNames);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle DESTROY_PROGRAM = NVRTC.function("nvrtcDestroyProgram", JAVA_INT, ADDRESS);

    @Prototype("nvrtcResult nvrtcDestroyProgram(nvrtcProgram *prog)")
    public static int nvrtcDestroyProgram(MemorySegment prog) {
        try {
            return (int) DESTROY_PROGRAM.invokeExact(prog);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle COMPILE_PROGRAM =
            NVRTC.function("nvrtcCompileProgram", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS);

    @Prototype("nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, const char *const *options)")
    public static int nvrtcCompileProgram(long prog, int numOptions, MemorySegment options) {
        try {
            return (int) COMPILE_PROGRAM.invokeExact(prog, numOptions, options);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_CUBIN_SIZE =
            NVRTC.function("nvrtcGetCUBINSize", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, size_t *cubinSizeRet)")
    public static int nvrtcGetCUBINSize(long prog, MemorySegment cubinSizeRet) {
        try {
            return (int) GET_CUBIN_SIZE.invokeExact(prog, cubinSizeRet);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_CUBIN = NVRTC.function("nvrtcGetCUBIN", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, char *cubin)")
    public static int nvrtcGetCUBIN(long prog, MemorySegment cubin) {
        try {
            return (int) GET_CUBIN.invokeExact(prog, cubin);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_PTX_SIZE = NVRTC.function("nvrtcGetPTXSize", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetPTXSize(nvrtcProgram prog, size_t *ptxSizeRet)")
    public static int nvrtcGetPTXSize(long prog, MemorySegment ptxSizeRet) {
        try {
            return (int) GET_PTX_SIZE.invokeExact(prog, ptxSizeRet);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_PTX = NVRTC.function("nvrtcGetPTX", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetPTX(nvrtcProgram prog, char *ptx)")
    public static int nvrtcGetPTX(long prog, MemorySegment ptx) {
        try {
            return (int) GET_PTX.invokeExact(prog, ptx);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_PROGRAM_LOG_SIZE =
            NVRTC.function("nvrtcGetProgramLogSize", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, size_t *logSizeRet)")
    public static int nvrtcGetProgramLogSize(long prog, MemorySegment logSizeRet) {
        try {
            return (int) GET_PROGRAM_LOG_SIZE.invokeExact(prog, logSizeRet);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }

    private static final MethodHandle GET_PROGRAM_LOG =
            NVRTC.function("nvrtcGetProgramLog", JAVA_INT, JAVA_LONG, ADDRESS);

    @Prototype("nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, char *log)")
    public static int nvrtcGetProgramLog(long prog, MemorySegment log) {
        try {
            return (int) GET_PROGRAM_LOG.invokeExact(prog, log);
        } catch (Throwable t) {
            throw NativeLibrary.unexpected(t);
        }
    }
}
