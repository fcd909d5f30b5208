package dev.jemma.engine.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A slab of this process's memory: one shared arena, cut from its start.
 *
 * <p>Allocation is for one thread; the tensors may be used by any. After {@link #close} they fail with
 * {@link IllegalStateException}.
 */
public final class HostSlab implements Slab {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment region;
    private long used;

    /**
     * A slab with room for {@code bytes} bytes.
     *
     * @param bytes the sum of {@link Slab#aligned} over the tensors to come
     */
    public HostSlab(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("a slab of " + bytes + " bytes");
        }
        this.region = arena.allocate(Slab.aligned(bytes), ALIGNMENT);
    }

    @Override
    public Tensor allocate(DType dtype, long... dims) {
        Shape shape = new Shape(dims);
        long bytes = dtype.bytes(shape);
        if (bytes > region.byteSize() - used) {
            throw new IllegalArgumentException("a " + dtype + " tensor of shape " + shape + " needs " + bytes
                    + " bytes, the slab has " + (region.byteSize() - used) + " of " + region.byteSize() + " left");
        }
        Tensor tensor = Tensor.host(dtype, shape, region.asSlice(used, bytes));
        used += Slab.aligned(bytes);
        return tensor;
    }

    @Override
    public long bytes() {
        return used;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
