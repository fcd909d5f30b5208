package dev.jemma.engine.gemma;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.gemma.adapter.AdapterBuffers;
import dev.jemma.engine.gemma.adapter.AdapterDropout;
import dev.jemma.engine.gemma.block.Pass;
import dev.jemma.engine.gemma.memory.Activations;
import dev.jemma.engine.gemma.memory.KvCache;
import dev.jemma.engine.gemma.memory.MemoryPlan;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Tensor;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.ObjIntConsumer;

/**
 * A session: one or more growing sequences with their cached keys and values, and the logits of what follows.
 *
 * <p>Owns cache and buffers; borrows model and adapters, which must outlive it. For one thread at a time; cancelled
 * from any through {@link Options#cancelled}. Prompts are run in chunks. Once its shapes have settled, a decoded token
 * allocates a few hundred bytes of Java heap.
 */
public final class Inference implements AutoCloseable {
    /**
     * What a session is for.
     *
     * @param contextLength most tokens of a sequence; at most what the model was made for
     * @param sequences number of sequences B
     * @param chunk most tokens run through the model at once
     * @param logitRows most rows of logits at once; at least the number of sequences
     * @param rewindRoom how far back {@link #rewind} reaches at least where layers see a window only
     * @param cancelled asked between layers; once it says true, the run ends with {@link CancellationException}
     */
    public record Options(
            int contextLength, int sequences, int chunk, int logitRows, int rewindRoom, BooleanSupplier cancelled) {
        public Options {
            if (contextLength < 1 || sequences < 1 || chunk < 1 || logitRows < sequences || rewindRoom < 0) {
                throw new IllegalArgumentException(
                        "a session of " + sequences + " sequences of " + contextLength
                                + " tokens in chunks of " + chunk + " with " + logitRows + " rows of logits and "
                                + rewindRoom
                                + " positions to rewind, wanted at least one of each, a row of logits a sequence, and no negative rewind");
            }
        }

        /** One sequence, chunks of 512. */
        public static Options of(int contextLength) {
            return new Options(contextLength, 1, Math.min(512, contextLength), 1, 512, () -> false);
        }

        /** These, cancelled by {@code hook}. */
        public Options cancelledBy(BooleanSupplier hook) {
            return new Options(contextLength, sequences, chunk, logitRows, rewindRoom, hook);
        }

        /** These, with {@code rows} rows of logits at once. */
        public Options withLogitRows(int rows) {
            return new Options(contextLength, sequences, chunk, rows, rewindRoom, cancelled);
        }

        /** These for {@code count} sequences. */
        public Options withSequences(int count) {
            return new Options(contextLength, count, chunk, Math.max(count, logitRows), rewindRoom, cancelled);
        }

        /** These with chunks of {@code tokens}. */
        public Options withChunk(int tokens) {
            return new Options(contextLength, sequences, tokens, logitRows, rewindRoom, cancelled);
        }
    }

    private record Plan(
            MemoryPlan memory,
            Activations.Regions activations,
            AdapterBuffers adapters,
            Region ids,
            Region lastRows,
            Region gathered,
            Region normed,
            Region logits) {
        static Plan of(Layout layout, int widestRank, Options options) {
            GemmaConfig config = layout.config();
            MemoryPlan memory = new MemoryPlan();
            long rows = options.chunk;
            long wanted = options.logitRows;
            return new Plan(
                    memory,
                    Activations.Regions.of(memory, layout, rows, config.numHiddenLayers(), Recompute.NEVER),
                    AdapterBuffers.forInference(memory, layout, widestRank, Math.max(rows, wanted)),
                    memory.ints(rows),
                    memory.ints(wanted),
                    memory.floats(wanted * config.hiddenSize()),
                    memory.floats(wanted * config.hiddenSize()),
                    memory.floats(wanted * config.vocabSize()));
        }
    }

    private final GemmaModel model;
    private final Kernels kernels;
    private final Options options;
    private final Plan plan;
    private final Allocation memory;
    private final KvCache cache;
    private final Pass pass;
    private final int[] chunkIds;
    private final int[] lastRows;
    private final int[] sequence;
    private final int[] counts;
    private Views views;

    /** The buffers outside the blocks, cut to the rows of a run. */
    private record Views(
            int rows, int wanted, Tensor ids, Tensor lastRows, Tensor gathered, Tensor normed, Tensor logits) {}

