package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The four libraries of this process, each searched for once, when it is first asked for. A process has one of each, because the
 * bindings' handles are constants.
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
        static final NativeLibrary LIBRARY = nvrtc(HostSystem.current(), majors());
    }

    private static final class CublasLtHolder {
        static final NativeLibrary LIBRARY = cublasLt(HostSystem.current(), majors());
    }

    private static final class CublasHolder {
        static final NativeLibrary LIBRARY = cublas(HostSystem.current(), majors());
    }

    static NativeLibrary driver(HostSystem host) {
        return new LibrarySearch(host, "CUDA driver", List.of("libcuda.so.1"), List.of("nvcuda.dll"), "").driver();
    }

    static NativeLibrary nvrtc(HostSystem host, List<Integer> majors) {
        // the wheels of NVRTC 13 have no RUNPATH, so libnvrtc-builtins is found only if it is loaded already
        return new LibrarySearch(
                        host,
                        "NVRTC",
                        names(majors, "libnvrtc.so.%d"),
                        names(majors, "nvrtc64_%d0_0.dll"),
                        host.family() == HostSystem.Family.WINDOWS ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so*")
                .runtime();
    }

    static NativeLibrary cublasLt(HostSystem host, List<Integer> majors) {
        return new LibrarySearch(
                        host, "cuBLASLt", names(majors, "libcublasLt.so.%d"), names(majors, "cublasLt64_%d.dll"), "")
                .runtime();
    }

    static NativeLibrary cublas(HostSystem host, List<Integer> majors) {
        return new LibrarySearch(
                        host,
                        "cuBLAS",
                        names(majors, "libcublas.so.%d"),
                        names(majors, "cublas64_%d.dll"),
                        host.family() == HostSystem.Family.WINDOWS ? "cublasLt64_*.dll" : "libcublasLt.so.*")
                .runtime();
    }

    private static List<String> names(List<Integer> majors, String format) {
        return majors.stream().map(major -> String.format(format, major)).toList();
    }

    /** Major versions worth trying, best first: a library newer than the driver would load and then refuse to work. */
    private static List<Integer> majors() {
        int driver = driverVersion() / 1000;
        List<Integer> majors = new ArrayList<>();
        for (int major = Math.max(driver, NEWEST_MAJOR); major >= OLDEST_MAJOR; major--) {
            if (driver == 0 || major <= driver) {
                majors.add(major);
            }
        }
        return majors.isEmpty() ? List.of(OLDEST_MAJOR) : majors;
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
