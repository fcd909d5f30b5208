package dev.jemma.engine;

import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.generate.EndTokens;
import dev.jemma.engine.generate.Generator;
import dev.jemma.engine.generate.TokenConstraint;
import dev.jemma.engine.tokenizer.Specials;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One conversation with a {@link Gemma}: its cached keys and values, and its adapters. A prompt that begins like the last prompt and answer is only read from where it differs.
 *
 * <p>Used by one thread at a time (a second one is refused), cancelled and closed from any.
 */
public final class Session implements AutoCloseable {
    private final Gemma gemma;
    private final AdapterSet adapters;
    private final Inference inference;
    private final Generator generator;
    private final ReentrantLock inUse = new ReentrantLock();
    private volatile boolean cancelled;
    private volatile boolean closed;

    Session(Gemma gemma, SessionOptions options) throws IOException {
        this.gemma = gemma;
        this.adapters = new AdapterSet(options.adapters(), gemma.checkpoint());
        try {
            int longest = gemma.checkpoint().config().maxPositionEmbeddings();
            int context = options.contextLength() == 0 ? longest : options.contextLength();
            this.inference = new Inference(
                    gemma.model(),
                    adapters.lowRanks(),
                    Inference.Options.of(context).cancelledBy(() -> cancelled || closed));
        } catch (Throwable e) {
            adapters.close();
            throw e;
        }
        this.generator = new Generator(
                inference,
                gemma.kernels(),
                gemma.tokenizer(),
                gemma.checkpoint().config().vocabSize(),
                gemma.checkpoint().generation().suppressTokens());
    }

    /**
     * Continues {@code prompt} exactly as it is.
     *
     * @param sink takes events on this thread as they happen
     * @throws IllegalArgumentException if the prompt is empty or longer than the context, or an id is outside the vocabulary
     * @throws IllegalStateException if the session is closed or in use by another thread
     */
    public GenerationResult generate(int[] prompt, GenerationOptions options, Consumer<GenerationEvent> sink) {
        return generate(prompt, options, textEnds(), TokenConstraint.NONE, sink);
    }

    /** Continues a text after {@code <bos>}; special tokens in it are recognised, no template is applied. */
    public GenerationResult generate(String prompt, GenerationOptions options, Consumer<GenerationEvent> sink) {
        return generate(gemma.tokenizer().encode(prompt, Specials.WITH), options, sink);
    }

    /** As {@link #generate(int[], GenerationOptions, Consumer)}, with other end tokens and a constraint on what may come. */
    public GenerationResult generate(
            int[] prompt,
            GenerationOptions options,
            EndTokens ends,
            TokenConstraint constraint,
            Consumer<GenerationEvent> sink) {
        return exclusively(() -> {
            cancelled = false;
            return generator.generate(prompt, options, ends, constraint, sink);
        });
    }

    /** The tokens that end a text: the model's own. */
    private EndTokens textEnds() {
        return new EndTokens(Set.copyOf(gemma.checkpoint().generation().eosTokenIds()), Set.of());
    }

    private <T> T exclusively(Supplier<T> work) {
        if (!inUse.tryLock()) {
            throw new IllegalStateException(
                    closed
                            ? "this session is closed"
                            : "this session is in use by another thread; open one session for each");
        }
        try {
            if (closed) {
                throw new IllegalStateException("this session is closed");
            }
            return work.get();
        } finally {
            inUse.unlock();
        }
    }

    /** Ends the running generation soon, with what has been generated; without one nothing happens. From any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** Most tokens of prompt and answer together. */
    public int contextLength() {
        return inference.options().contextLength();
    }

    /** How many tokens the session holds now. */
    public int position() {
        return inference.position();
    }

    /** What users should know about the adapters' files, a line each. */
    public List<String> warnings() {
        return adapters.warnings();
    }

    /** Frees cache and adapters, after ending a running generation. A second close is harmless. */
    @Override
    public void close() {
        closed = true;
        if (inUse.isHeldByCurrentThread()) {
            throw new IllegalStateException("a session cannot be closed by its own generation; cancel it instead");
        }
        inUse.lock();
        try {
            inference.close();
            adapters.close();
        } finally {
            inUse.unlock();
        }
        gemma.forget(this);
    }
}