    /**
     * A session with {@code adapters} added up.
     *
     * @throws IllegalArgumentException naming every module or shape that does not fit the model, or a context length it
     *     is not made for
     */
    public Inference(GemmaModel model, List<LowRanks> adapters, Options options) {
        GemmaConfig config = model.config();
        if (options.contextLength > config.maxPositionEmbeddings()) {
            throw new IllegalArgumentException("a context of " + options.contextLength
                    + " tokens, the model was made for " + config.maxPositionEmbeddings());
        }
        this.model = model;
        this.kernels = model.kernels();
        this.options = options;
        List<List<LowRank>> placed = LowRanks.byModule(model.layout(), adapters);
        this.plan = Plan.of(model.layout(), widestRank(adapters), options);
        this.memory = plan.memory.allocate(kernels);
        AdapterDropout none = new AdapterDropout(0, memory.of(plan.ids), memory.of(plan.ids));
        this.cache = new KvCache(
                kernels, config, options.sequences, options.contextLength, options.chunk, options.rewindRoom);
        this.pass = new Pass(
                kernels,
                model.layout(),
                new Activations(plan.activations, memory),
                plan.adapters.place(placed, memory, none),
                cache,
                options.cancelled);
        this.chunkIds = new int[options.chunk];
        this.lastRows = new int[options.logitRows];
        this.sequence = new int[options.sequences];
        this.counts = new int[options.sequences];
        this.views = views(1, 1);
    }

    private static int widestRank(List<LowRanks> adapters) {
        return adapters.stream()
                .flatMap(adapter -> adapter.modules().values().stream())
                .mapToInt(LowRank::rank)
                .max()
                .orElse(0);
    }

    /** The bytes of a session whose sequences have grown to the whole context. */
    public static long bytes(GemmaConfig config, List<LowRanks> adapters, Options options) {
        long buffers =
                Plan.of(config.layout(), widestRank(adapters), options).memory.bytes();
        return buffers
                + KvCache.bytes(config, options.sequences, options.contextLength, options.chunk, options.rewindRoom);
    }

    /** What the session is for. */
    public Options options() {
        return options;
    }

    /** The position of the next token of the first sequence: the number of tokens it holds. */
    public int position() {
        return position(0);
    }

    /** The position of the next token of a sequence. */
    public int position(int ofSequence) {
        return cache.position(ofSequence);
    }

    /** {@link #rewind(int, int)} of the first sequence. */
    public int rewind(int position) {
        return rewind(0, position);
    }

    /**
     * Forgets a sequence's tokens from {@code position} on.
     *
     * @return the position that it stands at now: {@code position}, or 0 if a sliding layer no longer holds what a
     *     token there sees, and everything has to be fed again
     */
    public int rewind(int ofSequence, int position) {
        return cache.rewind(ofSequence, position);
    }

    /**
     * Appends {@code ids[from .. from + count - 1]} to the first sequence.
     *
     * @return logits after the last of them [1, V], on their way to a sampler (softcapped); borrowed until the next
     *     call
     * @throws IllegalArgumentException if the context would overflow or an id is outside the vocabulary; nothing is
     *     appended
     * @throws CancellationException if cancelled; chunks that were complete before stay appended ({@link #position})
     */
    public Tensor forward(int[] ids, int from, int count) {
        return forward(List.of(new Feed(0, ids, from, count)));
    }

    /**
     * Appends tokens to several sequences, each at most once, in as few runs as chunks allow.
     *
     * @return the logits after the last token of each feed, in their order [feeds, V]; borrowed until the next call
     */
    public Tensor forward(List<Feed> feeds) {
        check(feeds);
        int feed = 0;
        int done = 0;
        while (feed < feeds.size()) {
            int first = feed;
            int n = 0;
            int rows = 0;
            int wanted = 0;
            while (feed < feeds.size() && rows < options.chunk) {
                Feed next = feeds.get(feed);
                int part = Math.min(next.count() - done, options.chunk - rows);
                System.arraycopy(next.ids(), next.from() + done, chunkIds, rows, part);
                sequence[n] = next.sequence();
                counts[n++] = part;
                rows += part;
                done += part;
                if (done == next.count()) {
                    lastRows[wanted++] = rows - 1;
                    feed++;
                    done = 0;
                }
            }
            run(n, rows, first, wanted);
        }
        return feeds.size() == views.wanted
                ? views.logits
                : memory.matrix(plan.logits, feeds.size(), model.config().vocabSize());
    }

