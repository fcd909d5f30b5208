package dev.jemma.engine.safetensors;

import dev.jemma.engine.tensor.Shape;

/**
 * One tensor as a header describes it.
 *
 * @param name its key
 * @param type element type
 * @param shape dimensions, outermost first
 * @param begin first byte in the file
 * @param end byte after the last in the file
 */
public record TensorEntry(String name, StoredType type, Shape shape, long begin, long end) {
    /** Size in bytes. */
    public long bytes() {
        return end - begin;
    }
}
