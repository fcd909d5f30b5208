package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.CUBLAS_STATUS_NOT_SUPPORTED;
import static dev.jemma.cuda.internal.CublasConstants.CUBLAS_STATUS_SUCCESS;
import static dev.jemma.cuda.internal.CublasLtFunctions.cublasLtCreate;
import static dev.jemma.cuda.internal.CublasLtFunctions.cublasLtDestroy;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.Libraries;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Matrix products by cuBLASLt on one stream, with one workspace. For each {@link Gemm} a plan is made once and kept:
 * descriptor, layouts and algorithm. Opened before a capture and with every plan warm, products can be captured into
 * graphs.
 *
 * <p>Matrices are row-major here and column-major there: D = op(A) op(B) is asked for as Dᵀ = op(B)ᵀ op(A)ᵀ, which is
 * the same memory.
 */
public final class CublasLt implements AutoCloseable {
    /** What NVIDIA advises for Hopper; smaller devices take what they need of it. */
    public static final long WORKSPACE_BYTES = 32L << 20;

    /**
     * Plans kept at once, those used last: more shapes than a model has, and few megabytes for prompts of every length.
     */
    public static final int PLANS = 1024;

    private static final int TIMED_RUNS = 5;

    private final CudaContext context;
    private final CudaStream stream;
    private final Lifetime lifetime;
    private final long handle;
    private final DeviceBuffer workspace;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment alpha = arena.allocate(JAVA_LONG);
    private final MemorySegment beta = arena.allocate(JAVA_LONG);
    private final SequencedMap<Gemm, MatmulPlan> plans = new LinkedHashMap<>(64, 0.75f, true); // by last use

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
     * Times the algorithms that the library proposes for {@code gemm} on these buffers and keeps the fastest for all
     * later calls. D is overwritten.
     *
     * @return milliseconds of the one kept
     */
    public float tune(Gemm gemm, GemmBuffers buffers) {
        lifetime.use();
        buffers.check(gemm);
        MatmulPlan plan = plan(gemm);
        float best = Float.POSITIVE_INFINITY;
        MemorySegment fastest = MemorySegment.NULL; // if all are refused, the library is to choose
        try (CudaEvent start = CudaEvent.open(context, CudaEvent.Timing.ON);
                CudaEvent end = CudaEvent.open(context, CudaEvent.Timing.ON)) {
            for (MemorySegment algorithm : plan.algorithms()) {
                if (submit(gemm, plan, buffers, algorithm) != CUBLAS_STATUS_SUCCESS) {
                    continue; // proposed, then refused: seen with some epilogues
                }
                stream.record(start);
                for (int i = 0; i < TIMED_RUNS; i++) {
                    CublasStatus.check(submit(gemm, plan, buffers, algorithm), gemm::toString);
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
        plan.keep(fastest);
        return best;
    }

    private void run(Gemm gemm, MatmulPlan plan, GemmBuffers buffers) {
        int status = submit(gemm, plan, buffers, plan.algorithms().getFirst());
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
            // what the heuristic proposes is now and then refused; without a proposal the library finds one itself
            status = submit(gemm, plan, buffers, MemorySegment.NULL);
            if (status == CUBLAS_STATUS_SUCCESS) {
                plan.keep(MemorySegment.NULL);
            }
        }
        CublasStatus.check(status, gemm::toString);
    }

    private int submit(Gemm gemm, MatmulPlan plan, GemmBuffers buffers, MemorySegment algorithm) {
        CublasStatus.scale(alpha, gemm, buffers.alpha());
        CublasStatus.scale(beta, gemm, buffers.beta());
        return plan.submit(handle, buffers, alpha, beta, algorithm, workspace, stream.handle());
    }

    private MatmulPlan plan(Gemm gemm) {
        MatmulPlan known = plans.get(gemm);
        if (known != null) {
            return known;
        }
        MatmulPlan plan = new MatmulPlan(gemm, handle, workspace.bytes());
        plans.put(gemm, plan);
        if (plans.size() > PLANS) {
            plans.pollFirstEntry().getValue().close();
        }
        return plan;
    }

    /** Plans kept now. */
    public int plans() {
        return plans.size();
    }

    private void release() {
        plans.values().forEach(MatmulPlan::close);
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
