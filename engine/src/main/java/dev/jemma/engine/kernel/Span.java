package dev.jemma.engine.kernel;

/**
 * One sequence's part of a batch whose sequences are contiguous, without padding.
 *
 * <p>Rows {@code row .. row + length - 1} of the activations are its tokens at positions {@code position ..
 * position + length - 1}. The key and value of its position {@code p} lie in row {@code keyRow + p % capacity} of the
 * key and value tensors: a ring in a cache, or the batch's own rows in training ({@link #whole}).
 *
 * @param row first activation row
 * @param length number of tokens, at least 1
 * @param position position of the first of them
 * @param keyRow row of the key and value tensors that holds position 0
 * @param capacity rows of the ring; must hold every position that a query of this span can see
 */
public record Span(int row, int length, int position, int keyRow, int capacity) {
    public Span {
        if (row < 0 || length < 1 || position < 0 || keyRow < 0 || capacity < 1) {
            throw new IllegalArgumentException("span of row " + row + ", length " + length + ", position " + position
                    + ", keyRow " + keyRow + ", capacity " + capacity);
        }
    }

    /** A sequence that stands whole in rows {@code row .. row + length - 1}, keys and values in the same rows. */
    public static Span whole(int row, int length) {
        return new Span(row, length, 0, row, length);
    }

    /** The row of the key and value tensors that holds position {@code p}. */
    public int keyRowOf(int p) {
        return keyRow + p % capacity;
    }
}
