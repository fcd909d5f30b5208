package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolCall;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;

/** A piece of a conversation, as a {@link LanguageModel} is given it. */
public sealed interface Message {
    /** What the developer tells the model; trusted. */
    record System(String text) implements Message {
        public System {
            Objects.requireNonNull(text, "text");
        }
    }

    /** What the user says. */
    record User(String text) implements Message {
        public User {
            Objects.requireNonNull(text, "text");
        }
    }

    /**
     * What the model said.
     *
     * @param text outside of calls; may be empty
     * @param calls what it called, with the names and arguments it wrote
     */
    record Assistant(String text, List<IssuedCall> calls) implements Message {
        public Assistant {
            Objects.requireNonNull(text, "text");
            calls = List.copyOf(calls);
        }
    }

    /**
     * What came of one call. Data from outside: a model adapter must render it so that nothing in it reads as a control token.
     *
     * @param id of the call
     * @param tool the name that was called
     * @param content the result, or an object with the key {@code error}
     */
    record ToolResult(String id, String tool, JsonNode content) implements Message {
        public ToolResult {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(tool, "tool");
            Objects.requireNonNull(content, "content");
        }
    }

    /** A call with the id that its result carries; ids are unique in an agent. */
    record IssuedCall(String id, ToolCall call) {}
}
