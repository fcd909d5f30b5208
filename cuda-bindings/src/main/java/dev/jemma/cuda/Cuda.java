package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.CUDA_SUCCESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.jemma.cuda.internal.CublasLtFunctions;
import dev.jemma.cuda.internal.DeviceFunctions;
import dev.jemma.cuda.internal.Libraries;
import dev.jemma.cuda.internal.NativeLibrary;
import dev.jemma.cuda.internal.NvrtcFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether this process can use a GPU, as a value: {@link Available} with its devices, or {@link Unavailable} with the
 * reason. Nothing here throws on a machine without CUDA.
 *
 * <p>Libraries are searched for in the folders of the system property {@code jemma.cuda.lib.dir} (else the variable
 * {@code JEMMA_CUDA_LIB_DIR}), the toolkit of {@code CUDA_PATH} or {@code CUDA_HOME}, pip's {@code nvidia} folders of
 * the active Python, {@code ~/.cache/jemma/cuda}, by the system loader, and in the usual places. The driver comes only
 * with NVIDIA's driver package, so it is searched for in the named folders, by the system loader and in the usual
 * places.
 */
public sealed interface Cuda {
    /** The driver, and the libraries that may be absent: cuBLASLt, cuBLAS and NVRTC. */
    List<LibraryReport> libraries();

    /**
     * At least one device can be used. cuBLASLt or NVRTC may still be absent; their reports say so.
     *
     * @param driver what the driver supports, as a CUDA version: {@code 13.0}
     * @param devices the visible devices, by ordinal
     * @param libraries reports of the driver, cuBLASLt, cuBLAS and NVRTC
     */
    record Available(String driver, List<CudaDevice> devices, List<LibraryReport> libraries) implements Cuda {
        /** Copies the lists. */
        public Available {
            devices = List.copyOf(devices);
            libraries = List.copyOf(libraries);
        }

        /** The device with this ordinal. */
        public CudaDevice device(int ordinal) {
            if (ordinal < 0 || ordinal >= devices.size()) {
                throw new IllegalArgumentException("cuda:" + ordinal + ": no such device; there "
                        + (devices.size() == 1 ? "is one, cuda:0" : "are " + devices.size()));
            }
            return devices.get(ordinal);
        }
    }

    /**
     * No device can be used.
     *
     * @param reason one line: what is missing
     * @param cure one line: what to do about it
     * @param libraries reports of the driver, cuBLASLt, cuBLAS and NVRTC, with every path tried
     */
    record Unavailable(String reason, String cure, List<LibraryReport> libraries) implements Cuda {
        /** Copies the list. */
        public Unavailable {
            libraries = List.copyOf(libraries);
        }

        /** The reason, and every path tried with why it was not taken. */
        public List<String> reasons() {
            List<String> lines = new ArrayList<>();
            lines.add(reason);
            for (LibraryReport library : libraries) {
                if (!library.found()) {
                    library.tried().forEach(place -> lines.add(library.library() + ": " + place));
                }
            }
            return lines;
        }

        /** The error for code that needs a GPU and has none. */
        public IllegalStateException failure() {
            return new IllegalStateException("no CUDA device: " + reason + "; " + cure);
        }
    }

    /** Looks for the libraries (once in a process) and asks the driver for its devices. */
    static Cuda probe() {
        try {
            return ask();
        } catch (IllegalCallerException | LinkageError e) {
            // the first native call of all is in a class's initialiser, so a refusal may come wrapped
            return new Unavailable(
                    "the JVM does not allow native access: " + e,
                    "start java with --enable-native-access=dev.jemma.cuda (or ALL-UNNAMED on the class path)",
                    List.of());
        } catch (CudaException | UnsupportedOperationException e) {
            return new Unavailable(
                    "the driver does not answer: " + e.getMessage(), "update the NVIDIA driver", reports());
        }
    }

    /**
     * The devices, for code that cannot do without one.
     *
     * @throws IllegalStateException with the reason and the cure if no device can be used
     */
    static Available require() {
        return switch (probe()) {
            case Available available -> available;
            case Unavailable none -> throw none.failure();
        };
    }

    private static Cuda ask() {
        NativeLibrary driver = Libraries.driver();
        if (driver.path().isEmpty()) {
            return new Unavailable(
                    "the CUDA driver was not found in " + driver.attempts().size() + " places",
                    "install NVIDIA's driver, or name its folder by -Djemma.cuda.lib.dir=DIR",
                    reports());
        }
        int status = DeviceFunctions.cuInit(0);
        if (status != CUDA_SUCCESS) {
            String cure = Driver.cure(status);
            return new Unavailable(
                    Driver.failure(status, "cuInit of " + driver.path().get()).statusName() + " from cuInit of "
                            + driver.path().get(),
                    cure.isEmpty() ? "check nvidia-smi" : cure,
                    reports());
        }
        List<CudaDevice> devices = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_INT);
            Driver.check(DeviceFunctions.cuDeviceGetCount(count), "cuDeviceGetCount");
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                devices.add(CudaDevice.read(i));
            }
        }
        return devices.isEmpty()
                ? new Unavailable(
                        "the driver " + driver.path().get() + " sees no GPU",
                        "check nvidia-smi and CUDA_VISIBLE_DEVICES",
                        reports())
                : new Available(Driver.version(), devices, reports());
    }

    private static List<LibraryReport> reports() {
        NativeLibrary driver = Libraries.driver();
        NativeLibrary lt = Libraries.cublasLt();
        NativeLibrary nvrtc = Libraries.nvrtc();
        return List.of(
                LibraryReport.of(
                        driver, driver.has("cuDriverGetVersion") ? Optional.of(Driver.version()) : Optional.empty()),
                LibraryReport.of(
                        lt,
                        lt.has("cublasLtGetVersion")
                                ? Optional.of(CublasStatus.version(CublasLtFunctions.cublasLtGetVersion()))
                                : Optional.empty()),
                LibraryReport.of(Libraries.cublas(), Optional.empty()),
                LibraryReport.of(nvrtc, nvrtc.has("nvrtcVersion") ? nvrtcVersion() : Optional.empty()));
    }

    private static Optional<String> nvrtcVersion() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment major = arena.allocate(JAVA_INT);
            MemorySegment minor = arena.allocate(JAVA_INT);
            return NvrtcFunctions.nvrtcVersion(major, minor) == 0
                    ? Optional.of(major.get(JAVA_INT, 0) + "." + minor.get(JAVA_INT, 0))
                    : Optional.empty();
        }
    }
}
