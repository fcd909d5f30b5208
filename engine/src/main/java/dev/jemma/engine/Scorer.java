package dev.jemma.engine;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Losses and logits of given tokens. Owns a cache, chunk buffers and its adapters; rows may be as long as the model's
 * context.
 *
 * <p>Used by one thread at a time. A second close is harmless.
 */
public final class Scorer implements AutoCloseable {
    private static final long LOGIT_BYTES = 128L << 20;
    private static final int CHUNK = 512;

    private final Gemma gemma;
    private final Kernels kernels;
    private final List<Path> adapterFolders;
    private final AdapterSet adapters;
    private final Inference inference;
    private final Slab slab;
    private final Tensor targets;
    private final int logitRows;
    private boolean closed;

    Scorer(Gemma gemma, List<Path> adapterFolders) throws IOException {
        this.gemma = gemma;
        this.kernels = gemma.kernels();
        this.adapterFolders = List.copyOf(adapterFolders);
        int vocabulary = gemma.checkpoint().config().vocabSize();
        int context = gemma.checkpoint().config().maxPositionEmbeddings();
        this.logitRows = (int) Math.clamp(LOGIT_BYTES / (4L * vocabulary), 1, Math.min(CHUNK, context));
        this.adapters = new AdapterSet(adapterFolders, gemma.checkpoint());
        try {
            this.inference = new Inference(
                    gemma.model(),
                    adapters.lowRanks(),
                    new Inference.Options(context, 1, Math.min(CHUNK, context), logitRows, 0, () -> false));
        } catch (Throwable e) {
            adapters.close();
            throw e;
        }
        this.slab = kernels.slab(Slab.aligned(4L * logitRows));
        this.targets = slab.allocate(DType.I32, logitRows);
    }

    /**
     * The rows of a file as ids and labels: as in training, but no text is ended for it and nothing is cut.
     *
     * @throws FormatException naming the line of a row that is none, that the template refuses, or that is longer than
     *     the model's context
     */
    public List<TrainingExample> read(Path file) {
        int context = gemma.checkpoint().config().maxPositionEmbeddings();
        RowEncoder encoder = gemma.rowEncoder(adapterFolders, Supervise.ASSISTANT, End.OPEN);
        List<TrainingExample> examples = new ArrayList<>();
        encoder.encode(file, (example, line) -> {
            if (example.ids().length > context) {
                throw FormatException.atLine(
                        file,
                        line,
                        "has " + example.ids().length + " tokens, the model was made for " + context
                                + "; rows are never cut when they are scored");
            }
            examples.add(example);
        });
        return examples;
    }

    /** As {@link #loss(int[], int[])}. */
    public Loss loss(TrainingExample row) {
        return loss(row.ids(), row.labels());
    }

    /**
     * The cross entropy of the labels, given what stands before each: {@code labels[t + 1]} is predicted at position t,
     * {@code labels[0]} is ignored, and so is every label {@link TrainingExample#IGNORED}.
     *
     * @return sum and number, so that losses of several rows can be brought together
     * @throws IllegalArgumentException if the two differ in length, are longer than the model's context, or hold an id
     *     outside the vocabulary
     */
    public Loss loss(int[] ids, int[] labels) {
        if (ids.length != labels.length) {
            throw new IllegalArgumentException(labels.length + " labels for " + ids.length + " ids, wanted as many");
        }
        double sum = 0;
        long supervised = 0;
        inference.rewind(0);
        for (int from = 0; from + 1 < ids.length; ) {
            int to = from + 1;
            boolean wanted = labels[from + 1] != TrainingExample.IGNORED;
            int most = wanted ? logitRows : CHUNK;
            while (to + 1 < ids.length && to - from < most && wanted == (labels[to + 1] != TrainingExample.IGNORED)) {
                to++;
            }
            if (wanted) {
                Tensor logits = inference.forwardAll(ids, from, to - from);
                kernels.write(targets, labels, from + 1, to - from);
                Tensor wantedIds = targets.rows(0, to - from);
                sum += gemma.model().exclusively(() -> kernels.crossEntropy(logits, wantedIds, 0));
                supervised += to - from;
            } else {
                inference.forward(ids, from, to - from);
            }
            from = to;
        }
        return new Loss(sum, supervised);
    }

    /**
     * The logits after every token, a row at a time.
     *
     * @param row filled with the logits after token t before {@code sink} is given t; length V
     * @throws IllegalArgumentException as {@link #loss} does
     */
    public void logits(int[] ids, float[] row, IntConsumer sink) {
        int vocabulary = gemma.checkpoint().config().vocabSize();
        if (row.length != vocabulary) {
            throw new IllegalArgumentException("a row of " + row.length + " logits, wanted " + vocabulary);
        }
        inference.rewind(0);
        for (int from = 0; from < ids.length; from += logitRows) {
            int count = Math.min(logitRows, ids.length - from);
            Tensor logits = inference.forwardAll(ids, from, count);
            for (int i = 0; i < count; i++) {
                kernels.read(logits.rows(i, i + 1), row);
                sink.accept(from + i);
            }
        }
    }

    /**
     * Writes a safetensors file with the logits of all rows: a tensor {@code logits.<index>} [T, V], f32, per row.
     *
     * @throws IOException if it cannot be written
     */
    public void writeLogits(List<TrainingExample> rows, Path file) throws IOException {
        LogitsFile.write(file, rows, gemma.checkpoint().config().vocabSize(), this);
    }

    /** What users should know about the adapters' files, a line each. */
    public List<String> warnings() {
        return adapters.warnings();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            inference.close();
            slab.close();
            adapters.close();
            gemma.forget(this);
        }
    }

    /**
     * The loss over some tokens.
     *
     * @param sum of their cross entropies, in nats
     * @param tokens how many they are
     */
    public record Loss(double sum, long tokens) {
        /** No tokens. */
        public static final Loss NONE = new Loss(0, 0);

        /** Over the tokens of both. */
        public Loss plus(Loss other) {
            return new Loss(sum + other.sum, tokens + other.tokens);
        }

        /** A token's mean; NaN without any. */
        public double mean() {
            return sum / tokens;
        }

        /** The exponential of the mean. */
        public double perplexity() {
            return Math.exp(mean());
        }
    }
}
