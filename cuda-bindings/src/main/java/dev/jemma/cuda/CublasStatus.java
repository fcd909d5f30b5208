package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.jemma.cuda.internal.CublasFunctions;
import dev.jemma.cuda.internal.CublasLtFunctions;
import dev.jemma.cuda.internal.HostSystem;
import dev.jemma.cuda.internal.Libraries;
import dev.jemma.cuda.internal.NativeLibrary;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** What cuBLAS and cuBLASLt share: statuses, factors, and the message for their absence. */
final class CublasStatus {
    private CublasStatus() {}

    static void require(NativeLibrary library) {
        if (library.path().isEmpty()) {
            throw new IllegalStateException(library.title() + " was not found in "
                    + library.attempts().size()
                    + " places ('jemma doctor' lists them): pip install nvidia-cublas, or install the CUDA toolkit, or name a folder by -D"
                    + HostSystem.LIBRARY_PROPERTY + "=DIR");
        }
    }

    static void check(int status, Supplier<String> operation) {
        if (status != CUBLAS_STATUS_SUCCESS) {
            String name = name(status);
            String what = operation.get();
            String cure = cure(status);
            throw new CudaException(
                    status, name, what, what + ": " + name + " (" + status + ")" + (cure.isEmpty() ? "" : "; " + cure));
        }
    }

    /** For releases: a lost context refuses them all. */
    static void checkRelease(CudaContext context, int status, String operation) {
        if (!context.isLost()) {
            check(status, () -> operation);
        }
    }

    private static String name(int status) {
        return Driver.string(
                Libraries.cublasLt().has("cublasLtGetStatusString")
                        ? CublasLtFunctions.cublasLtGetStatusString(status)
                        : CublasFunctions.cublasGetStatusString(status));
    }

    private static String cure(int status) {
        return switch (status) {
            case CUBLAS_STATUS_NOT_INITIALIZED ->
                "cuBLAS found no usable GPU: check that its major version is not newer than the driver's";
            case CUBLAS_STATUS_ALLOC_FAILED -> "free device memory before opening it";
            case CUBLAS_STATUS_NOT_SUPPORTED ->
                "this combination of types, sizes and epilogue has no kernel on this GPU: multiples of 8 (16 for bytes) are safe";
            case CUBLAS_STATUS_ARCH_MISMATCH -> "this GPU lacks the units for these types";
            case CUBLAS_STATUS_EXECUTION_FAILED ->
                "an earlier kernel may have failed: synchronise the stream to see it";
            default -> "";
        };
    }

    /** {@code 130101} to {@code 13.1.1}. */
    static String version(long packed) {
        return packed / 10_000 + "." + packed / 100 % 100 + "." + packed % 100;
    }

    /** Writes alpha or beta in the type that the product wants. */
    static void scale(MemorySegment to, Gemm gemm, float value) {
        if (gemm.scaleCode() == CUDA_R_32I) {
            if (value != Math.rint(value)) {
                throw new IllegalArgumentException(
                        gemm + ": factor " + value + ", wanted a whole number for integer sums");
            }
            to.set(JAVA_INT, 0, (int) value);
        } else {
            to.set(JAVA_FLOAT, 0, value);
        }
    }
}
