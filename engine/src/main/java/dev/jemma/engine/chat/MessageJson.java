package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.io.JsonSource;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The JSON of messages, calls and tool declarations: OpenAI's form with what data sets make of it, brought to the one
 * form that chat templates expect. Nothing else in Jemma knows these forms. Its inputs are never changed.
 */
final class MessageJson {
    static final String CONTENT = "content";
    static final String CALLS = "tool_calls";
    static final String FUNCTION = "function";
    static final String ARGUMENTS = "arguments";

    /** The role of results. */
    static final String TOOL = "tool";

    private MessageJson() {}

    /** A message of a role and a text, nothing else. */
    static ObjectNode plain(String role, String text) {
        return JsonNodeFactory.instance.objectNode().put("role", role).put(CONTENT, text);
    }

    /**
     * A message as templates expect it: {@code role} a string, {@code content} a string or a list of parts, calls
     * wrapped in {@code function} with an object of arguments. ShareGPT's {@code from} and {@code value} are taken too.
     *
     * @param name of the message, for complaints
     * @param pointer to the message, for complaints
     * @throws ConversationException if it is no message
     */
    static ObjectNode canonical(JsonNode given, String name, String pointer) {
        if (!(given instanceof ObjectNode object)) {
            throw complaint(name, pointer, given, "an object with role and content");
        }
        ObjectNode message = copy(object);
        if (!message.has("role") && message.has("from")) {
            message.set("role", shareGptRole(message.remove("from")));
            if (message.has("value")) {
                message.set(CONTENT, message.remove("value"));
            }
        }
        JsonNode role = message.path("role");
        if (!role.isString()) {
            throw complaint(name + ".role", pointer + "/role", role, "a string");
        }
        JsonNode calls = message.path(CALLS);
        if (calls.isNull()) {
            message.remove(CALLS);
        } else if (!calls.isMissingNode()) {
            message.set(CALLS, canonicalCalls(calls, name + "." + CALLS, pointer + "/" + CALLS));
        }
        JsonNode content = message.path(CONTENT);
        if (content.isMissingNode() || content.isNull()) {
            if (message.path(CALLS).isEmpty()) {
                throw complaint(name + "." + CONTENT, pointer + "/" + CONTENT, content, "a string");
            }
            message.put(CONTENT, "");
        } else if (!content.isString() && !content.isContainer()) {
            throw complaint(name + "." + CONTENT, pointer + "/" + CONTENT, content, "a string");
        }
        checkNumbers(message, name, pointer);
        return message;
    }

    /** ShareGPT's names of roles are its own. */
    private static JsonNode shareGptRole(JsonNode from) {
        return switch (from.asString("")) {
            case "human" -> JsonNodeFactory.instance.stringNode("user");
            case "gpt" -> JsonNodeFactory.instance.stringNode("assistant");
            default -> from;
        };
    }

