package dev.jemma.engine.gemma;

import java.util.Objects;

/**
 * Tokens to append to one of a session's sequences.
 *
 * @param sequence which one, from 0
 * @param ids token ids; borrowed until the run is over
 * @param from index of the first to append
 * @param count how many, at least 1
 */
@SuppressWarnings("ArrayRecordComponent") // lives for one call
public record Feed(int sequence, int[] ids, int from, int count) {
    public Feed {
        Objects.checkFromIndexSize(from, count, ids.length);
        if (sequence < 0 || count < 1) {
            throw new IllegalArgumentException(
                    count + " tokens for sequence " + sequence + ", wanted at least 1 for 0 or higher");
        }
    }
}
