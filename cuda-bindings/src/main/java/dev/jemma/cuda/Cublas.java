package dev.jemma.cuda;

import static dev.jemma.cuda.internal.CublasConstants.*;
import static dev.jemma.cuda.internal.CublasFunctions.*;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.Libraries;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Matrix products by classic cuBLAS on one stream: no epilogues and no plans. {@link CublasLt} is the one to use; this
 * one is for comparison, and for shapes that Lt refuses.
 */
public final class Cublas implements AutoCloseable {
    private final Lifetime lifetime;
    private final long handle;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment alpha = arena.allocate(JAVA_LONG);
    private final MemorySegment beta = arena.allocate(JAVA_LONG);

    private Cublas(CudaContext context, long handle, DeviceBuffer workspace) {
        this.handle = handle;
        this.lifetime = new Lifetime(context, "Cublas", () -> {
            arena.close();
            workspace.close();
            CublasStatus.checkRelease(context, cublasDestroy_v2(handle), "cublasDestroy");
        });
    }

    /**
     * Opens the library for products on {@code stream}, with a workspace of its own, so that graphs captured from it
     * keep none.
     *
     * @throws IllegalStateException if cuBLAS is not installed, with the ways to get it
     */
    public static Cublas open(CudaStream stream) {
        CublasStatus.require(Libraries.cublas());
        long queue = stream.handle();
        DeviceBuffer workspace = stream.context().allocate(CublasLt.WORKSPACE_BYTES);
        Cublas cublas;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            CublasStatus.check(cublasCreate_v2(out), () -> "cublasCreate");
            cublas = new Cublas(stream.context(), out.get(JAVA_LONG, 0), workspace);
        } catch (CudaException e) {
            workspace.close();
            throw e;
        }
        try {
            cublas.configure(queue, workspace);
            return cublas;
        } catch (CudaException e) {
            cublas.close();
            throw e;
        }
    }

    private void configure(long queue, DeviceBuffer workspace) {
        CublasStatus.check(cublasSetStream_v2(handle, queue), () -> "cublasSetStream");
        CublasStatus.check(
                cublasSetWorkspace_v2(handle, workspace.address(), workspace.bytes()), () -> "cublasSetWorkspace");
        CublasStatus.check(
                cublasSetMathMode(handle, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION), () -> "cublasSetMathMode");
    }

    /** The library's version: {@code 13.1.1}. */
    public String version() {
        lifetime.use();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_INT);
            CublasStatus.check(cublasGetVersion_v2(handle, out), () -> "cublasGetVersion");
            return CublasStatus.version(out.get(JAVA_INT, 0));
        }
    }

    /**
     * Submits D = alpha * op(A) op(B) + beta * D, batched if the shape is.
     *
     * @throws IllegalArgumentException if the shape has an epilogue or does not fit 32 bits, or a buffer does not fit
     *     the shape
     */
    public void multiply(Gemm gemm, GemmBuffers buffers) {
        lifetime.use();
        if (gemm.epilogue() != Epilogue.NONE) {
            throw new IllegalArgumentException(gemm + ": cuBLAS has no epilogues, use CublasLt");
        }
        fitsInt(gemm);
        buffers.check(gemm);
        CublasStatus.scale(alpha, gemm, buffers.alpha());
        CublasStatus.scale(beta, gemm, buffers.beta());
        CublasStatus.check(gemm.batch() == 1 ? one(gemm, buffers) : many(gemm, buffers), gemm::toString);
    }

    private static void fitsInt(Gemm gemm) {
        long most = Math.max(Math.max(gemm.m(), gemm.n()), gemm.k());
        for (Gemm.Operand operand : new Gemm.Operand[] {gemm.a(), gemm.b(), gemm.d()}) {
            most = Math.max(most, operand.leading());
        }
        if (most > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(gemm + ": cuBLAS takes sizes and leading dimensions of up to "
                    + Integer.MAX_VALUE + ", use CublasLt");
        }
    }

    // row-major D = op(A) op(B) is column-major Dᵀ = op(B)ᵀ op(A)ᵀ: the operands change places, the operations stay

    private int one(Gemm gemm, GemmBuffers buffers) {
        return cublasGemmEx(
                handle,
                operation(gemm.b()),
                operation(gemm.a()),
                Math.toIntExact(gemm.n()),
                Math.toIntExact(gemm.m()),
                Math.toIntExact(gemm.k()),
                alpha,
                buffers.b().address(),
                gemm.b().type().code(),
                Math.toIntExact(gemm.b().leading()),
                buffers.a().address(),
                gemm.a().type().code(),
                Math.toIntExact(gemm.a().leading()),
                beta,
                buffers.d().address(),
                gemm.d().type().code(),
                Math.toIntExact(gemm.d().leading()),
                gemm.arithmetic().code(),
                CUBLAS_GEMM_DEFAULT);
    }

    private int many(Gemm gemm, GemmBuffers buffers) {
        return cublasGemmStridedBatchedEx(
                handle,
                operation(gemm.b()),
                operation(gemm.a()),
                Math.toIntExact(gemm.n()),
                Math.toIntExact(gemm.m()),
                Math.toIntExact(gemm.k()),
                alpha,
                buffers.b().address(),
                gemm.b().type().code(),
                Math.toIntExact(gemm.b().leading()),
                gemm.b().batchStride(),
                buffers.a().address(),
                gemm.a().type().code(),
                Math.toIntExact(gemm.a().leading()),
                gemm.a().batchStride(),
                beta,
                buffers.d().address(),
                gemm.d().type().code(),
                Math.toIntExact(gemm.d().leading()),
                gemm.d().batchStride(),
                gemm.batch(),
                gemm.arithmetic().code(),
                CUBLAS_GEMM_DEFAULT);
    }

    private static int operation(Gemm.Operand operand) {
        return operand.storage() == Gemm.Storage.AS_USED ? CUBLAS_OP_N : CUBLAS_OP_T;
    }

    @Override
    public void close() {
        lifetime.end();
    }
}
