package dev.jemma.engine.tensor;

import java.util.Arrays;

/**
 * The dimensions of a dense row-major tensor, outermost first. A scalar has none.
 *
 * @param dims the dimensions, each at least 0
 */
public record Shape(long... dims) {
    public Shape {
        dims = dims.clone();
        long elements = 1;
        for (long dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(dims) + " has a negative dimension");
            }
            elements = Math.multiplyExact(elements, dim);
        }
    }

    /** A shape of these dimensions. */
    public static Shape of(long... dims) {
        return new Shape(dims);
    }

    /** Number of dimensions. */
    public int rank() {
        return dims.length;
    }

    /** Size of dimension {@code i}; a negative {@code i} counts from the end. */
    public long dim(int i) {
        return dims[i < 0 ? dims.length + i : i];
    }

    /** Number of elements. */
    public long elements() {
        long elements = 1;
        for (long dim : dims) {
            elements *= dim;
        }
        return elements;
    }

    /** Number of rows when the last dimension is taken as the row: the product of all the others. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < dims.length - 1; i++) {
            rows *= dims[i];
        }
        return rows;
    }

    @Override
    public long[] dims() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** As in messages: {@code [2, 640]}. */
    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
