package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What a session or a training will need, written down before any of it is allocated: its size can be asked without
 * paying for it, and all of it is one slab.
 */
public final class MemoryPlan {
    /**
     * One tensor to be.
     *
     * @param index place in the plan
     * @param dtype element type
     * @param elements number of elements
     */
    public record Region(int index, DType dtype, long elements) {}

    private final List<Region> regions = new ArrayList<>();
    private long bytes;

    /** Asks for {@code elements} f32 elements. */
    public Region floats(long elements) {
        return reserve(DType.F32, elements);
    }

    /** Asks for {@code elements} 32-bit integers. */
    public Region ints(long elements) {
        return reserve(DType.I32, elements);
    }

    private Region reserve(DType dtype, long elements) {
        Region region = new Region(regions.size(), dtype, elements);
        regions.add(region);
        bytes = Math.addExact(bytes, Slab.aligned(dtype.bytes(elements)));
        return region;
    }

    /** Bytes of everything asked for. */
    public long bytes() {
        return bytes;
    }

    /** Allocates everything asked for; closed by the caller. */
    public Allocation allocate(Kernels kernels) {
        Slab slab = kernels.slab(bytes);
        Tensor[] tensors = new Tensor[regions.size()];
        for (Region region : regions) {
            tensors[region.index()] = slab.allocate(region.dtype(), region.elements());
        }
        return new Allocation(slab, tensors);
    }

    /** The tensors of a plan, one-dimensional; owns their slab. */
    public static final class Allocation implements AutoCloseable {
        private final Slab slab;
        private final Tensor[] tensors;

        private Allocation(Slab slab, Tensor[] tensors) {
            this.slab = slab;
            this.tensors = tensors;
        }

        /** The whole of {@code region}. */
        public Tensor of(Region region) {
            return tensors[region.index()];
        }

        /** The first {@code rows * width} elements of {@code region} as a matrix. */
        public Tensor matrix(Region region, long rows, long width) {
            return matrix(of(region), rows, width);
        }

        /** The first {@code rows * width} elements of {@code flat} as a matrix. */
        public static Tensor matrix(Tensor flat, long rows, long width) {
            return flat.rows(0, Math.multiplyExact(rows, width)).reshape(rows, width);
        }

        @Override
        public void close() {
            slab.close();
        }
    }
}
