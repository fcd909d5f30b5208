package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.RowReport;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.io.Digest;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * The examples of a training file, in file order.
 *
 * @param examples what is learned from
 * @param report what was left out, and what the rest is like
 */
public record Dataset(List<TrainingExample> examples, RowReport report) {
    /** Tokens of the longest row in the first band of a histogram. */
    private static final int SHORTEST_BAND = 16;

    public Dataset {
        examples = List.copyOf(examples);
    }

    /**
     * Reads and encodes a file.
     *
     * @param stops ids that end a turn or a text
     * @throws FormatException naming the line of a row that is none, or that the template refuses, or if no example is
     *     left
     */
    public static Dataset read(Path file, RowEncoder encoder, int maxLength, TooLong policy, List<Integer> stops) {
        List<TrainingExample> examples = new ArrayList<>();
        Counter counter = new Counter(stops);
        long foldedBefore = encoder.folded();
        encoder.encode(file, (encoded, line) -> {
            TrainingExample example = encoded;
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
        if (examples.isEmpty()) {
            throw FormatException.in(
                    file,
                    counter.rows == 0
                            ? "has no rows"
                            : "no row is left to learn from: of " + counter.rows + " rows " + counter.tooLong
                                    + " have more than max_length " + maxLength + " tokens and " + counter.unsupervised
                                    + " have no supervised token");
        }
        RowReport report = new RowReport(
                file,
                counter.rows,
                maxLength,
                policy,
                counter.tooLong,
                counter.unsupervised,
                encoder.folded() - foldedBefore,
                counter.unstopped,
                counter.tokens,
                counter.supervised,
                counter.longest,
                bands(examples));
        return new Dataset(examples, report);
    }

    /** Rows by length, in bands that double: 1 to 16 tokens, 17 to 32, ... */
    private static List<RowReport.Band> bands(List<TrainingExample> examples) {
        TreeMap<Integer, Long> byEnd = new TreeMap<>();
        for (TrainingExample example : examples) {
            int end = Math.max(SHORTEST_BAND, Integer.highestOneBit(example.ids().length - 1) * 2);
            byEnd.merge(end, 1L, Long::sum);
        }
        List<RowReport.Band> bands = new ArrayList<>();
        for (int end = byEnd.firstKey(); end <= byEnd.lastKey(); end *= 2) {
            bands.add(new RowReport.Band(end == SHORTEST_BAND ? 1 : end / 2 + 1, end, byEnd.getOrDefault(end, 0L)));
        }
        return bands;
    }

    /** A digest of all ids and labels. */
    String digest() {
        Digest digest = new Digest();
        for (TrainingExample example : examples) {
            ByteBuffer bytes = ByteBuffer.allocate(4 + 8 * example.ids().length);
            bytes.putInt(example.ids().length);
            bytes.asIntBuffer().put(example.ids()).put(example.labels());
            digest.add(bytes.array());
        }
        return digest.hex(16);
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
    }
}
