package dev.jemma.engine.api;

import java.util.Objects;

/**
 * How the rows of a training file become sequences; the names are those of TRL's SFTConfig.
 *
 * @param maxLength most tokens of a row ({@code max_length}); a model made for fewer takes fewer
 * @param tooLong what happens to longer rows
 * @param packing whether short rows share a place
 * @param supervise what of a conversation is learned ({@code assistant_only_loss})
 */
public record RowOptions(int maxLength, TooLong tooLong, Packing packing, Supervise supervise) {
    /** What happens to a row of more tokens than {@code max_length}. */
    public enum TooLong {
        /** It is left out and counted. */
        LEAVE_OUT,
        /** Its end is cut off. */
        CUT
    }

    /** Whether short rows share a place. */
    public enum Packing {
        /** A row per place. */
        OFF,
        /** As many rows per place as fit into {@code max_length}; they do not see each other. */
        BEST_FIT
    }

    /** What of a conversation has a loss. */
    public enum Supervise {
        /** What the assistant says, with the end of its turn. */
        ASSISTANT,
        /** All tokens. */
        EVERYTHING
    }

    public RowOptions {
        Objects.requireNonNull(tooLong, "tooLong");
        Objects.requireNonNull(packing, "packing");
        Objects.requireNonNull(supervise, "supervise");
        if (maxLength < 1) {
            throw new IllegalArgumentException("max_length is " + maxLength + ", wanted 1 or more");
        }
    }

    /**
     * The defaults of {@code jemma train}: 2048 tokens, longer rows left out, no packing, the assistant's turns
     * learned.
     */
    public static RowOptions defaults() {
        return new RowOptions(2048, TooLong.LEAVE_OUT, Packing.OFF, Supervise.ASSISTANT);
    }

    /** These with another {@code max_length}. */
    public RowOptions withMaxLength(int tokens) {
        return new RowOptions(tokens, tooLong, packing, supervise);
    }

    /** These with longer rows treated as {@code other} says. */
    public RowOptions with(TooLong other) {
        return new RowOptions(maxLength, other, packing, supervise);
    }

    /** These with rows put together as {@code other} says. */
    public RowOptions with(Packing other) {
        return new RowOptions(maxLength, tooLong, other, supervise);
    }

    /** These with that much of a conversation learned. */
    public RowOptions with(Supervise other) {
        return new RowOptions(maxLength, tooLong, packing, other);
    }
}
