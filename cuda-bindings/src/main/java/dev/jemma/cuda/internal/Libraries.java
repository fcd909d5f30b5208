package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The four libraries of this process, each searched for once, when it is first asked for. A process has one of each,
 * because the bindings' handles are constants.
 */
public final class Libraries {
    private static final int OLDEST_MAJOR = 12;
    private static final int NEWEST_MAJOR = 13;

    private Libraries() {}

    /** The CUDA driver, {@code libcuda}; comes only with NVIDIA's driver package. */
    public static NativeLibrary driver() {
        return DriverHolder.LIBRARY;
    }

    /** The run-time compiler, {@code libnvrtc}. */
    public static NativeLibrary nvrtc() {
        return NvrtcHolder.LIBRARY;
    }

    /** Matrix products with epilogues, {@code libcublasLt}. */
    public static NativeLibrary cublasLt() {
        return CublasLtHolder.LIBRARY;
    }

    /** The classic BLAS, {@code libcublas}. */
    public static NativeLibrary cublas() {
        return CublasHolder.LIBRARY;
    }

    private static final class DriverHolder {
        static final NativeLibrary LIBRARY = driver(HostSystem.current());
    }

    private static final class NvrtcHolder {
        static final NativeLibrary LIBRARY = nvrtc(HostSystem.current(), driverVersion());
    }

    private static final class CublasLtHolder {
        static final NativeLibrary LIBRARY = cublasLt(HostSystem.current(), driverVersion());
    }

    private static final class CublasHolder {
        static final NativeLibrary LIBRARY = cublas(HostSystem.current(), driverVersion());
    }

    static NativeLibrary driver(HostSystem host) {
        return new LibrarySearch(host, "CUDA driver", List.of(host.windows() ? "nvcuda.dll" : "libcuda.so.1"), "")
                .driver();
    }

    /** @param driver what the driver supports, 12040 for CUDA 12.4; 0 if there is none */
    static NativeLibrary nvrtc(HostSystem host, int driver) {
        // the wheels of NVRTC 13 have no RUNPATH, so libnvrtc-builtins is found only if it is loaded already
        return host.windows()
                ? search(host, "NVRTC", "nvrtc64_%d0_0.dll", "nvrtc-builtins64_*.dll", driver)
                : search(host, "NVRTC", "libnvrtc.so.%d", "libnvrtc-builtins.so*", driver);
    }

    static NativeLibrary cublasLt(HostSystem host, int driver) {
        return search(host, "cuBLASLt", host.windows() ? "cublasLt64_%d.dll" : "libcublasLt.so.%d", "", driver);
    }

    static NativeLibrary cublas(HostSystem host, int driver) {
        return host.windows()
                ? search(host, "cuBLAS", "cublas64_%d.dll", "cublasLt64_*.dll", driver)
                : search(host, "cuBLAS", "libcublas.so.%d", "libcublasLt.so.*", driver);
    }

    /** A library newer than the driver would load and then refuse to work, so its major version is passed over. */
    private static NativeLibrary search(HostSystem host, String title, String file, String companions, int driver) {
        List<String> names = new ArrayList<>();
        Map<String, String> refused = new LinkedHashMap<>();
        int supported = driver == 0 ? NEWEST_MAJOR : driver / 1000;
        for (int major = Math.max(supported, NEWEST_MAJOR); major >= OLDEST_MAJOR; major--) {
            String name = String.format(file, major);
            if (major <= supported) {
                names.add(name);
            } else {
                refused.put(
                        name,
                        "is newer than the driver, which supports CUDA " + supported + "." + driver % 1000 / 10
                                + ": update the driver, or install the library for CUDA " + supported);
            }
        }
        return new LibrarySearch(host, title, names, companions).runtime(refused);
    }

    private static int driverVersion() {
        if (!driver().has("cuDriverGetVersion")) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(JAVA_INT);
            return DeviceFunctions.cuDriverGetVersion(version) == 0 ? version.get(JAVA_INT, 0) : 0;
        }
    }
}
