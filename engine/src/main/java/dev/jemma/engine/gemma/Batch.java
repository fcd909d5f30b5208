package dev.jemma.engine.gemma;

import dev.jemma.engine.api.TrainingExample;
import java.util.Arrays;
import java.util.List;

/**
 * Sequences to learn from or to be scored, contiguous, without padding. They do not see one another.
 *
 * @param ids token ids of all sequences
 * @param labels as many; {@code labels[i]} belongs to {@code ids[i]}: it is predicted at the position before, so a
 *     sequence's first is ignored; {@link TrainingExample#IGNORED} is no loss
 * @param starts index of each sequence's first token, ascending from 0
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody; arrays of primitives are what the model reads
public record Batch(int[] ids, int[] labels, int[] starts) {
    public Batch {
        if (ids.length == 0 || labels.length != ids.length) {
            throw new IllegalArgumentException("a batch of " + ids.length + " ids and " + labels.length
                    + " labels, wanted as many of both, at least one");
        }
        if (starts.length == 0 || starts[0] != 0) {
            throw new IllegalArgumentException(
                    "sequence starts " + Arrays.toString(starts) + ", wanted the first to be 0");
        }
        for (int i = 1; i < starts.length; i++) {
            if (starts[i] <= starts[i - 1] || starts[i] >= ids.length) {
                throw new IllegalArgumentException("sequence starts " + Arrays.toString(starts)
                        + ", wanted them ascending and below " + ids.length);
            }
        }
    }

    /** One sequence. */
    public static Batch of(int[] ids, int[] labels) {
        return new Batch(ids, labels, new int[] {0});
    }

    /** One sequence of which every token but the first is learned. */
    public static Batch of(int[] ids) {
        return of(ids, ids);
    }

    /** Contiguous sequences; {@code labels.get(i)} belongs to {@code ids.get(i)}. */
    public static Batch of(List<int[]> ids, List<int[]> labels) {
        int total = ids.stream().mapToInt(sequence -> sequence.length).sum();
        int[] allIds = new int[total];
        int[] allLabels = new int[total];
        int[] starts = new int[ids.size()];
        int at = 0;
        for (int i = 0; i < starts.length; i++) {
            starts[i] = at;
            int length = ids.get(i).length;
            System.arraycopy(ids.get(i), 0, allIds, at, length);
            System.arraycopy(labels.get(i), 0, allLabels, at, length);
            at += length;
        }
        return new Batch(allIds, allLabels, starts);
    }

    /** Number of tokens. */
    public int tokens() {
        return ids.length;
    }

    /** Index after the last token of sequence {@code i}. */
    public int end(int i) {
        return i + 1 < starts.length ? starts[i + 1] : ids.length;
    }

    /**
     * Number of tokens with a loss: the labels that are not {@link TrainingExample#IGNORED}, without each sequence's
     * first.
     */
    public int supervised() {
        int count = 0;
        for (int i = 0; i < starts.length; i++) {
            for (int t = starts[i] + 1; t < end(i); t++) {
                count += labels[t] == TrainingExample.IGNORED ? 0 : 1;
            }
        }
        return count;
    }
}
