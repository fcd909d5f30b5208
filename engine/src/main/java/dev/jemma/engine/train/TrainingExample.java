package dev.jemma.engine.train;

import dev.jemma.engine.gemma.Batch;

/**
 * A sequence to learn from.
 *
 * @param ids token ids
 * @param labels as many; {@code labels[i]} belongs to {@code ids[i]}, {@link Batch#IGNORED} is no loss
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody; arrays of primitives are what the model reads
public record TrainingExample(int[] ids, int[] labels) {
    public TrainingExample {
        if (ids.length == 0 || ids.length != labels.length) {
            throw new IllegalArgumentException(
                    ids.length + " input_ids and " + labels.length + " labels, wanted as many of both, at least one");
        }
    }

    /** Tokens with a loss: labels that are not ignored, without the first. */
    public int supervised() {
        int count = 0;
        for (int i = 1; i < labels.length; i++) {
            count += labels[i] == Batch.IGNORED ? 0 : 1;
        }
        return count;
    }
}
