package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;
import static dev.jemma.cuda.internal.CublasLtFunctions.*;
import static dev.jemma.cuda.internal.CudaStructs.CUBLAS_LT_MATMUL_HEURISTIC_RESULT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What cuBLASLt needs to know about one shape, made once: the descriptor, the layouts in the library's column-major
 * order, and the algorithms that its heuristic proposes, best first. All of it is host memory that a call reads before
 * it returns, so a plan may be closed while its product still runs.
 */
final class MatmulPlan implements AutoCloseable {
    private static final int CANDIDATES = 8;

    private final Gemm gemm;
    private final Arena arena = Arena.ofConfined();
    private final List<Runnable> releases = new ArrayList<>();
    private final long descriptor;
    private final long first;
    private final long second;
    private final long result;
    private List<MemorySegment> algorithms;

    /** @throws CudaException if the library has no algorithm for the shape; nothing is left open then */
    MatmulPlan(Gemm gemm, long library, long workspaceBytes) {
        this.gemm = gemm;
        try {
            Gemm.Operand a = gemm.a();
            Gemm.Operand b = gemm.b();
            this.descriptor = descriptor();
            this.first = layout(b, gemm.storedRows(b, gemm.n(), gemm.k()), gemm.storedRows(b, gemm.k(), gemm.n()));
            this.second = layout(a, gemm.storedRows(a, gemm.k(), gemm.m()), gemm.storedRows(a, gemm.m(), gemm.k()));
            this.result = layout(gemm.d(), gemm.n(), gemm.m());
            this.algorithms = propose(library, preference(workspaceBytes));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private long descriptor() {
        MemorySegment out = arena.allocate(JAVA_LONG);
        check(cublasLtMatmulDescCreate(out, gemm.arithmetic().code(), gemm.scaleCode()), "cublasLtMatmulDescCreate");
        long made = out.get(JAVA_LONG, 0);
        releases.add(() -> cublasLtMatmulDescDestroy(made));
        Epilogue epilogue = gemm.epilogue();
        set(made, CUBLASLT_MATMUL_DESC_TRANSA, operation(gemm.b()));
        set(made, CUBLASLT_MATMUL_DESC_TRANSB, operation(gemm.a()));
        set(made, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue.code());
        // the heuristic follows no pointer but takes its alignment from it: the least that GemmBuffers lets through
        if (epilogue.hasBias()) {
            set(made, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, gemm.d().type().code());
            set(made, CUBLASLT_MATMUL_DESC_BIAS_POINTER, (long) GemmBuffers.ALIGNMENT);
        }
        if (epilogue.hasAux()) {
            set(made, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, gemm.n());
            set(made, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, (long) GemmBuffers.ALIGNMENT);
        }
        return made;
    }

    private static int operation(Gemm.Operand operand) {
        return operand.storage() == Gemm.Storage.AS_USED ? CUBLAS_OP_N : CUBLAS_OP_T;
    }

    private long layout(Gemm.Operand operand, long rows, long columns) {
        MemorySegment out = arena.allocate(JAVA_LONG);
        check(
                cublasLtMatrixLayoutCreate(out, operand.type().code(), rows, columns, operand.leading()),
                "cublasLtMatrixLayoutCreate");
        long made = out.get(JAVA_LONG, 0);
        releases.add(() -> cublasLtMatrixLayoutDestroy(made));
        if (gemm.batch() > 1) {
            check(
                    cublasLtMatrixLayoutSetAttribute(
                            made,
                            CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                            arena.allocateFrom(JAVA_INT, gemm.batch()),
                            Integer.BYTES),
                    "batch count");
            check(
                    cublasLtMatrixLayoutSetAttribute(
                            made,
                            CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                            arena.allocateFrom(JAVA_LONG, operand.batchStride()),
                            Long.BYTES),
                    "batch stride");
        }
        return made;
    }

    private long preference(long workspaceBytes) {
        MemorySegment out = arena.allocate(JAVA_LONG);
        check(cublasLtMatmulPreferenceCreate(out), "cublasLtMatmulPreferenceCreate");
        long made = out.get(JAVA_LONG, 0);
        releases.add(() -> cublasLtMatmulPreferenceDestroy(made));
        check(
                cublasLtMatmulPreferenceSetAttribute(
                        made,
                        CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                        arena.allocateFrom(JAVA_LONG, workspaceBytes),
                        Long.BYTES),
                "workspace size");
        for (int matrix : new int[] {
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
        }) {
            // the library's default is 256, which parts of a slab need not have
            check(
                    cublasLtMatmulPreferenceSetAttribute(
                            made, matrix, arena.allocateFrom(JAVA_INT, GemmBuffers.ALIGNMENT), Integer.BYTES),
                    "alignment");
        }
        return made;
    }

    private List<MemorySegment> propose(long library, long preference) {
        MemorySegment results = arena.allocate(CUBLAS_LT_MATMUL_HEURISTIC_RESULT, CANDIDATES);
        MemorySegment found = arena.allocate(JAVA_INT);
        int status = cublasLtMatmulAlgoGetHeuristic(
                library, descriptor, first, second, result, result, preference, CANDIDATES, results, found);
        int count = status == CUBLAS_STATUS_SUCCESS ? found.get(JAVA_INT, 0) : 0;
        check(
                status == CUBLAS_STATUS_SUCCESS && count == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : status,
                "no algorithm (sizes and leading dimensions that are multiples of 8 help)");
        long size = CUBLAS_LT_MATMUL_HEURISTIC_RESULT.byteSize();
        List<MemorySegment> proposed = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            proposed.add(results.asSlice(i * size, size));
        }
        return List.copyOf(proposed);
    }

    /** What the library proposed, best first; after {@link #keep} the one that was kept. */
    List<MemorySegment> algorithms() {
        return algorithms;
    }

    /** Only this one from now on; NULL lets the library choose by itself. */
    void keep(MemorySegment algorithm) {
        algorithms = List.of(algorithm);
    }

    /** Submits the product by one algorithm; the library's status. */
    int submit(
            long library,
            GemmBuffers buffers,
            MemorySegment alpha,
            MemorySegment beta,
            MemorySegment algorithm,
            DeviceBuffer workspace,
            long stream) {
        buffers.bias().ifPresent(bias -> set(descriptor, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.address()));
        buffers.aux().ifPresent(aux -> set(descriptor, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux.address()));
        long d = buffers.d().address();
        return cublasLtMatmul(
                library,
                descriptor,
                alpha,
                buffers.b().address(),
                first,
                buffers.a().address(),
                second,
                beta,
                d,
                result,
                d,
                result,
                algorithm,
                workspace.address(),
                workspace.bytes(),
                stream);
    }

    private void set(long of, int attribute, int value) {
        try (Arena scratch = Arena.ofConfined()) {
            check(
                    cublasLtMatmulDescSetAttribute(of, attribute, scratch.allocateFrom(JAVA_INT, value), Integer.BYTES),
                    "cublasLtMatmulDescSetAttribute");
        }
    }

    private void set(long of, int attribute, long value) {
        try (Arena scratch = Arena.ofConfined()) {
            check(
                    cublasLtMatmulDescSetAttribute(of, attribute, scratch.allocateFrom(JAVA_LONG, value), Long.BYTES),
                    "cublasLtMatmulDescSetAttribute");
        }
    }

    private void check(int status, String operation) {
        CublasStatus.check(status, () -> gemm + ": " + operation);
    }

    @Override
    public void close() {
        releases.reversed().forEach(Runnable::run);
        releases.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
