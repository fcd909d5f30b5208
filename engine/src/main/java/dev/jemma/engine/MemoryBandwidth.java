package dev.jemma.engine;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;

/** How fast the kernels' own threads read memory: the ceiling of decoding, since every token reads all weights. */
public final class MemoryBandwidth {
    /** More than the caches of a processor hold. */
    private static final long BYTES = 256L << 20;

    /** Time enough for compiled code to run a while. */
    private static final long NANOS = 1_000_000_000L;

    private MemoryBandwidth() {}

    /**
     * The greatest rate, in bytes a second, at which the squares of zeros beyond the caches add up within a second, on
     * the processor whatever the options' device is.
     *
     * @throws IllegalStateException if Java was started without a module that the kernels need
     */
    public static double measure(GemmaOptions options) {
        try (Kernels kernels = Gemma.kernels(options.with(Device.CPU));
                Slab slab = kernels.slab(BYTES)) {
            Tensor zeros = slab.allocate(DType.F32, BYTES / Float.BYTES);
            kernels.zero(zeros); // so that every page is there
            double best = 0;
            long end = System.nanoTime() + NANOS;
            do {
                long start = System.nanoTime();
                if (kernels.sumOfSquares(zeros) != 0) {
                    throw new IllegalStateException("zeros do not add up to zero");
                }
                best = Math.max(best, BYTES * 1e9 / (System.nanoTime() - start));
            } while (System.nanoTime() < end);
            return best;
        }
    }
}
