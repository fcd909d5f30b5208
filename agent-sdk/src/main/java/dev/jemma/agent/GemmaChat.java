package dev.jemma.agent;

import dev.jemma.engine.Completion;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.constraint.CallConstraint;
import dev.jemma.engine.constraint.TokenConstraint;
import dev.jemma.engine.constraint.TokenTexts;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.HermesFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A Gemma as the model of an agent: conversations through its chat template, in a session of its own that keeps what it
 * has read. Closing it closes the session; the Gemma is borrowed.
 *
 * <p>With {@link Decoding#GRAMMAR} a call can only be written so that it binds: the tool exists and its arguments are
 * of the parameters' types (what a record's constructor demands beyond that, no grammar knows).
 */
public final class GemmaChat implements LanguageModel {
    /** Room for an answer with a thought and some calls. */
    private static final int NEW_TOKENS = 1024;

    /** What may be generated. */
    public enum Decoding {
        /** Whatever the model likes best. */
        FREE,
        /** Inside of calls, only what leads to a well-typed call; for models that write the Hermes form. */
        GRAMMAR
    }

    private final Gemma gemma;
    private final Session session;
    private final GenerationOptions options;
    private final Decoding decoding;
    private Optional<TokenTexts> tokens = Optional.empty();
    private Optional<Grammar> grammar = Optional.empty();

    /** What was made of a list of tools, to be used again. */
    private record Grammar(List<ToolSpec> tools, CallConstraint.Calls calls) {}

    /**
     * Opens a session.
     *
     * @param gemma borrowed
     * @param sessionOptions adapters and context
     * @param options how answers are sampled, and how long they may be
     * @throws IllegalArgumentException if calls of this model's format cannot be decoded by a grammar
     */
    public GemmaChat(Gemma gemma, SessionOptions sessionOptions, GenerationOptions options, Decoding decoding) {
        this.gemma = Objects.requireNonNull(gemma, "gemma");
        this.options = Objects.requireNonNull(options, "options");
        this.decoding = Objects.requireNonNull(decoding, "decoding");
        this.session = gemma.session(sessionOptions);
        if (decoding == Decoding.GRAMMAR && !(session.chatFormat().tools().format() instanceof HermesFormat)) {
            String format = session.chatFormat().tools().format().name();
            session.close();
            throw new IllegalArgumentException(
                    "this model writes calls in the " + format + " form; decoding by a grammar needs hermes");
        }
    }

    /** A session without adapters, sampled as the model's makers want it, decoded freely. */
    public static GemmaChat of(Gemma gemma) {
        return of(gemma, SessionOptions.DEFAULTS);
    }

    /** A session with these adapters and context, otherwise the same. */
    public static GemmaChat of(Gemma gemma, SessionOptions sessionOptions) {
        return new GemmaChat(
                gemma, sessionOptions, gemma.generationDefaults().withMaxNewTokens(NEW_TOKENS), Decoding.FREE);
    }

    @Override
    public Reply generate(Request request, Consumer<CallEvent> sink) {
        Conversation conversation = Conversation.of(
                request.messages(),
                request.tools().stream().map(OfferedTool::spec).toList());
        Cancellation cancellation = request.cancellation();
        try (var registration = cancellation.onCancel(session::cancel)) {
            Completion completion = session.chat(conversation, options, constraint(request.tools()), event -> {
                if (cancellation.isCancelled()) {
                    session.cancel(); // a cancellation from before the session began is not heard by it
                }
                sink.accept(event);
            });
            GenerationResult result = completion.result();
            Usage usage = new Usage(result.promptTokens(), result.ids().size());
            return new Reply(completion.content(), finish(result.finishReason()), usage);
        }
    }

    private TokenConstraint constraint(List<OfferedTool> tools) {
        if (decoding == Decoding.FREE || tools.isEmpty()) {
            return TokenConstraint.NONE;
        }
        List<ToolSpec> exact = tools.stream().map(OfferedTool::exact).toList();
        if (grammar.isEmpty() || !grammar.get().tools().equals(exact)) {
            if (tokens.isEmpty()) {
                tokens = Optional.of(TokenTexts.of(gemma.tokenizer()));
            }
            grammar = Optional.of(new Grammar(exact, new CallConstraint.Calls(exact, tokens.get())));
        }
        return new CallConstraint(grammar.get().calls(), CallConstraint.Choice.FREE);
    }

    private static Finish finish(FinishReason reason) {
        return switch (reason) {
            case STOP -> Finish.STOP;
            case TOOL_CALL -> Finish.TOOL_CALL;
            case LENGTH -> Finish.LENGTH;
            case CONTEXT -> Finish.CONTEXT;
            case CANCELLED -> Finish.CANCELLED;
        };
    }

    /** Closes the session. */
    @Override
    public void close() {
        session.close();
    }
}
