package dev.jemma.cuda;

import static dev.jemma.cuda.internal.DriverConstants.*;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.jemma.cuda.internal.DeviceFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** Statuses of the driver API: their names, words and cures. */
final class Driver {
    private Driver() {}

    /** Throws unless {@code status} is success; for calls outside any context. */
    static void check(int status, String operation) {
        if (status != CUDA_SUCCESS) {
            throw failure(status, operation);
        }
    }

    /** As {@link #check(int, String)}; the operation's text is made only for a failure. */
    static void check(int status, Supplier<String> operation) {
        if (status != CUDA_SUCCESS) {
            throw failure(status, operation.get());
        }
    }

    static CudaException failure(int status, String operation) {
        return new CudaException(status, name(status), operation, message(status, operation));
    }

    static String message(int status, String operation) {
        String cure = cure(status);
        return operation + ": " + name(status) + " (" + status + "), " + words(status)
                + (cure.isEmpty() ? "" : "; " + cure);
    }

    /** After these the context is lost: every later call fails too, whatever it is. */
    static boolean sticky(int status) {
        return switch (status) {
            case CUDA_ERROR_ECC_UNCORRECTABLE,
                    CUDA_ERROR_ILLEGAL_ADDRESS,
                    CUDA_ERROR_LAUNCH_TIMEOUT,
                    CUDA_ERROR_ASSERT,
                    CUDA_ERROR_HARDWARE_STACK_ERROR,
                    CUDA_ERROR_ILLEGAL_INSTRUCTION,
                    CUDA_ERROR_MISALIGNED_ADDRESS,
                    CUDA_ERROR_INVALID_ADDRESS_SPACE,
                    CUDA_ERROR_INVALID_PC,
                    CUDA_ERROR_LAUNCH_FAILED -> true;
            default -> false;
        };
    }

    /** What helps; empty where the status says all there is to say. */
    static String cure(int status) {
        return switch (status) {
            case CUDA_ERROR_OUT_OF_MEMORY ->
                "close what holds device memory, or use a smaller batch or a shorter context";
            case CUDA_ERROR_STUB_LIBRARY ->
                "the toolkit's stub was loaded in place of the driver: take its 'stubs' folder off LD_LIBRARY_PATH";
            case CUDA_ERROR_NO_DEVICE ->
                "no GPU is visible: check nvidia-smi and CUDA_VISIBLE_DEVICES, and in a container start it with --gpus all";
            case CUDA_ERROR_INVALID_CONTEXT ->
                "the context is not current on this thread: use it on the thread that opened it";
            case CUDA_ERROR_NO_BINARY_FOR_GPU, CUDA_ERROR_INVALID_IMAGE ->
                "the image was built for another GPU: compile for this device's compute capability";
            case CUDA_ERROR_UNSUPPORTED_PTX_VERSION, CUDA_ERROR_INVALID_PTX ->
                "the PTX is newer than the driver: update the driver, or compile to a cubin";
            case CUDA_ERROR_NOT_FOUND -> "check the name, and that the kernel is extern \"C\"";
            case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES ->
                "use fewer threads a block, less shared memory, or __launch_bounds__";
            case CUDA_ERROR_ILLEGAL_ADDRESS,
                    CUDA_ERROR_MISALIGNED_ADDRESS,
                    CUDA_ERROR_LAUNCH_FAILED,
                    CUDA_ERROR_ILLEGAL_INSTRUCTION,
                    CUDA_ERROR_ASSERT ->
                "a kernel went wrong and the context is lost: CUDA_LAUNCH_BLOCKING=1 shows which, compute-sanitizer shows where; start a new process";
            case CUDA_ERROR_SYSTEM_NOT_READY ->
                "start the driver's services (nvidia-fabricmanager on NVSwitch machines)";
            case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH ->
                "libcuda and the kernel module have different versions: reboot, or reinstall the driver";
            case CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED ->
                "do not allocate, load modules, create handles or synchronise while a stream is being captured";
            case CUDA_ERROR_STREAM_CAPTURE_UNJOINED ->
                "let the captured stream wait for an event of every stream that joined the capture";
            default -> "";
        };
    }

    static String name(int status) {
        return text(status, true);
    }

    private static String words(int status) {
        return text(status, false);
    }

    private static String text(int status, boolean name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int answer =
                    name ? DeviceFunctions.cuGetErrorName(status, out) : DeviceFunctions.cuGetErrorString(status, out);
            MemorySegment text = out.get(ADDRESS, 0);
            return answer != CUDA_SUCCESS || text.address() == 0
                    ? "a status this driver has no words for"
                    : string(text);
        }
    }

    /** A C string that a library keeps for ever. */
    @SuppressWarnings("restricted")
    static String string(MemorySegment text) {
        return text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** {@code 13000} to {@code 13.0}. */
    static String version(int packed) {
        return packed / 1000 + "." + packed % 1000 / 10;
    }

    static String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            check(DeviceFunctions.cuDriverGetVersion(out), "cuDriverGetVersion");
            return version(out.get(JAVA_INT, 0));
        }
    }
}
