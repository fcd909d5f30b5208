package dev.jemma.engine.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A dense row-major array outside the Java heap. A tensor borrows its memory: whoever allocated or mapped it closes it,
 * and a tensor used after that fails with {@link IllegalStateException}.
 *
 * @param dtype element type
 * @param shape dimensions, outermost first
 * @param memory the elements, exactly {@code dtype.bytes(shape)} bytes
 */
public record Tensor(DType dtype, Shape shape, Memory memory) {
    public Tensor {
        Objects.requireNonNull(dtype, "dtype");
        Objects.requireNonNull(shape, "shape");
        long wanted = dtype.bytes(shape);
        if (memory.bytes() != wanted) {
            throw new IllegalArgumentException(
                    "a " + dtype + " tensor of shape " + shape + " has " + wanted + " bytes, not " + memory.bytes());
        }
    }

    /** A tensor over host memory. */
    public static Tensor host(DType dtype, Shape shape, MemorySegment segment) {
        return new Tensor(dtype, shape, new Memory.Host(segment));
    }

    /** The elements in this process's memory. */
    public MemorySegment segment() {
        return switch (memory) {
            case Memory.Host host -> host.segment();
        };
    }

    /** Size of dimension {@code i}; a negative {@code i} counts from the end. */
    public long dim(int i) {
        return shape.dim(i);
    }

    /** Number of elements. */
    public long elements() {
        return shape.elements();
    }

    /** The same elements under another shape of as many elements. */
    public Tensor reshape(long... dims) {
        return new Tensor(dtype, new Shape(dims), memory);
    }

    /**
     * Rows {@code from} (inclusive) to {@code to} (exclusive) of the outermost dimension; shares the memory.
     *
     * @throws IllegalArgumentException if that cuts a block of a block type, as it can in a tensor of one dimension
     */
    public Tensor rows(long from, long to) {
        long[] dims = shape.dims();
        long row = dims[0] == 0 ? 0 : shape.elements() / dims[0];
        Objects.checkFromToIndex(from, to, dims[0]);
        dims[0] = to - from;
        return host(dtype, new Shape(dims), segment().asSlice(dtype.bytes(from * row), dtype.bytes((to - from) * row)));
    }
}
