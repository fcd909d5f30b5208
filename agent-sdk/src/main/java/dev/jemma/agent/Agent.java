package dev.jemma.agent;

import dev.jemma.agent.bind.ToolMethod;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.toolcall.JsonText;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * A language model with tools: answers questions by calling Java methods, and remembers the conversation.
 *
 * {@snippet :
 * record Warmest(String room, double celsius) {}
 * try (var gemma = Gemma.open(folder); var agent = Agent.with(gemma).tools(new Home()).build()) {
 *     Warmest w = agent.ask("Which room is warmest?", Warmest.class);
 * }
 * }
 *
 * <p>One question at a time, from any thread; a second is refused while one is being answered. {@link #cancel} may come
 * from any thread. A question that ends with an exception leaves the conversation as it was. What goes wrong meanwhile
 * is handled by {@link Policies}.
 */
public final class Agent implements AutoCloseable {
    /** Characters of an answer in a message. */
    private static final int MOST_SHOWN = 100;

    private final AgentSettings settings;
    private final Optional<Message.System> system;
    private final Deque<List<Message>> turns = new ArrayDeque<>();
    private final AtomicBoolean busy = new AtomicBoolean();
    private volatile Optional<Cancellation> current = Optional.empty();
    private volatile boolean closed;
    private final Object closing = new Object();
    private boolean modelClosed;
    private long calls;

    private Agent(AgentSettings settings, Optional<Message.System> system) {
        this.settings = settings;
        this.system = system;
    }

    /** Begins an agent; it closes the model when it is closed. */
    public static Builder with(LanguageModel model) {
        return new Builder(model);
    }

    /**
     * Begins an agent that talks to a Gemma in a session of its own; see {@link GemmaChat} for its options. The Gemma
     * is borrowed.
     */
    public static Builder with(Gemma gemma) {
        return with(GemmaChat.of(gemma));
    }

    /** The same with an adapter: a folder that {@code jemma train} or PEFT has written. */
    public static Builder with(Gemma gemma, Path adapter) {
        return with(GemmaChat.of(gemma, SessionOptions.DEFAULTS.withAdapter(adapter)));
    }

    /**
     * Asks, and waits for the answer.
     *
     * @throws java.util.concurrent.CancellationException if it was cancelled, or the thread interrupted
     * @throws AgentException by policy
     */
    public Answer ask(String question) {
        Objects.requireNonNull(question, "question");
        return exclusively(question, each -> {
            Answer answer = each.ask(question);
            return new Outcome<>(answer, answer);
        });
    }

    /**
     * Asks for an answer of a type: a record, or whatever else a tool can take. The model is told the type's JSON
     * Schema, and asked again with the mistake if its answer does not bind.
     *
     * @throws AgentException if it still does not, and by policy
     * @throws IllegalArgumentException if the type cannot be bound
     */
    public <T> T ask(String question, Class<T> type) {
        Objects.requireNonNull(question, "question");
        if (type == String.class) {
            return type.cast(ask(question).text());
        }
        AnswerType wanted = new AnswerType(type);
        Object value = exclusively(question, each -> {
            Answer answer = each.ask(question + "\n\n" + wanted.instruction());
            for (int retries = settings.limits().answerRetries(); ; retries--) {
                switch (wanted.read(answer.text())) {
                    case AnswerType.Read.Value read -> {
                        return new Outcome<>(answer, read.value());
                    }
                    case AnswerType.Read.Problem problem -> {
                        settings.listener().accept(new AgentEvent.AnswerRejected(answer.text(), problem.message()));
                        if (retries == 0 || answer.status() != Answer.Status.COMPLETE) {
                            throw each.transcript()
                                    .exception(
                                            AgentException.Reason.ANSWER,
                                            "the answer is no " + type.getSimpleName() + ": " + problem.message()
                                                    + "; it is " + described(answer));
                        }
                        answer = each.ask("That cannot be used: " + problem.message() + ". " + wanted.instruction());
                    }
                }
            }
        });
        @SuppressWarnings("unchecked") // the value was bound to this very class, boxed if it is primitive
        T bound = (T) value;
        return bound;
    }

    /** An answer as a message shows it. */
    private static String described(Answer answer) {
        int end = Math.min(answer.text().length(), MOST_SHOWN);
        end -= end > 0 && Character.isHighSurrogate(answer.text().charAt(end - 1)) ? 1 : 0;
        String begin = answer.text().substring(0, end) + (end < answer.text().length() ? "..." : "");
        String text = JsonText.of(JsonNodeFactory.instance.stringNode(begin));
        return switch (answer.status()) {
            case COMPLETE -> text;
            case LIMIT -> text + " (a limit was reached; see Limits)";
            case CUT_OFF -> text + " (cut off; allow more new tokens or a longer context)";
            case REFUSED -> text + " (the model refused)";
        };
    }

    /** The last answer of the model, and what was made of it. */
    private record Outcome<T>(Answer answer, T value) {}

    @FunctionalInterface
    private interface Asking<T> {
        Outcome<T> with(Question question);
    }

    private <T> T exclusively(String text, Asking<T> asking) {
        if (closed) {
            throw new IllegalStateException("the agent is closed");
        }
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("the agent is answering another question; one at a time");
        }
        try {
            Cancellation cancellation = new Cancellation();
            current = Optional.of(cancellation);
            Question question = new Question(settings, conversation(), () -> "call_" + ++calls, cancellation);
            settings.listener().accept(new AgentEvent.Asked(text));
            Outcome<T> outcome = asking.with(question);
            remember(question.messages());
            settings.listener().accept(new AgentEvent.Answered(outcome.answer()));
            return outcome.value();
        } finally {
            current = Optional.empty();
            busy.set(false);
        }
    }

    private synchronized void remember(List<Message> turn) {
        turns.addLast(turn);
        while (turns.size() > settings.limits().rememberedTurns()) {
            turns.removeFirst();
        }
    }

    /** Stops the question that is being answered, if one is; its {@link #ask} throws. From any thread. */
    public void cancel() {
        current.ifPresent(Cancellation::cancel);
    }

    /** Forgets the conversation. */
    public synchronized void reset() {
        turns.clear();
    }

    /** The system text and the conversation so far, oldest first. */
    public synchronized List<Message> conversation() {
        List<Message> messages = new ArrayList<>();
        system.ifPresent(messages::add);
        turns.forEach(messages::addAll);
        return List.copyOf(messages);
    }

    /**
     * Cancels what runs, and closes the model. A second time does nothing, unless closing the model failed: it is tried
     * again.
     *
     * @throws IllegalStateException if a Gemma's turn is being written on this very thread, that is from a listener:
     *     cancel instead
     */
    @Override
    public void close() {
        closed = true;
        cancel();
        synchronized (closing) {
            if (!modelClosed) {
                settings.model().close();
                modelClosed = true;
            }
        }
    }

    /** What an agent is made of. Every part but the model has a default. */
    public static final class Builder {
        private final LanguageModel model;
        private Toolbox toolbox = Toolbox.EMPTY;
        private Optional<Message.System> system = Optional.empty();
        private Limits limits = Limits.DEFAULT;
        private Policies policies = Policies.DEFAULT;
        private Optional<Approval> approval = Optional.empty();
        private ToolOrder order = ToolOrder.SEQUENTIAL;
        private Consumer<AgentEvent> listener = event -> {};

        private Builder(LanguageModel model) {
            this.model = Objects.requireNonNull(model, "model");
        }

        /** Adds the {@link Tool} methods of these objects. */
        public Builder tools(Object... objects) {
            toolbox = toolbox.with(objects);
            return this;
        }

        /** The tools, in place of those so far. */
        public Builder toolbox(Toolbox value) {
            toolbox = Objects.requireNonNull(value, "toolbox");
            return this;
        }

        /** What the model is told before everything else. */
        public Builder system(String text) {
            system = Optional.of(new Message.System(text));
            return this;
        }

        /** How far a question may go. */
        public Builder limits(Limits value) {
            limits = Objects.requireNonNull(value, "limits");
            return this;
        }

        /** What to do about what goes wrong. */
        public Builder policies(Policies value) {
            policies = Objects.requireNonNull(value, "policies");
            return this;
        }

        /**
         * Asked before every call; without one, everything may run, and destructive tools are refused by
         * {@link #build}.
         */
        public Builder approval(Approval value) {
            approval = Optional.of(value);
            return this;
        }

        /** How the calls of one turn run. */
        public Builder order(ToolOrder value) {
            order = Objects.requireNonNull(value, "order");
            return this;
        }

        /** Told what happens, as it happens. */
        public Builder onEvent(Consumer<AgentEvent> value) {
            listener = Objects.requireNonNull(value, "listener");
            return this;
        }

        /**
         * The agent.
         *
         * @throws IllegalArgumentException if a tool is destructive and nothing approves of calls
         */
        public Agent build() {
            String destructive = toolbox.binder().tools().stream()
                    .filter(tool -> tool.effect() == Tool.Effect.DESTRUCTIVE)
                    .map(ToolMethod::name)
                    .collect(Collectors.joining(", "));
            if (!destructive.isEmpty() && approval.isEmpty()) {
                throw new IllegalArgumentException("destructive tools need an approval: " + destructive
                        + "; call approval(...), with Approval.ALLOW_ALL if they really may run unasked");
            }
            List<OfferedTool> offered = toolbox.binder().tools().stream()
                    .map(tool -> new OfferedTool(tool.spec(), tool.exactSpec()))
                    .toList();
            AgentSettings settings = new AgentSettings(
                    model,
                    toolbox.binder(),
                    offered,
                    limits,
                    policies,
                    approval.orElse(Approval.ALLOW_ALL),
                    order,
                    listener);
            return new Agent(settings, system);
        }
    }
}
