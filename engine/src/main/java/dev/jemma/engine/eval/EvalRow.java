package dev.jemma.engine.eval;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * One question whose right calls are known.
 *
 * @param id names the question; what stands before its first number is its {@link #category}
 * @param tools what may be called
 * @param accepted the calls that are wanted, in any order; empty if the right answer is to call nothing
 * @param unseenTools whether none of the tools occurs in the training rows; empty if the row does not say
 */
public record EvalRow(String id, List<ToolSpec> tools, List<AcceptedCall> accepted, Optional<Boolean> unseenTools) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();
    private static final Pattern CATEGORY = Pattern.compile("(.+?)[_-]?\\d.*");

    public EvalRow {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(unseenTools, "unseenTools");
        tools = List.copyOf(tools);
        accepted = List.copyOf(accepted);
    }

    /** The kind of question, from the id: {@code live_simple} of {@code live_simple_119-75-0}. */
    public String category() {
        Matcher matcher = CATEGORY.matcher(id);
        return matcher.matches() ? matcher.group(1) : id;
    }

    /**
     * All rows of a JSON Lines file. A row has {@code id}, {@code tools} in the OpenAI form, and what is wanted: {@code accept}
     * as the leaderboard has it, or else the calls of the last assistant turn in {@code messages}.
     *
     * @throws FormatException if a line is no such row, or two rows have the same id
     */
    public static List<EvalRow> readAll(Path file) throws IOException {
        List<EvalRow> rows = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        int line = 0;
        for (String text : JsonLinesText.of(file)) {
            line++;
            if (text.isBlank()) {
                continue;
            }
            EvalRow row;
            try {
                row = of(JSON.readTree(text), line);
            } catch (JacksonException e) {
                int column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
                throw FormatException.at(file, line, column, "no JSON: " + e.getOriginalMessage());
            } catch (IllegalArgumentException e) {
                throw FormatException.atLine(file, line, String.valueOf(e.getMessage()));
            }
            if (!ids.add(row.id())) {
                throw FormatException.atLine(file, line, "id '" + row.id() + "' occurs twice");
            }
            rows.add(row);
        }
        return rows;
    }

    /**
     * One row.
     *
     * @param number stands in for a missing id
     * @throws IllegalArgumentException if it is none, naming the key
     */
    public static EvalRow of(JsonNode row, long number) {
        if (!row.isObject()) {
            throw new IllegalArgumentException("the row is " + row.getNodeType() + ", wanted an object");
        }
        JsonNode id = row.path("id");
        JsonNode unseen = row.path("unseen_tools");
        return new EvalRow(
                id.isMissingNode() ? "row_" + number : id.asString(),
                tools(row.path("tools")),
                row.has("accept") ? accept(row.get("accept")) : calls(row.path("messages")),
                unseen.isBoolean() ? Optional.of(unseen.booleanValue()) : Optional.empty());
    }

    private static List<ToolSpec> tools(JsonNode tools) {
        if (!tools.isArray() && !tools.isMissingNode() && !tools.isNull()) {
            throw new IllegalArgumentException("tools is " + tools.getNodeType() + ", wanted an array");
        }
        List<ToolSpec> specs = new ArrayList<>();
        for (JsonNode tool : tools) {
            JsonNode function = tool.has("function") ? tool.get("function") : tool;
            JsonNode name = function.path("name");
            JsonNode parameters = function.path("parameters");
            if (!name.isString()) {
                throw new IllegalArgumentException(
                        "tools[" + specs.size() + "].function.name is missing, wanted a string");
            }
            specs.add(new ToolSpec(
                    name.stringValue(),
                    function.path("description").asString(""),
                    parameters instanceof ObjectNode object ? object : JsonNodeFactory.instance.objectNode()));
        }
        return specs;
    }

    private static List<AcceptedCall> accept(JsonNode accept) {
        if (!accept.isArray()) {
            throw new IllegalArgumentException("accept is " + accept.getNodeType() + ", wanted an array");
        }
        List<AcceptedCall> calls = new ArrayList<>();
        for (JsonNode call : accept) {
            calls.add(AcceptedCall.ofLeaderboard(call, "accept[" + calls.size() + "]"));
        }
        return calls;
    }

    private static List<AcceptedCall> calls(JsonNode messages) {
        List<AcceptedCall> calls = new ArrayList<>();
        JsonNode last = messages.isEmpty() ? messages : messages.get(messages.size() - 1);
        if (!last.path("role").asString("").matches("assistant|model")) {
            throw new IllegalArgumentException(
                    "nothing says what is right: wanted accept, or messages that end with an assistant turn");
        }
        for (JsonNode call : last.path("tool_calls")) {
            JsonNode function = call.has("function") ? call.get("function") : call;
            JsonNode arguments = function.path("arguments");
            if (!function.path("name").isString() || !arguments.isObject()) {
                throw new IllegalArgumentException("messages[" + (messages.size() - 1) + "].tool_calls[" + calls.size()
                        + "] has no name or no arguments object");
            }
            calls.add(AcceptedCall.exactly(function.path("name").stringValue(), (ObjectNode) arguments));
        }
        return calls;
    }
}
