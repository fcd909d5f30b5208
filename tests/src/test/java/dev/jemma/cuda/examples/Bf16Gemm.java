package dev.jemma.cuda.examples;

import dev.jemma.cuda.*;
import java.lang.foreign.MemorySegment;

/** y = x Wᵀ with bf16 weights and activations, as a linear layer computes it, on the first GPU. */
public final class Bf16Gemm {
    /**
     * @param x bf16 [tokens, in]
     * @param w bf16 [out, in]
     * @return f32 [tokens, out]
     */
    public static float[] linear(CudaDevice device, short[] x, short[] w, int tokens, int in, int out) {
        Gemm gemm = Gemm.of(tokens, out, in, DataType.BF16).transposeB().output(DataType.F32);
        try (CudaContext context = CudaContext.open(device);
                CudaStream stream = context.stream();
                CublasLt blas = CublasLt.open(stream);
                DeviceBuffer a = context.allocate(gemm.bytesOfA());
                DeviceBuffer b = context.allocate(gemm.bytesOfB());
                DeviceBuffer d = context.allocate(gemm.bytesOfD())) {
            stream.upload(a, MemorySegment.ofArray(x));
            stream.upload(b, MemorySegment.ofArray(w));
            blas.multiply(gemm, GemmBuffers.of(a, b, d));
            float[] y = new float[tokens * out];
            stream.download(MemorySegment.ofArray(y), d);
            return y;
        }
    }
}
