package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;
import static dev.jemma.cuda.internal.CublasLtFunctions.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.Libraries;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Descriptors of the machine's own cuBLASLt, which needs no GPU for them: each attribute that a plan sets is set, in
 * the width it has there, and read wrongly once more in another width, which the library must refuse. A program of its
 * own, because a process has one cuBLASLt and that of the tests is the stand-in's. Exit 0: all taken; 1: one was not;
 * 3: there is no cuBLASLt here.
 */
public final class RealCublasLt {
    /** Exit code for a machine without cuBLASLt. */
    public static final int NO_CUBLAS = 3;

    private final PrintStream out;
    private final Arena arena;
    private int failures;

    private RealCublasLt(PrintStream out, Arena arena) {
        this.out = out;
        this.arena = arena;
    }

    /** No arguments. */
    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) {
        PrintStream out = System.out;
        if (Libraries.cublasLt().path().isEmpty()) {
            out.println(LibraryReport.of(Libraries.cublasLt(), Optional.empty()));
            System.exit(NO_CUBLAS);
        }
        out.println("cuBLASLt " + CublasStatus.version(cublasLtGetVersion()) + " "
                + Libraries.cublasLt().path().orElseThrow());
        int failures;
        try (Arena arena = Arena.ofConfined()) {
            RealCublasLt library = new RealCublasLt(out, arena);
            library.descriptors();
            library.layouts();
            library.preferences();
            library.expect(
                    "cublasLtCreate without a GPU", CUBLAS_STATUS_NOT_INITIALIZED, cublasLtCreate(library.handle()));
            failures = library.failures;
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    private MemorySegment handle() {
        return arena.allocate(JAVA_LONG);
    }

    private MemorySegment value(int bytes) {
        return bytes == Integer.BYTES ? arena.allocateFrom(JAVA_INT, 1) : arena.allocateFrom(JAVA_LONG, 16L);
    }

    private void expect(String what, int wanted, int status) {
        if (status != wanted) {
            out.println(what + ": status " + status + ", wanted " + wanted);
            failures++;
        }
    }

    private void descriptors() {
        MemorySegment made = handle();
        expect("matmul descriptor", 0, cublasLtMatmulDescCreate(made, CUBLAS_COMPUTE_32F, CUDA_R_32F));
        long descriptor = made.get(JAVA_LONG, 0);
        for (int attribute : new int[] {
            CUBLASLT_MATMUL_DESC_TRANSA,
            CUBLASLT_MATMUL_DESC_TRANSB,
            CUBLASLT_MATMUL_DESC_EPILOGUE,
            CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE
        }) {
            int status = cublasLtMatmulDescSetAttribute(descriptor, attribute, value(4), 4);
            expect("descriptor attribute " + attribute + " in 4 bytes", 0, status);
            status = cublasLtMatmulDescSetAttribute(descriptor, attribute, value(8), 2);
            expect("descriptor attribute " + attribute + " in 2 bytes", CUBLAS_STATUS_INVALID_VALUE, status);
        }
        for (int attribute : new int[] {
            CUBLASLT_MATMUL_DESC_BIAS_POINTER,
            CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
            CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD
        }) {
            int status = cublasLtMatmulDescSetAttribute(descriptor, attribute, value(8), 8);
            expect("descriptor attribute " + attribute + " in 8 bytes", 0, status);
            status = cublasLtMatmulDescSetAttribute(descriptor, attribute, value(8), 4);
            expect("descriptor attribute " + attribute + " in 4 bytes", CUBLAS_STATUS_INVALID_VALUE, status);
        }
        expect("end of a matmul descriptor", 0, cublasLtMatmulDescDestroy(descriptor));
    }

    private void layouts() {
        for (DataType type : DataType.values()) {
            MemorySegment made = handle();
            expect("layout of " + type, 0, cublasLtMatrixLayoutCreate(made, type.code(), 8, 16, 8));
            long layout = made.get(JAVA_LONG, 0);
            int status = cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, value(4), 4);
            expect("batch count", 0, status);
            status = cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, value(8), 8);
            expect("batch stride", 0, status);
            status = cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, value(8), 4);
            expect("batch stride in 4 bytes", CUBLAS_STATUS_INVALID_VALUE, status);
            expect("end of a layout", 0, cublasLtMatrixLayoutDestroy(layout));
        }
    }

    private void preferences() {
        MemorySegment made = handle();
        expect("preference", 0, cublasLtMatmulPreferenceCreate(made));
        long preference = made.get(JAVA_LONG, 0);
        int status =
                cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, value(8), 8);
        expect("workspace size", 0, status);
        for (int attribute : new int[] {
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
        }) {
            MemorySegment sixteen = arena.allocateFrom(JAVA_INT, GemmBuffers.ALIGNMENT);
            status = cublasLtMatmulPreferenceSetAttribute(preference, attribute, sixteen, 4);
            expect("alignment " + attribute, 0, status);
        }
        expect("end of a preference", 0, cublasLtMatmulPreferenceDestroy(preference));
    }
}
