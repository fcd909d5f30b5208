package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Calls as FunctionGemma writes them: {@code
 * <start_function_call>call:name{key:<escape>text<escape>,n:15}<end_function_call>}. Keys are bare and sorted, strings
 * raw between {@code <escape>} tokens, everything else as in JSON.
 *
 * <p>A string cannot hold its own delimiter. Where data spell one of the format's markers, a space is put after its
 * {@code <}: such data do not survive unchanged, and cannot forge structure. (A reader that goes by tokens has no such
 * limit: there, text that spells a marker is text.) A key that is no plain name is written between delimiters, which
 * readers accept as a {@linkplain Repair#QUOTED_KEY repair}.
 *
 * <p>After its calls the model writes {@code <start_function_response>} and waits; the result continues the same turn.
 *
 * <p>Source: ai.google.dev, "FunctionGemma formatting and best practices"; the order inside declarations is that of
 * Google's newer chat templates (description, enum, items, nullable, properties, required, type).
 */
public final class FunctionGemmaFormat extends ToolCallFormat {
    static final String ESCAPE = "<escape>";

    private static final String TRIGGER = "You are a model that can do function calling with the following functions";
    private static final Comparator<String> KEY_ORDER =
            Comparator.comparing((String key) -> key.toLowerCase(Locale.ROOT)).thenComparing(Comparator.naturalOrder());

    @Override
    public String name() {
        return "functiongemma";
    }

    @Override
    public String opening() {
        return "<start_function_call>";
    }

    @Override
    public String closing() {
        return "<end_function_call>";
    }

    @Override
    public List<String> markers() {
        return List.of(
                "<start_function_declaration>",
                "<end_function_declaration>",
                "<start_function_call>",
                "<end_function_call>",
                "<start_function_response>",
                "<end_function_response>",
                ESCAPE);
    }

    @Override
    public List<String> stops() {
        return List.of("<start_function_response>");
    }

    @Override
    public String separator() {
        return "";
    }

    @Override
    public String declare(List<ToolSpec> tools) {
        return tools.stream().map(this::declare).collect(Collectors.joining("", TRIGGER, ""));
    }

    private String declare(ToolSpec tool) {
        ObjectNode parameters = tool.parameters();
        List<String> parts = new ArrayList<>();
        if (parameters.get("properties") instanceof ObjectNode properties && !properties.isEmpty()) {
            parts.add("properties:" + properties(properties));
        }
        if (parameters.has("required") && !parameters.get("required").isEmpty()) {
            parts.add("required:" + value(parameters.get("required")));
        }
        parts.add("type:" + string("OBJECT"));
        return "<start_function_declaration>declaration:" + plain(tool.name()) + "{description:"
                + string(tool.description()) + ",parameters:{" + String.join(",", parts)
                + "}}<end_function_declaration>";
    }

    private String properties(ObjectNode properties) {
        return properties.propertyNames().stream()
                .sorted(KEY_ORDER)
                .map(name -> key(name) + ":" + schema(properties.get(name)))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private String schema(JsonNode schema) {
        if (!(schema instanceof ObjectNode object)) {
            return value(schema);
        }
        List<String> parts = new ArrayList<>();
        for (String part : List.of("description", "enum", "items", "nullable", "properties", "required", "type")) {
            JsonNode found = object.get(part);
            if (found != null) {
                parts.add(part + ":" + schemaPart(part, found));
            }
        }
        return parts.stream().collect(Collectors.joining(",", "{", "}"));
    }

    private String schemaPart(String part, JsonNode value) {
        return switch (part) {
            case "items" -> schema(value);
            case "properties" -> value instanceof ObjectNode properties ? properties(properties) : value(value);
            case "type" -> value.isString() ? string(value.stringValue().toUpperCase(Locale.ROOT)) : upperCased(value);
            default -> value(value);
        };
    }

    private String upperCased(JsonNode types) {
        return types.valueStream()
                .map(type -> string(type.asString().toUpperCase(Locale.ROOT)))
                .collect(Collectors.joining(",", "[", "]"));
    }

    @Override
    public String write(ToolCall call) {
        return opening() + "call:" + plain(call.name()) + value(call.arguments()) + closing();
    }

    @Override
    public String writeResult(String name, JsonNode result) {
        JsonNode response = result;
        if (!result.isObject()) {
            ObjectNode wrapped = JsonNodeFactory.instance.objectNode();
            wrapped.set("value", result);
            response = wrapped;
        }
        return "<start_function_response>response:" + plain(name) + value(response) + "<end_function_response>";
    }

    private String value(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT ->
                value.properties().stream()
                        .sorted(Map.Entry.comparingByKey(KEY_ORDER))
                        .map(entry -> key(entry.getKey()) + ":" + value(entry.getValue()))
                        .collect(Collectors.joining(",", "{", "}"));
            case ARRAY -> value.valueStream().map(this::value).collect(Collectors.joining(",", "[", "]"));
            case STRING -> string(value.stringValue());
            case NUMBER -> JsonText.number(value);
            case BOOLEAN, NULL -> value.toString();
            case BINARY, MISSING, POJO ->
                throw new IllegalArgumentException("a " + value.getNodeType() + " node is no JSON value");
        };
    }

    private String key(String key) {
        return !key.isEmpty() && key.chars().allMatch(c -> FunctionGemmaBody.isNamePart((char) c)) ? key : string(key);
    }

    private String string(String text) {
        return ESCAPE + plain(text) + ESCAPE;
    }

    /** The text without anything that reads as a marker. */
    private String plain(String text) {
        if (text.indexOf('<') < 0) {
            return text;
        }
        String plain = text;
        for (String marker : markers()) {
            plain = plain.replace(marker, "< " + marker.substring(1));
        }
        return plain;
    }

    @Override
    String stringDelimiter() {
        return ESCAPE;
    }

    @Override
    List<ToolCall> parseBody(BodyCursor body) {
        return List.of(new FunctionGemmaBody(body).call());
    }
}
