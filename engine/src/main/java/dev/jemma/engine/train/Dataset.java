package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * The examples of a training file, in file order.
 *
 * @param examples what is learned from
 * @param report what was left out, and what the rest is like
 */
public record Dataset(List<TrainingExample> examples, Report report) {
    public Dataset {
        examples = List.copyOf(examples);
    }

    /** What happens to an example of more tokens than {@code max_length}. */
    public enum TooLong {
        /** It is left out and counted. */
        LEAVE_OUT,
        /** Its end is cut off. */
        CUT
    }

    /**
     * @param rows rows of the file
     * @param tooLong rows of more than max_length tokens: left out, or cut
     * @param unsupervised rows left out because nothing in them has a loss
     * @param folded conversations that the template only took after folding
     * @param unstopped examples without a supervised end of a turn or text: a model does not learn from them to stop
     * @param tokens tokens in the examples
     * @param supervised of them with a loss
     * @param longest tokens of the longest example
     */
    public record Report(
            long rows,
            long tooLong,
            long unsupervised,
            long folded,
            long unstopped,
            long tokens,
            long supervised,
            int longest) {}

    /**
     * Reads and encodes a file.
     *
     * @param stops ids that end a turn or a text
     * @throws FormatException naming the line of a row that is none, or that the template refuses, or if no example is left
     */
    public static Dataset read(Path file, RowEncoder encoder, int maxLength, TooLong policy, List<Integer> stops) {
        List<TrainingExample> examples = new ArrayList<>();
        Counter counter = new Counter(stops);
        long foldedBefore = encoder.folded();
        RowReader.read(file, (row, json, line) -> {
            TrainingExample example = encoder.encode(row, file, line);
            counter.rows++;
            if (example.ids().length > maxLength) {
                counter.tooLong++;
                if (policy == TooLong.LEAVE_OUT) {
                    return;
                }
                example = new TrainingExample(
                        Arrays.copyOf(example.ids(), maxLength), Arrays.copyOf(example.labels(), maxLength));
            }
            if (example.supervised() == 0) {
                counter.unsupervised++;
                return;
            }
            counter.add(example);
            examples.add(example);
        });
        Report report = counter.report(encoder.folded() - foldedBefore);
        if (examples.isEmpty()) {
            throw FormatException.in(
                    file,
                    report.rows == 0
                            ? "has no rows"
                            : "no row is left to learn from: of " + report.rows + " rows " + report.tooLong
                                    + " have more than max_length " + maxLength + " tokens and " + report.unsupervised
                                    + " have no supervised token");
        }
        return new Dataset(examples, report);
    }

    /** A digest of all ids and labels. */
    String digest() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (TrainingExample example : examples) {
                ByteBuffer bytes = ByteBuffer.allocate(4 + 8 * example.ids().length);
                bytes.putInt(example.ids().length);
                bytes.asIntBuffer().put(example.ids()).put(example.labels());
                sha.update(bytes.array());
            }
            return HexFormat.of().formatHex(sha.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static final class Counter {
        private final List<Integer> stops;
        private long rows;
        private long tooLong;
        private long unsupervised;
        private long unstopped;
        private long tokens;
        private long supervised;
        private int longest;

        Counter(List<Integer> stops) {
            this.stops = stops;
        }

        void add(TrainingExample example) {
            tokens += example.ids().length;
            supervised += example.supervised();
            longest = Math.max(longest, example.ids().length);
            boolean stop = false;
            for (int label : example.labels()) {
                stop |= stops.contains(label);
            }
            unstopped += stop ? 0 : 1;
        }

        Report report(long folded) {
            return new Report(rows, tooLong, unsupervised, folded, unstopped, tokens, supervised, longest);
        }
    }
}
