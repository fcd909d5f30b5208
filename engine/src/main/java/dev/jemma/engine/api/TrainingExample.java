package dev.jemma.engine.api;

/**
 * A sequence to learn from, or to be scored.
 *
 * @param ids token ids
 * @param labels as many; {@code labels[i]} belongs to {@code ids[i]}: it is predicted at the position before, so the
 *     first is ignored; {@link #IGNORED} is no loss
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody; arrays of primitives are what the model reads
public record TrainingExample(int[] ids, int[] labels) {
    /** The label of a token that is not learned, as in Hugging Face. */
    public static final int IGNORED = -100;

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
            count += labels[i] == IGNORED ? 0 : 1;
        }
        return count;
    }
}
