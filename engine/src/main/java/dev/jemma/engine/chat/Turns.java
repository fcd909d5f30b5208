package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Rewrites conversations into forms that more templates take. Inputs are never changed. */
final class Turns {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Turns() {}

    /** Whether {@code role} is the model's own. */
    static boolean isAssistant(String role) {
        return role.equals("assistant") || role.equals("model");
    }

    private static boolean isSystem(String role) {
        return role.equals("system") || role.equals("developer");
    }

    static String role(JsonNode message) {
        return message.path("role").asString("");
    }

    /** Calls whose arguments are JSON in a string, as OpenAI's data have them, get the object that templates expect. */
    static ArrayNode parseArguments(ArrayNode messages) {
        ArrayNode out = JsonNodeFactory.instance.arrayNode();
        for (JsonNode message : messages) {
            if (!message.path("tool_calls").isArray()) {
                out.add(message);
                continue;
            }
            ObjectNode copy = (ObjectNode) message.deepCopy();
            for (JsonNode call : copy.get("tool_calls")) {
                JsonNode function = call.has("function") ? call.get("function") : call;
                if (function instanceof ObjectNode object
                        && object.path("arguments").isString()) {
                    object.set("arguments", parse(object.get("arguments").stringValue()));
                }
            }
            out.add(copy);
        }
        return out;
    }

    private static JsonNode parse(String text) {
        try {
            JsonNode parsed = JSON.readTree(text.isBlank() ? "{}" : text);
            if (parsed.isObject()) {
                return parsed;
            }
        } catch (JacksonException e) {
            // The message below says what is wrong with the text as a whole.
        }
        throw new IllegalArgumentException("a call's arguments are the text '" + text + "', wanted a JSON object");
    }

    /**
     * Tools as text, for a template that knows none: declarations at the end of the system turn, calls in the assistant's content, results as content of tool
     * turns.
     *
     * @param structure marks the format's own tags in text that does not come from the assistant
     */
    static ArrayNode writeTools(
            ArrayNode messages, JsonNode tools, ToolCallFormat format, UnaryOperator<String> structure) {
        if (!speaksOfTools(messages, tools)) {
            return messages; // whatever tool turns there are hold text as the row's author wants it
        }
        ArrayNode out = JsonNodeFactory.instance.arrayNode();
        int first = 0;
        if (!tools.isEmpty()) {
            String declared = structure.apply(format.declare(specs(tools)));
            boolean system = !messages.isEmpty() && isSystem(role(messages.get(0)));
            String before = system ? text(messages.get(0)).strip() : "";
            out.addObject()
                    .put("role", system ? role(messages.get(0)) : "system")
                    .put("content", before.isEmpty() ? declared : before + "\n\n" + declared);
            first = system ? 1 : 0;
        }
        List<String> called = List.of();
        int answered = 0;
        for (JsonNode message : List.copyOf(messages.values()).subList(first, messages.size())) {
            if (isAssistant(role(message)) && !message.path("tool_calls").isEmpty()) {
                List<ToolCall> calls = calls(message.get("tool_calls"));
                called = calls.stream().map(ToolCall::name).toList();
                answered = 0;
                String said = text(message).strip();
                String written = format.write(calls);
                out.addObject()
                        .put("role", role(message))
                        .put("content", said.isEmpty() ? written : said + "\n" + written);
            } else if (role(message).equals("tool")) {
                String name = message.path("name").asString(answered < called.size() ? called.get(answered) : "");
                answered++;
                out.addObject()
                        .put("role", "tool")
                        .put("content", structure.apply(format.writeResult(name, result(message))));
            } else {
                out.add(message);
            }
        }
        return out;
    }

    /** Whether there are declarations or calls that have to be written; the Agents Course's rows hold both as text. */
    static boolean speaksOfTools(ArrayNode messages, JsonNode tools) {
        return !tools.isEmpty()
                || messages.valueStream()
                        .anyMatch(message -> !message.path("tool_calls").isEmpty());
    }

    /** A tool's result: JSON where its text is JSON. */
    private static JsonNode result(JsonNode message) {
        JsonNode content = message.path("content");
        if (!content.isString()) {
            return content;
        }
        try {
            JsonNode parsed = JSON.readTree(content.stringValue());
            return parsed.isContainer() || parsed.isNumber() || parsed.isBoolean() ? parsed : content;
        } catch (JacksonException e) {
            return content;
        }
    }

    static List<ToolSpec> specs(JsonNode tools) {
        List<ToolSpec> specs = new ArrayList<>();
        for (JsonNode tool : tools) {
            JsonNode function = tool.has("function") ? tool.get("function") : tool;
            JsonNode parameters = function.path("parameters");
            specs.add(new ToolSpec(
                    function.path("name").asString(""),
                    function.path("description").asString(""),
                    parameters instanceof ObjectNode object ? object : emptySchema()));
        }
        return specs;
    }

    private static ObjectNode emptySchema() {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        schema.put("type", "object");
        schema.putObject("properties");
        return schema;
    }

    private static List<ToolCall> calls(JsonNode toolCalls) {
        List<ToolCall> calls = new ArrayList<>();
        for (JsonNode call : toolCalls) {
            JsonNode function = call.has("function") ? call.get("function") : call;
            calls.add(new ToolCall(
                    function.path("name").asString(""),
                    function.path("arguments") instanceof ObjectNode object
                            ? object
                            : JsonNodeFactory.instance.objectNode()));
        }
        return calls;
    }

    /** A message's text: its content, or the texts of its content's parts, joined. */
    static String text(JsonNode message) {
        JsonNode content = message.path("content");
        if (content.isString()) {
            return content.stringValue();
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            text.append(part.path("text").asString(""));
        }
        return text.toString();
    }

    /**
     * The folding rule, for templates that only know users and assistants in strict alternation: a leading system turn goes before the first user's text, with a blank
     * line between; a tool's turn becomes a user's; neighbouring turns of one side become one, with a line break between.
     */
    static ArrayNode fold(ArrayNode messages) {
        ArrayNode out = JsonNodeFactory.instance.arrayNode();
        String system = "";
        String lastRole = "";
        StringBuilder content = new StringBuilder();
        for (JsonNode message : messages) {
            String role = isAssistant(role(message)) ? "assistant" : "user";
            String text = text(message).strip();
            if (isSystem(role(message)) && lastRole.isEmpty()) {
                system = system.isEmpty() ? text : system + "\n\n" + text;
                continue;
            }
            if (!role.equals(lastRole)) {
                flush(out, lastRole, content);
                if (role.equals("user") && !system.isEmpty()) {
                    content.append(system).append("\n\n");
                    system = "";
                }
            } else {
                content.append('\n');
            }
            content.append(text);
            lastRole = role;
        }
        if (!system.isEmpty()) {
            flush(out, lastRole, content);
            content.append(system);
            lastRole = "user";
        }
        flush(out, lastRole, content);
        return out;
    }

    private static void flush(ArrayNode out, String role, StringBuilder content) {
        if (!role.isEmpty()) {
            out.addObject().put("role", role).put("content", content.toString());
        }
        content.setLength(0);
    }
}
