package dev.jemma.engine.gguf;

import dev.jemma.engine.tensor.Shape;

/**
 * One tensor as a GGUF file describes it.
 *
 * @param name llama.cpp's name for it, such as {@code blk.0.attn_q.weight}
 * @param type element type
 * @param shape dimensions, outermost first: the reverse of the file's order
 * @param begin first byte in the file
 * @param end byte after the last in the file
 */
public record GgufTensor(String name, GgmlType type, Shape shape, long begin, long end) {
    /** Size in bytes. */
    public long bytes() {
        return end - begin;
    }
}
