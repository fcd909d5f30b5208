package dev.jemma.engine.tensor;

/**
 * The values of a tensor as f32, whatever stores them: a run of its elements, in row-major order, at a time. Safe for
 * threads.
 */
@FunctionalInterface
public interface Values {
    /**
     * Reads {@code count} elements, starting at element {@code start}, into {@code to} from its beginning on; exact.
     *
     * @throws IllegalArgumentException if what stores them cannot be read from or up to an element inside a block;
     *     whole rows always can
     */
    void read(long start, float[] to, int count);

    /** Those of a float tensor in this process's memory, plain or of a block type; borrowed. */
    static Values of(Tensor tensor) {
        return (start, to, count) -> Conversion.widen(tensor, start, to, count);
    }
}