    private static ArrayNode canonicalCalls(JsonNode given, String name, String pointer) {
        if (!given.isArray()) {
            throw complaint(name, pointer, given, "a list of calls");
        }
        ArrayNode calls = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < given.size(); i++) {
            String one = name + "[" + i + "]";
            ObjectNode call = wrapped(given.get(i), one, pointer + "/" + i, "a function with name and arguments");
            ObjectNode function = copy((ObjectNode) call.get(FUNCTION));
            function.set(ARGUMENTS, arguments(function.path(ARGUMENTS), one + "." + ARGUMENTS, pointer + "/" + i));
            call.set(FUNCTION, function);
            calls.add(call);
        }
        return calls;
    }

    /** Arguments are an object, or one as JSON in a string, as OpenAI's API has it; none are an empty one. */
    private static ObjectNode arguments(JsonNode given, String name, String pointer) {
        JsonNode value = given;
        if (given.isString() && !given.stringValue().isBlank()) {
            try {
                value = JsonSource.parse(given.stringValue());
            } catch (JacksonException e) {
                throw complaint(name, pointer, given, "a JSON object");
            }
        }
        boolean none = value.isMissingNode()
                || value.isNull()
                || value.isString() && value.stringValue().isBlank();
        if (none) {
            return JsonNodeFactory.instance.objectNode();
        }
        if (!(value instanceof ObjectNode object)) {
            throw complaint(name, pointer, given, "a JSON object");
        }
        return object;
    }

    /**
     * A tool declaration as templates expect it: {@code {"type": "function", "function": {name, ...}}}, whether the
     * source wraps its declarations or not.
     *
     * @throws ConversationException if it is none
     */
    static ObjectNode canonicalTool(JsonNode given, String name, String pointer) {
        ObjectNode tool = wrapped(given, name, pointer, "a function with a name");
        checkNumbers(tool, name, pointer);
        return tool;
    }

    /** A call or declaration whose name and what belongs to it stand in {@code function}; a copy. */
    private static ObjectNode wrapped(JsonNode given, String name, String pointer, String wanted) {
        if (!(given instanceof ObjectNode object)) {
            throw complaint(name, pointer, given, wanted);
        }
        ObjectNode outer = copy(object);
        if (!object.has(FUNCTION)) {
            ObjectNode function = copy(object);
            outer.removeAll();
            if (function.has("id")) {
                outer.set("id", function.remove("id"));
            }
            JsonNode type = function.has("type") ? function.remove("type") : function.path("type");
            outer.put("type", type.asString(FUNCTION)).set(FUNCTION, function);
        }
        if (!outer.path(FUNCTION).path("name").isString()) {
            throw complaint(name, pointer, given, wanted);
        }
        return outer;
    }

    /**
     * Numbers are exact, but a template computes with doubles: what none can hold would become another value without a
     * word.
     */
    private static void checkNumbers(JsonNode value, String name, String pointer) {
        if (value.isFloatingPointNumber()) {
            if (Double.isInfinite(value.decimalValue().doubleValue())) {
                throw complaint(name, pointer, value, "a number within the range of a double");
            }
        } else if (value.isObject()) {
            value.properties()
                    .forEach(entry -> checkNumbers(
                            entry.getValue(),
                            name + "." + entry.getKey(),
                            pointer + "/" + entry.getKey().replace("~", "~0").replace("/", "~1")));
        } else if (value.isArray()) {
            for (int i = 0; i < value.size(); i++) {
                checkNumbers(value.get(i), name + "[" + i + "]", pointer + "/" + i);
            }
        }
    }

    private static ConversationException complaint(String name, String pointer, JsonNode seen, String wanted) {
        return new ConversationException(pointer, name + " is " + JsonSource.shown(seen) + ", wanted " + wanted);
    }

    /** The same entries in a new object. */
    private static ObjectNode copy(ObjectNode object) {
        ObjectNode copy = JsonNodeFactory.instance.objectNode();
        copy.setAll(object);
        return copy;
    }

    /** The message that a canonical object is: {@link Message.Given} only where another kind would not say it all. */
    static Message message(ObjectNode canonical) {
        JsonNode content = canonical.get(CONTENT);
        if (!content.isString()) {
            return new Message.Given(canonical);
        }
        Message typed = switch (canonical.get("role").stringValue()) {
            case "system" -> new Message.System(content.stringValue());
            case "user" -> new Message.User(content.stringValue());
            case "assistant" -> new Message.Assistant(content.stringValue(), calls(canonical));
            case TOOL ->
                new Message.ToolResult(
                        canonical.path("tool_call_id").asString(""),
                        canonical.path("name").asString(""),
                        content);
            default -> new Message.Given(canonical);
        };
        boolean whole = typed.toJson().toString().equals(canonical.toString());
        return whole ? typed : new Message.Given(canonical);
    }

    /** The calls of a canonical message. */
    static List<Message.IssuedCall> calls(ObjectNode canonical) {
        List<Message.IssuedCall> calls = new ArrayList<>();
        for (JsonNode call : canonical.path(CALLS)) {
            JsonNode function = call.get(FUNCTION);
            calls.add(new Message.IssuedCall(
                    call.path("id").asString(""),
                    new ToolCall(function.get("name").stringValue(), (ObjectNode) function.get(ARGUMENTS))));
        }
        return List.copyOf(calls);
    }

    /** The text of a canonical message: its content, or the texts of its content's parts, joined. */
    static String text(ObjectNode canonical) {
        JsonNode content = canonical.get(CONTENT);
        if (content.isString()) {
            return content.stringValue();
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            text.append(part.path("text").asString(""));
        }
        return text.toString();
    }
}
