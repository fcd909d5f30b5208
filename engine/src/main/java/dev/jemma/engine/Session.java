package dev.jemma.engine;

import dev.jemma.engine.api.EndTokens;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.constraint.TokenConstraint;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.generate.Generator;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.toolcall.CallEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One conversation with a {@link Gemma}: its cached keys and values, and its adapters. A prompt that begins like the
 * last prompt and answer is only read from where it differs.
 *
 * <p>Used by one thread at a time (a second one is refused), cancelled and closed from any.
 */
public final class Session implements AutoCloseable {
    private final Gemma gemma;
    private final List<Path> adapterFolders;
    private final AdapterSet adapters;
    private final Inference inference;
    private final Generator generator;
    private final ReentrantLock inUse = new ReentrantLock();
    /** Read when first needed: a session may only ever see token ids. */
    private Optional<ChatFormat> chatFormat = Optional.empty();

    private volatile boolean cancelled;
    private volatile boolean closed;

    Session(Gemma gemma, SessionOptions options) throws IOException {
        this.gemma = gemma;
        this.adapterFolders = options.adapters();
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
                gemma.tokenizerIfAny(),
                gemma.checkpoint().config().vocabSize(),
                gemma.checkpoint().generation().suppressTokens());
    }

    /**
     * Continues {@code prompt} exactly as it is.
     *
     * @param sink takes events on this thread as they happen
     * @throws IllegalArgumentException if the prompt is empty or longer than the context, or an id is outside the
     *     vocabulary
     * @throws IllegalStateException if the session is closed or in use by another thread
     */
    public GenerationResult generate(int[] prompt, GenerationOptions options, Consumer<GenerationEvent> sink) {
        return generate(prompt, options, textEnds(), TokenConstraint.NONE, sink);
    }

    /** Continues a text after {@code <bos>}; special tokens in it are recognised, no template is applied. */
    public GenerationResult generate(String prompt, GenerationOptions options, Consumer<GenerationEvent> sink) {
        return generate(gemma.tokenizer().encode(prompt, Specials.WITH), options, sink);
    }

    /**
     * Answers a conversation: the template is applied, and the answer ends with the turn.
     *
     * @param sink takes events on this thread as they happen
     * @return the answer; finished with {@link FinishReason#TOOL_CALL} if it calls tools
     * @throws dev.jemma.engine.api.TemplateException if the template refuses the conversation, folded too
     * @throws IllegalArgumentException if there are tools or calls that the template would leave out
     */
    public Completion generate(Conversation conversation, GenerationOptions options, Consumer<GenerationEvent> sink) {
        return answer(conversation, options, TokenConstraint.NONE, sink, calls -> {});
    }

    /**
     * Answers a conversation as {@link #generate(Conversation, GenerationOptions, Consumer)} does, and tells of text
     * and calls as they become certain.
     *
     * @param sink takes text and calls on this thread
     */
    public Completion chat(Conversation conversation, GenerationOptions options, Consumer<CallEvent> sink) {
        return chat(conversation, options, TokenConstraint.NONE, sink);
    }

    /**
     * As {@link #chat(Conversation, GenerationOptions, Consumer)}, with a constraint on what may come; it follows this
     * answer only.
     */
    public Completion chat(
            Conversation conversation,
            GenerationOptions options,
            TokenConstraint constraint,
            Consumer<CallEvent> sink) {
        return answer(conversation, options, constraint, event -> {}, sink);
    }

    private Completion answer(
            Conversation conversation,
            GenerationOptions options,
            TokenConstraint constraint,
            Consumer<GenerationEvent> sink,
            Consumer<CallEvent> calls) {
        return exclusively(() -> {
            ChatFormat format = chatFormat();
            Prompt prompt = format.prompt(conversation);
            var turn = new Turn(format.tools().format(), gemma.tokenizer(), sink, calls);
            GenerationResult result = run(
                    gemma.tokenizer().encode(prompt.spans()),
                    turn.stopping(options),
                    turn.ends(gemma.checkpoint().generation().eosTokenIds()),
                    constraint,
                    turn);
            return turn.completion(prompt, result);
        });
    }

    /**
     * How this session writes conversations.
     *
     * @throws FormatException if a template or jemma.json is malformed, or the model has no tokenizer
     */
    public synchronized ChatFormat chatFormat() {
        if (chatFormat.isEmpty()) {
            chatFormat = Optional.of(gemma.chatFormat(adapterFolders));
        }
        return chatFormat.get();
    }

    /**
     * As {@link #generate(int[], GenerationOptions, Consumer)}, with other end tokens and a constraint on what may
     * come.
     */
    public GenerationResult generate(
            int[] prompt,
            GenerationOptions options,
            EndTokens ends,
            TokenConstraint constraint,
            Consumer<GenerationEvent> sink) {
        return exclusively(() -> run(prompt, options, ends, constraint, sink));
    }

    private GenerationResult run(
            int[] prompt,
            GenerationOptions options,
            EndTokens ends,
            TokenConstraint constraint,
            Consumer<GenerationEvent> sink) {
        cancelled = false;
        return generator.generate(prompt, options, ends, constraint, sink);
    }

    /** The tokens that end a text: the model's own. */
    private EndTokens textEnds() {
        return new EndTokens(Set.copyOf(gemma.checkpoint().generation().eosTokenIds()), Set.of());
    }

    private <T> T exclusively(Supplier<T> work) {
        if (inUse.isHeldByCurrentThread()) {
            throw new IllegalStateException("this session is generating; it cannot begin another answer from within");
        }
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
