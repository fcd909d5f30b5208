package dev.jemma.cuda.examples;

import dev.jemma.cuda.*;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;

/** Adds two vectors on the first GPU. */
public final class VectorAdd {
    record Arguments(DeviceBuffer a, DeviceBuffer b, DeviceBuffer c, int n) {}

    private static final String PROGRAM = """
            extern "C" __global__ void add(const float* a, const float* b, float* c, int n) {
              int i = blockIdx.x * blockDim.x + threadIdx.x;
              if (i < n) c[i] = a[i] + b[i];
            }""";

    public static float[] add(CudaDevice device, float[] x, float[] y) {
        long bytes = 4L * x.length;
        try (CudaContext context = CudaContext.open(device);
                CudaStream stream = context.stream();
                CudaModule module = CudaModule.compile(context, Nvrtc.open(), KernelSource.of("add.cu", PROGRAM));
                DeviceBuffer a = context.allocate(bytes);
                DeviceBuffer b = context.allocate(bytes);
                DeviceBuffer c = context.allocate(bytes)) {
            stream.upload(a, MemorySegment.ofArray(x));
            stream.upload(b, MemorySegment.ofArray(y));
            CudaKernel<Arguments> add = module.kernel(MethodHandles.lookup(), "add", Arguments.class);
            add.launch(stream, LaunchShape.covering(x.length, 256), new Arguments(a, b, c, x.length));
            float[] sum = new float[x.length];
            stream.download(MemorySegment.ofArray(sum), c);
            return sum;
        }
    }
}
