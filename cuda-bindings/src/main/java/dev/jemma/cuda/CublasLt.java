package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;
import static dev.jemma.cuda.internal.CublasLtFunctions.*;
import static dev.jemma.cuda.internal.CudaStructs.CUBLAS_LT_MATMUL_HEURISTIC_RESULT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.Libraries;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Matrix products by cuBLASLt on one stream, with one workspace. For each {@link Gemm} a plan is made once and kept: descriptor, layouts
 * and algorithm. Opened before a capture and with every plan warm, products can be captured into graphs.
 *
 * <p>Matrices are row-major here and column-major there: D = op(A) op(B) is asked for as Dᵀ = op(B)ᵀ op(A)ᵀ, which is the same memory.
 */
public final class CublasLt implements AutoCloseable {
    /** What NVIDIA advises for Hopper; smaller devices take what they need of it. */
    public static final long WORKSPACE_BYTES = 32L << 20;

    private static final int CANDIDATES = 8;
    private static final int TIMED_RUNS = 5;

    /** A descriptor with its layouts in the library's order, and the algorithms that its heuristic proposes, best first. */
    private static final class Plan {
        private long descriptor;
        private long first;
        private long second;
        private long result;
        private List<MemorySegment> algorithms = List.of();

        /** Gives back what was made; parts that were not are 0. */
        void destroy() {
            for (long layout : new long[] {first, second, result}) {
                if (layout != 0) {
                    cublasLtMatrixLayoutDestroy(layout);
                }
            }
            if (descriptor != 0) {
                cublasLtMatmulDescDestroy(descriptor);
            }
        }
    }

    private final CudaContext context;
    private final CudaStream stream;
    private final Lifetime lifetime;
    private final long handle;
    private final DeviceBuffer workspace;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment alpha = arena.allocate(JAVA_LONG);
    private final MemorySegment beta = arena.allocate(JAVA_LONG);
    private final Map<Gemm, Plan> plans = new HashMap<>();

    private CublasLt(CudaStream stream, long handle, DeviceBuffer workspace) {
        this.context = stream.context();
        this.stream = stream;
        this.handle = handle;
        this.workspace = workspace;
        this.lifetime = new Lifetime(context, "CublasLt", this::release);
    }

