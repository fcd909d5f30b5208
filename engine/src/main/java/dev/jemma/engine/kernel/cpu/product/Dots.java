package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.cpu.base.Lanes;
import java.lang.foreign.MemorySegment;

/**
 * Dot products of an activation row with rows of weights of one type, read in place: what {@link Gemv} runs on its
 * threads. One implementation a weight type and kind of instruction; all are stateless.
 *
 * <p>Rows are taken one after the other, or two at a time where arithmetic is the limit: memory gives a single stream
 * twice what it gives four without asking ahead, which Java cannot.
 *
 * <p>A hot loop calls the Vector API only, whose methods the compiler always inlines: a vector that crosses a call of
 * ours that is not inlined is boxed, which costs a hundred times what the loop does. Sums of lanes go through memory
 * for the same reason.
 */
interface Dots {
    /** Most weight rows of one {@link #dots}. */
    int ROWS = 64;

    /** Where unreduced vectors are in the scratch of {@link #dots}. */
    long PARTS = 4L * ROWS;

    /** Scratch of {@link #dots}: {@value #ROWS} sums, then two vectors. */
    long SCRATCH_BYTES = PARTS + 2 * Lanes.BYTES;

    /** Bytes of an activation row in the order in which the weights want it; 0 if they take it as it is. */
    long arrangedBytes(long inputs);

    /** Copies the activation row at {@code offset} into that order. */
    void arrange(MemorySegment x, long offset, long inputs, MemorySegment to, long toOffset);

    /**
     * Sets the first {@code count} floats of {@code scratch} to the dot products of an arranged activation row with
     * {@code count} contiguous weight rows. An element's bits depend on the two rows alone, not on
     * {@code count}.
     *
     * @param w weights
     * @param offset first byte of the first row
     * @param stride bytes of a row
     * @param count number of weight rows, 1 .. {@value #ROWS}
     * @param x activations, as {@link #arrange} left them
     * @param xOffset first byte of the row
     * @param inputs elements of a row
     * @param scratch at least {@link #SCRATCH_BYTES} of this thread
     */
    void dots(
            MemorySegment w,
            long offset,
            long stride,
            int count,
            MemorySegment x,
            long xOffset,
            int inputs,
            MemorySegment scratch);
}
