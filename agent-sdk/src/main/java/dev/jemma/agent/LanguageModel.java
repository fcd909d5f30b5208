package dev.jemma.agent;

import dev.jemma.engine.chat.Message;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.ParsedReply;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Whatever continues a conversation: a Gemma, a scripted fake, a remote service. One method, so that a lambda will do.
 * Used by one thread at a time; {@link Cancellation} may come from any.
 */
@FunctionalInterface
public interface LanguageModel extends AutoCloseable {
    /**
     * Generates the model's next turn.
     *
     * @param sink gets the turn piece by piece while it is generated; a model that cannot stream need not call it
     * @return the whole turn
     */
    Reply generate(Request request, Consumer<CallEvent> sink);

    /** Frees what the model holds; an agent calls it when it is closed. */
    @Override
    default void close() {}

    /**
     * What to continue.
     *
     * @param messages the conversation, oldest first
     * @param tools what may be called now; empty if nothing may
     * @param cancellation says when to stop early, with {@link Finish#CANCELLED}
     */
    record Request(List<Message> messages, List<OfferedTool> tools, Cancellation cancellation) {
        public Request {
            messages = List.copyOf(messages);
            tools = List.copyOf(tools);
            Objects.requireNonNull(cancellation, "cancellation");
        }
    }

    /**
     * A turn.
     *
     * @param content text and calls in order
     * @param finish why it ended; calls are run only after {@link Finish#STOP} and {@link Finish#TOOL_CALL}
     * @param usage what it took
     */
    record Reply(ParsedReply content, Finish finish, Usage usage) {
        public Reply {
            Objects.requireNonNull(content, "content");
            Objects.requireNonNull(finish, "finish");
            Objects.requireNonNull(usage, "usage");
        }
    }

    /** Tokens read and written. */
    record Usage(long promptTokens, long completionTokens) {
        /** None. */
        public static final Usage NONE = new Usage(0, 0);

        /** Both. */
        public Usage plus(Usage other) {
            return new Usage(promptTokens + other.promptTokens, completionTokens + other.completionTokens);
        }
    }

    /** Why a turn ended. */
    enum Finish {
        /** The model ended it. */
        STOP,
        /** The model ended it to wait for results. */
        TOOL_CALL,
        /** The limit of new tokens. */
        LENGTH,
        /** The context is full. */
        CONTEXT,
        /** Cancelled. */
        CANCELLED,
        /** The service refused to go on. */
        REFUSED;

        /** Whether the model said all it wanted to say. */
        public boolean isWhole() {
            return this == STOP || this == TOOL_CALL;
        }
    }
}
