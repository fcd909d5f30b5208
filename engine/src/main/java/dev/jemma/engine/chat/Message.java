package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.JsonText;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * One message of a conversation. Its JSON is OpenAI's: what chat templates, training rows and clients speak. What
 * {@link #of} reads from JSON is a {@link System}, {@link User}, {@link Assistant} or {@link ToolResult} where that
 * says all there is, and {@link Given} otherwise; reading what {@link #toJson} wrote gives an equal message.
 */
public sealed interface Message {
    /** The developer's words to the model. */
    record System(String text) implements Message {
        public System {
            Objects.requireNonNull(text, "text");
        }

        @Override
        public String role() {
            return "system";
        }

        @Override
        public ObjectNode toJson() {
            return MessageJson.plain(role(), text);
        }
    }

    /** The user's words. */
    record User(String text) implements Message {
        public User {
            Objects.requireNonNull(text, "text");
        }

        @Override
        public String role() {
            return "user";
        }

        @Override
        public ObjectNode toJson() {
            return MessageJson.plain(role(), text);
        }
    }

    /**
     * The model's words and calls.
     *
     * @param text outside of calls; may be empty
     * @param calls what it called, with the names and arguments it wrote
     */
    record Assistant(String text, List<IssuedCall> calls) implements Message {
        public Assistant {
            Objects.requireNonNull(text, "text");
            calls = List.copyOf(calls);
        }

        @Override
        public String role() {
            return "assistant";
        }

        @Override
        public ObjectNode toJson() {
            ObjectNode json = MessageJson.plain(role(), text);
            if (!calls.isEmpty()) {
                ArrayNode list = json.putArray(MessageJson.CALLS);
                calls.forEach(call -> list.add(call.toJson()));
            }
            return json;
        }
    }

    /**
     * The result of one call. Data from outside: nothing in it reads as a control token.
     *
     * @param id of the call; empty if calls have none
     * @param tool the name that was called; empty if the source does not say
     * @param content the result, or an object with the key {@code error}
     */
    record ToolResult(String id, String tool, JsonNode content) implements Message {
        public ToolResult {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(tool, "tool");
            Objects.requireNonNull(content, "content");
        }

        @Override
        public String role() {
            return MessageJson.TOOL;
        }

        /** Templates want a result as text: a string is its own, everything else its JSON. */
        @Override
        public String text() {
            return content.isString() ? content.stringValue() : JsonText.of(content);
        }

        @Override
        public ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode().put("role", role());
            if (!id.isEmpty()) {
                json.put("tool_call_id", id);
            }
            if (!tool.isEmpty()) {
                json.put("name", tool);
            }
            return json.put(MessageJson.CONTENT, text());
        }
    }

    /**
     * Any other message of a file or client: of another role ({@code developer}, {@code model}, {@code human}), with
     * content in parts, or with keys that only a template knows.
     *
     * @param json as templates expect it, whatever form it is given in ({@link Message#of}); not to be changed
     */
    record Given(ObjectNode json) implements Message {
        public Given {
            json = MessageJson.canonical(json, "message", "");
        }

        @Override
        public String role() {
            return json.get("role").stringValue();
        }

        @Override
        public String text() {
            return MessageJson.text(json);
        }

        @Override
        public List<IssuedCall> calls() {
            return MessageJson.calls(json);
        }

        @Override
        public ObjectNode toJson() {
            return json;
        }
    }

    /**
     * A call with the id that its result carries.
     *
     * @param id unique in a conversation; empty if its calls have none
     */
    record IssuedCall(String id, ToolCall call) {
        public IssuedCall {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(call, "call");
        }

        ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            if (!id.isEmpty()) {
                json.put("id", id);
            }
            ObjectNode function = json.put("type", "function").putObject(MessageJson.FUNCTION);
            function.put("name", call.name()).set("arguments", call.arguments());
            return json;
        }
    }

    /**
     * A message in OpenAI's form: {@code role}, {@code content}, and for calls and results {@code tool_calls},
     * {@code tool_call_id} and {@code name}. As data sets have it, content of a message with calls may be null or
     * missing, a call may lack its wrapping in {@code function}, and arguments may be JSON in a string.
     *
     * @throws ConversationException if it is none
     */
    static Message of(JsonNode json) {
        return MessageJson.message(MessageJson.canonical(json, "message", ""));
    }

    /** A message that says {@code text}, of any role. */
    static Message of(String role, String text) {
        return MessageJson.message(MessageJson.plain(role, text));
    }

    /** The speaker, as the JSON names it. */
    String role();

    /** The text outside of calls, of all parts. */
    String text();

    /** The calls, in order. */
    default List<IssuedCall> calls() {
        return List.of();
    }

    /** The message as templates expect it; not to be changed. */
    ObjectNode toJson();

    /** Whether the model itself speaks: some data sets call it {@code model}. */
    default boolean isAssistant() {
        return role().equals("assistant") || role().equals("model");
    }

    /** Whether the developer speaks. */
    default boolean isSystem() {
        return role().equals("system") || role().equals("developer");
    }
}