    /**
     * Appends {@code count} tokens to the first sequence, at most {@link Options#logitRows} and {@link Options#chunk}.
     *
     * @return the logits after each of them [count, V]; borrowed until the next call
     */
    public Tensor forwardAll(int[] ids, int from, int count) {
        if (count > options.logitRows || count > options.chunk) {
            throw new IllegalArgumentException("logits of " + count + " rows, wanted at most " + options.logitRows
                    + ", in chunks of at most " + options.chunk);
        }
        check(List.of(new Feed(0, ids, from, count)));
        System.arraycopy(ids, from, chunkIds, 0, count);
        sequence[0] = 0;
        counts[0] = count;
        for (int i = 0; i < count; i++) {
            lastRows[i] = i;
        }
        run(1, count, 0, count);
        return views.logits;
    }

    private void check(List<Feed> feeds) {
        if (feeds.isEmpty() || feeds.size() > options.sequences) {
            throw new IllegalArgumentException(
                    feeds.size() + " feeds for " + options.sequences + " sequences, wanted one at most for each");
        }
        int vocabSize = model.config().vocabSize();
        for (int i = 0; i < feeds.size(); i++) {
            Feed feed = feeds.get(i);
            if (feed.sequence() >= options.sequences) {
                throw new IllegalArgumentException(
                        "tokens for sequence " + feed.sequence() + " of " + options.sequences);
            }
            for (int j = 0; j < i; j++) {
                if (feeds.get(j).sequence() == feed.sequence()) {
                    throw new IllegalArgumentException("two feeds for sequence " + feed.sequence() + ", wanted one");
                }
            }
            int position = cache.position(feed.sequence());
            if (feed.count() > options.contextLength - position) {
                throw new IllegalArgumentException(feed.count() + " tokens after " + position
                        + " do not fit a context of " + options.contextLength);
            }
            for (int t = 0; t < feed.count(); t++) {
                int id = feed.ids()[feed.from() + t];
                if (id < 0 || id >= vocabSize) {
                    throw new IllegalArgumentException("token id " + id + ", wanted 0 to " + (vocabSize - 1));
                }
            }
        }
    }

    /**
     * Runs {@code rows} tokens of {@code n} sequences; fills rows of logits from {@code firstLogits} on for the
     * {@code wanted} last ones.
     */
    private void run(int n, int rows, int firstLogits, int wanted) {
        model.lock().lock();
        try {
            int highest = 0;
            for (int i = 0; i < n; i++) {
                highest = Math.max(highest, cache.position(sequence[i]) + counts[i]);
            }
            cache.begin(sequence, counts, n);
            pass.begin(rows, model.ropes(highest));
            if (views.rows != rows || views.wanted != wanted) {
                views = views(rows, wanted);
            }
            kernels.write(views.ids, chunkIds, 0, rows);
            model.forward(pass, views.ids);
            if (wanted > 0) {
                logits(firstLogits, wanted, rows);
            }
            cache.end(sequence, counts, n);
        } finally {
            model.lock().unlock();
        }
    }

    private void logits(int first, int wanted, int rows) {
        GemmaConfig config = model.config();
        Tensor stream = pass.stream(config.numHiddenLayers());
        Tensor last = stream;
        if (wanted < rows) {
            kernels.write(views.lastRows, lastRows, 0, wanted);
            kernels.gatherRows(views.gathered, stream, views.lastRows);
            last = views.gathered;
        }
        model.finalNorm().forward(views.normed, last, kernels);
        pass.observer().accept(views.normed, config.numHiddenLayers());
        Tensor logits = first == 0
                ? views.logits
                : memory.of(plan.logits)
                        .rows((long) first * config.vocabSize(), (long) (first + wanted) * config.vocabSize())
                        .reshape(wanted, config.vocabSize());
        pass.adapted(model.head().module()).begin(wanted);
        model.head().forward(logits, views.normed, pass);
        if (config.finalLogitSoftcapping() > 0) {
            kernels.softcap(logits, (float) config.finalLogitSoftcapping());
        }
    }

    private Views views(int rows, int wanted) {
        int hidden = model.config().hiddenSize();
        int atLeastOne = Math.max(1, wanted);
        return new Views(
                rows,
                wanted,
                memory.of(plan.ids).rows(0, rows),
                memory.of(plan.lastRows).rows(0, atLeastOne),
                memory.matrix(plan.gathered, atLeastOne, hidden),
                memory.matrix(plan.normed, atLeastOne, hidden),
                memory.matrix(plan.logits, atLeastOne, model.config().vocabSize()));
    }

    /**
     * Shows {@code watcher} the residual stream before each layer, and the normed rows that logits are made of under
     * the number of layers.
     */
    void observe(ObjIntConsumer<Tensor> watcher) {
        pass.observe(watcher);
    }

    /** Frees cache and buffers. A second close is harmless. */
    @Override
    public void close() {
        cache.close();
        memory.close();
    }
}
