package dev.jemma.engine.tensor;

/**
 * A region of a backend's memory out of which tensors are cut, all freed together. Not safe for threads.
 *
 * <p>Closing frees every tensor allocated from it; a second close is harmless.
 */
public interface Slab extends AutoCloseable {
    /** Every tensor starts at a multiple of this many bytes. */
    long ALIGNMENT = 64;

    /** What a tensor of {@code bytes} bytes takes from a slab. */
    static long aligned(long bytes) {
        return Math.addExact(bytes, ALIGNMENT - 1) & -ALIGNMENT;
    }

    /** A new tensor of zeros, aligned to 64 bytes, that lives until this slab is closed. */
    Tensor allocate(DType dtype, long... dims);

    /** Bytes handed out so far. */
    long bytes();

    @Override
    void close();
}
