package dev.jemma.engine.api;

import dev.jemma.engine.api.RowOptions.TooLong;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * What the rows of a file are like, and which of them are left out.
 *
 * @param file the file
 * @param rows rows in it
 * @param maxLength most tokens of a row: the options', or what the model was made for if that is less
 * @param policy what happens to longer rows
 * @param tooLong how many rows are longer
 * @param unsupervised rows left out because nothing in them has a loss
 * @param folded conversations that the template only took after folding
 * @param unstopped used rows without a supervised end of a turn or text: a model does not learn from them to stop
 * @param tokens tokens of the used rows
 * @param supervised how many of them have a loss
 * @param longest tokens of the longest used row
 * @param lengths used rows by their length, shortest first
 */
public record RowReport(
        Path file,
        long rows,
        int maxLength,
        TooLong policy,
        long tooLong,
        long unsupervised,
        long folded,
        long unstopped,
        long tokens,
        long supervised,
        int longest,
        List<Band> lengths) {
    /**
     * Rows of similar length.
     *
     * @param from fewest tokens
     * @param to most tokens
     * @param rows how many rows
     */
    public record Band(int from, int to, long rows) {}

    public RowReport {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(policy, "policy");
        lengths = List.copyOf(lengths);
    }

    /** Rows to learn from. */
    public long used() {
        return rows - unsupervised - (policy == TooLong.LEAVE_OUT ? tooLong : 0);
    }
}
