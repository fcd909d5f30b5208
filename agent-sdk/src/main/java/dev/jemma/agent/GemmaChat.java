package dev.jemma.agent;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.generate.CallConstraint;
import dev.jemma.engine.generate.TokenConstraint;
import dev.jemma.engine.generate.TokenTexts;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.HermesFormat;
import dev.jemma.engine.toolcall.JsonText;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Gemma as the model of an agent: conversations through its chat template, in a session of its own that keeps what it has read. Closing it closes the session; the Gemma is borrowed.
 *
 * <p>With {@link Decoding#GRAMMAR} a call can only be written so that it binds: the tool exists and its arguments are of the parameters' types (what a record's constructor demands beyond that, no grammar
 * knows).
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
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        request.messages().forEach(message -> messages.add(json(message)));
        ArrayNode tools = JsonNodeFactory.instance.arrayNode();
        request.tools().forEach(tool -> tools.add(tool.spec().toJson()));
        Cancellation cancellation = request.cancellation();
        try (var registration = cancellation.onCancel(session::cancel)) {
            dev.jemma.engine.Reply reply =
                    session.chat(messages, tools, options, constraint(request.tools()), event -> {
                        if (cancellation.isCancelled()) {
                            session.cancel(); // a cancellation from before the session began is not heard by it
                        }
                        sink.accept(event);
                    });
            GenerationResult result = reply.result();
            Usage usage = new Usage(result.promptTokens(), result.ids().size());
            return new Reply(reply.content(), finish(result.finishReason()), usage);
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

    /** A message as chat templates know it. */
    static ObjectNode json(Message message) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        switch (message) {
            case Message.System system -> json.put("role", "system").put("content", system.text());
            case Message.User user -> json.put("role", "user").put("content", user.text());
            case Message.Assistant assistant -> {
                json.put("role", "assistant").put("content", assistant.text());
                if (!assistant.calls().isEmpty()) {
                    ArrayNode calls = json.putArray("tool_calls");
                    assistant.calls().forEach(call -> call(call, calls.addObject()));
                }
            }
            case Message.ToolResult result ->
                json.put("role", "tool")
                        .put("tool_call_id", result.id())
                        .put("name", result.tool())
                        .put("content", text(result.content()));
        }
        return json;
    }

    private static void call(Message.IssuedCall issued, ObjectNode json) {
        json.put("id", issued.id()).put("type", "function");
        ObjectNode function = json.putObject("function");
        function.put("name", issued.call().name());
        function.set("arguments", issued.call().arguments());
    }

    /** Templates want a result's content as text: a string is its own, everything else JSON. */
    private static String text(JsonNode content) {
        return content.isString() ? content.stringValue() : JsonText.of(content);
    }

    /** Closes the session. */
    @Override
    public void close() {
        session.close();
    }
}