    /**
     * Opens the library for products on {@code stream}, and allocates the workspace.
     *
     * @throws IllegalStateException if cuBLASLt is not installed, with the ways to get it
     */
    public static CublasLt open(CudaStream stream) {
        CublasStatus.require(Libraries.cublasLt());
        stream.handle();
        DeviceBuffer workspace = stream.context().allocate(WORKSPACE_BYTES);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            CublasStatus.check(cublasLtCreate(out), () -> "cublasLtCreate");
            return new CublasLt(stream, out.get(JAVA_LONG, 0), workspace);
        } catch (CudaException e) {
            workspace.close();
            throw e;
        }
    }

    /**
     * Submits D = epilogue(alpha * op(A) op(B) + beta * D).
     *
     * @throws IllegalArgumentException if a buffer is too small, not aligned to 16 bytes, missing or superfluous
     * @throws CudaException if the library has no algorithm for the shape
     */
    public void multiply(Gemm gemm, GemmBuffers buffers) {
        lifetime.use();
        buffers.check(gemm);
        run(gemm, plan(gemm), buffers);
    }

    /** Makes the plan of {@code gemm} now, so that it can be used in a capture. */
    public void prepare(Gemm gemm) {
        lifetime.use();
        plan(gemm);
    }

    /**
     * Times the algorithms that the library proposes for {@code gemm} on these buffers and keeps the fastest for all later calls. D is
     * overwritten.
     *
     * @return milliseconds of the one kept
     */
    public float tune(Gemm gemm, GemmBuffers buffers) {
        lifetime.use();
        buffers.check(gemm);
        Plan plan = plan(gemm);
        float best = Float.POSITIVE_INFINITY;
        MemorySegment fastest = plan.algorithms.getFirst();
        try (CudaEvent start = CudaEvent.open(context, CudaEvent.Timing.ON);
                CudaEvent end = CudaEvent.open(context, CudaEvent.Timing.ON)) {
            for (MemorySegment algorithm : plan.algorithms) {
                if (submit(gemm, plan, buffers, algorithm) != CUBLAS_STATUS_SUCCESS) {
                    continue; // proposed, then refused: seen with some epilogues
                }
                stream.record(start);
                for (int i = 0; i < TIMED_RUNS; i++) {
                    submit(gemm, plan, buffers, algorithm);
                }
                stream.record(end);
                end.synchronize();
                float milliseconds = end.millisecondsSince(start) / TIMED_RUNS;
                if (milliseconds < best) {
                    best = milliseconds;
                    fastest = algorithm;
                }
            }
        }
        plan.algorithms = List.of(fastest);
        return best;
    }

    private void run(Gemm gemm, Plan plan, GemmBuffers buffers) {
        int status = submit(gemm, plan, buffers, plan.algorithms.getFirst());
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
            // what the heuristic proposes is now and then refused; without a proposal the library finds one itself
            status = submit(gemm, plan, buffers, MemorySegment.NULL);
            if (status == CUBLAS_STATUS_SUCCESS) {
                plan.algorithms = List.of(MemorySegment.NULL);
            }
        }
        CublasStatus.check(status, gemm::toString);
    }

    private int submit(Gemm gemm, Plan plan, GemmBuffers buffers, MemorySegment algorithm) {
        CublasStatus.scale(alpha, gemm, buffers.alpha());
        CublasStatus.scale(beta, gemm, buffers.beta());
        buffers.bias().ifPresent(bias -> set(plan.descriptor, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.address()));
        buffers.aux().ifPresent(aux -> set(plan.descriptor, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux.address()));
        return cublasLtMatmul(
                handle,
                plan.descriptor,
                alpha,
                buffers.b().address(),
                plan.first,
                buffers.a().address(),
                plan.second,
                beta,
                buffers.d().address(),
                plan.result,
                buffers.d().address(),
                plan.result,
                algorithm,
                workspace.address(),
                workspace.bytes(),
                stream.handle());
    }

    private Plan plan(Gemm gemm) {
        Plan plan = plans.get(gemm);
        if (plan == null) {
            plan = make(gemm);
            plans.put(gemm, plan);
        }
        return plan;
    }

    private Plan make(Gemm gemm) {
        Gemm.Operand a = gemm.a();
        Gemm.Operand b = gemm.b();
        Plan plan = new Plan();
        try {
            plan.descriptor = descriptor(gemm);
            plan.first =
                    layout(gemm, b, gemm.storedRows(b, gemm.n(), gemm.k()), gemm.storedRows(b, gemm.k(), gemm.n()));
            plan.second =
                    layout(gemm, a, gemm.storedRows(a, gemm.k(), gemm.m()), gemm.storedRows(a, gemm.m(), gemm.k()));
            plan.result = layout(gemm, gemm.d(), gemm.n(), gemm.m());
            plan.algorithms = propose(gemm, plan);
            return plan;
        } catch (RuntimeException e) {
            plan.destroy();
            throw e;
        }
    }

    private static long descriptor(Gemm gemm) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            CublasStatus.check(
                    cublasLtMatmulDescCreate(out, gemm.arithmetic().code(), gemm.scaleCode()),
                    () -> gemm + ": cublasLtMatmulDescCreate");
            long descriptor = out.get(JAVA_LONG, 0);
            set(descriptor, CUBLASLT_MATMUL_DESC_TRANSA, operation(gemm.b()));
            set(descriptor, CUBLASLT_MATMUL_DESC_TRANSB, operation(gemm.a()));
            set(descriptor, CUBLASLT_MATMUL_DESC_EPILOGUE, gemm.epilogue().code());
            if (gemm.epilogue().hasBias()) {
                set(
                        descriptor,
                        CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE,
                        gemm.d().type().code());
            }
            if (gemm.epilogue().hasAux()) {
                set(descriptor, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, gemm.n());
            }
            return descriptor;
        }
    }

    private static int operation(Gemm.Operand operand) {
        return operand.storage() == Gemm.Storage.AS_USED ? CUBLAS_OP_N : CUBLAS_OP_T;
    }

    private List<MemorySegment> propose(Gemm gemm, Plan plan) {
        long preference = preference();
        try (Arena scratch = Arena.ofConfined()) {
            CublasStatus.check(
                    cublasLtMatmulPreferenceSetAttribute(
                            preference,
                            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                            scratch.allocateFrom(JAVA_LONG, workspace.bytes()),
                            Long.BYTES),
                    () -> "cublasLtMatmulPreferenceSetAttribute");
            MemorySegment results = arena.allocate(CUBLAS_LT_MATMUL_HEURISTIC_RESULT, CANDIDATES);
            MemorySegment found = scratch.allocate(JAVA_INT);
            CublasStatus.check(
                    cublasLtMatmulAlgoGetHeuristic(
                            handle,
                            plan.descriptor,
                            plan.first,
                            plan.second,
                            plan.result,
                            plan.result,
                            preference,
                            CANDIDATES,
                            results,
                            found),
                    () -> gemm + ": no algorithm (sizes and leading dimensions that are multiples of 8 help)");
            List<MemorySegment> algorithms = new ArrayList<>();
            long size = CUBLAS_LT_MATMUL_HEURISTIC_RESULT.byteSize();
            for (int i = 0; i < found.get(JAVA_INT, 0); i++) {
                algorithms.add(results.asSlice(i * size, size));
            }
            CublasStatus.check(
                    algorithms.isEmpty() ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS, gemm::toString);
            return algorithms;
        } finally {
            cublasLtMatmulPreferenceDestroy(preference);
        }
    }

    private static long preference() {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            CublasStatus.check(cublasLtMatmulPreferenceCreate(out), () -> "cublasLtMatmulPreferenceCreate");
            return out.get(JAVA_LONG, 0);
        }
    }

    private static long layout(Gemm gemm, Gemm.Operand operand, long rows, long columns) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            CublasStatus.check(
                    cublasLtMatrixLayoutCreate(out, operand.type().code(), rows, columns, operand.leading()),
                    () -> gemm + ": cublasLtMatrixLayoutCreate");
            long layout = out.get(JAVA_LONG, 0);
            if (gemm.batch() > 1) {
                CublasStatus.check(
                        cublasLtMatrixLayoutSetAttribute(
                                layout,
                                CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                scratch.allocateFrom(JAVA_INT, gemm.batch()),
                                Integer.BYTES),
                        () -> gemm + ": batch count");
                CublasStatus.check(
                        cublasLtMatrixLayoutSetAttribute(
                                layout,
                                CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                scratch.allocateFrom(JAVA_LONG, operand.batchStride()),
                                Long.BYTES),
                        () -> gemm + ": batch stride");
            }
            return layout;
        }
    }

    private static void set(long descriptor, int attribute, int value) {
        try (Arena scratch = Arena.ofConfined()) {
            CublasStatus.check(
                    cublasLtMatmulDescSetAttribute(
                            descriptor, attribute, scratch.allocateFrom(JAVA_INT, value), Integer.BYTES),
                    () -> "cublasLtMatmulDescSetAttribute " + attribute);
        }
    }

    private static void set(long descriptor, int attribute, long value) {
        try (Arena scratch = Arena.ofConfined()) {
            CublasStatus.check(
                    cublasLtMatmulDescSetAttribute(
                            descriptor, attribute, scratch.allocateFrom(JAVA_LONG, value), Long.BYTES),
                    () -> "cublasLtMatmulDescSetAttribute " + attribute);
        }
    }

    /** Plans made so far. */
    public int plans() {
        return plans.size();
    }

    private void release() {
        plans.values().forEach(Plan::destroy);
        plans.clear();
        arena.close();
        workspace.close();
        CublasStatus.checkRelease(context, cublasLtDestroy(handle), "cublasLtDestroy");
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
