package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TrainingExample;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads training files: JSON Lines, a row a line, blank lines skipped. A complaint names file, line and column:
 * {@code train.jsonl:37:14: messages[1].role is 7, wanted a string}.
 *
 * <p>Besides TRL's forms it takes ShareGPT's ({@code conversations} of {@code from} and {@code value}), {@code tools} as JSON in a string, and
 * prompt and completion as lists of messages.
 */
public final class RowReader {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private RowReader() {}

    /** Takes the rows of a file one after the other. */
    @FunctionalInterface
    public interface RowConsumer {
        /**
         * @param row the row
         * @param json what it was read from
         * @param line its line in the file, counted from 1
         */
        void accept(TrainingRow row, ObjectNode json, long line);
    }

    /**
     * Reads the rows of {@code file} in order.
     *
     * @throws FormatException at the first row that is none
     * @throws UncheckedIOException if the file cannot be read
     */
    public static void read(Path file, RowConsumer consumer) {
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            long line = 1;
            for (String text = reader.readLine(); text != null; text = reader.readLine(), line++) {
                text = line == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
                if (!text.isBlank()) {
                    ObjectNode json = new Place(file, line, text).object();
                    consumer.accept(new Place(file, line, text).row(json), json, line);
                }
            }
        } catch (MalformedInputException e) {
            throw FormatException.in(file, "is not UTF-8 text, wanted JSON Lines");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One line, for complaints about it. */
    private record Place(Path file, long line, String text) {
        ObjectNode object() {
            try {
                if (JSON.readTree(text) instanceof ObjectNode object) {
                    return object;
                }
            } catch (JacksonException e) {
                throw FormatException.at(
                        file, line, Math.max(1, e.getLocation().getColumnNr()), "is no JSON: " + reason(e));
            }
            throw FormatException.at(file, line, 1, "is " + shorten(text) + ", wanted a JSON object");
        }

        TrainingRow row(ObjectNode json) {
            if (json.has("messages")) {
                return new TrainingRow.Conversation(messages(json, "messages"), tools(json));
            }
            if (json.has("conversations")) {
                return new TrainingRow.Conversation(messages(json, "conversations"), tools(json));
            }
            if (json.has("prompt") && json.has("completion")) {
                if (json.get("prompt").isArray()) {
                    ArrayNode all = messages(json, "prompt").deepCopy();
                    return new TrainingRow.Conversation(all.addAll(messages(json, "completion")), tools(json));
                }
                return new TrainingRow.PromptCompletion(string(json, "prompt"), string(json, "completion"));
            }
            if (json.has("text")) {
                return new TrainingRow.PlainText(string(json, "text"));
            }
            if (json.has("input_ids")) {
                return tokens(json);
            }
            throw FormatException.at(
                    file,
                    line,
                    1,
                    "has the keys " + List.copyOf(json.propertyNames())
                            + ", wanted messages, or prompt and completion, or text, or input_ids");
        }

        private TrainingRow tokens(ObjectNode json) {
            int[] ids = ints(json, "input_ids");
            int[] labels = json.has("labels") ? ints(json, "labels") : ids.clone();
            if (ids.length == 0 || labels.length != ids.length) {
                throw complaint(
                        "labels",
                        "/labels",
                        labels.length + " numbers, wanted as many as input_ids has, " + ids.length
                                + ", and at least one");
            }
            return new TrainingRow.Tokens(new TrainingExample(ids, labels));
        }

        private int[] ints(ObjectNode json, String key) {
            JsonNode list = json.get(key);
            if (!list.isArray()) {
                throw complaint(key, "/" + key, list + ", wanted a list of whole numbers");
            }
            int[] ints = new int[list.size()];
            for (int i = 0; i < ints.length; i++) {
                JsonNode value = list.get(i);
                boolean id = value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0;
                boolean ignored =
                        key.equals("labels") && value.isIntegralNumber() && value.asInt(0) == TrainingExample.IGNORED;
                if (!id && !ignored) {
                    throw complaint(key + "[" + i + "]", "/" + key + "/" + i, value + ", wanted a token id");
                }
                ints[i] = value.intValue();
            }
            return ints;
        }

        private String string(ObjectNode json, String key) {
            JsonNode value = json.get(key);
            if (!value.isString()) {
                throw complaint(key, "/" + key, shorten(value.toString()) + ", wanted a string");
            }
            return value.stringValue();
        }

        private ArrayNode tools(ObjectNode json) {
            JsonNode tools = json.path("tools");
            if (tools.isString()) {
                try {
                    tools = tools.stringValue().isBlank() ? json.nullNode() : JSON.readTree(tools.stringValue());
                } catch (JacksonException e) {
                    throw complaint("tools", "/tools", "a string that is no JSON: " + reason(e));
                }
            }
            if (tools.isMissingNode() || tools.isNull()) {
                return json.arrayNode();
            }
            if (!(tools instanceof ArrayNode list)) {
                throw complaint("tools", "/tools", shorten(tools.toString()) + ", wanted a list of tool declarations");
            }
            for (int i = 0; i < list.size(); i++) {
                JsonNode tool = list.get(i);
                JsonNode function = tool.has("function") ? tool.get("function") : tool;
                if (!function.path("name").isString()) {
                    throw complaint(
                            "tools[" + i + "]", "/tools", shorten(tool.toString()) + ", wanted a function with a name");
                }
            }
            return list;
        }

        private ArrayNode messages(ObjectNode json, String key) {
            if (!(json.get(key) instanceof ArrayNode list) || list.isEmpty()) {
                throw complaint(key, "/" + key, shorten(json.get(key).toString()) + ", wanted a list of messages");
            }
            ArrayNode messages = json.arrayNode();
            for (int i = 0; i < list.size(); i++) {
                messages.add(message(list.get(i), key + "[" + i + "]", "/" + key + "/" + i));
            }
            return messages;
        }

        private JsonNode message(JsonNode given, String name, String pointer) {
            if (!(given instanceof ObjectNode object)) {
                throw complaint(name, pointer, shorten(given.toString()) + ", wanted an object with role and content");
            }
            ObjectNode message = object;
            if (!object.has("role") && object.has("from")) {
                message = object.deepCopy();
                message.set("role", role(message.remove("from")));
                message.set("content", message.has("value") ? message.remove("value") : message.path("content"));
            }
            JsonNode role = message.path("role");
            if (!role.isString()) {
                throw complaint(name + ".role", pointer + "/role", seen(role) + ", wanted a string");
            }
            JsonNode calls = message.path("tool_calls");
            if (!calls.isMissingNode() && !calls.isNull() && !calls.isArray()) {
                throw complaint(
                        name + ".tool_calls", pointer + "/tool_calls", seen(calls) + ", wanted a list of calls");
            }
            for (int i = 0; i < calls.size(); i++) {
                JsonNode function = calls.get(i).has("function") ? calls.get(i).get("function") : calls.get(i);
                if (!function.path("name").isString()) {
                    throw complaint(
                            name + ".tool_calls[" + i + "]",
                            pointer + "/tool_calls/" + i,
                            seen(calls.get(i)) + ", wanted a function with name and arguments");
                }
            }
            JsonNode content = message.path("content");
            boolean empty = content.isMissingNode() || content.isNull();
            if (empty ? calls.isEmpty() : !content.isString() && !content.isContainer()) {
                throw complaint(name + ".content", pointer + "/content", seen(content) + ", wanted a string");
            }
            if (empty || calls.isNull()) {
                message = message.deepCopy();
                message.put("content", empty ? "" : content.asString(""));
                if (calls.isNull()) {
                    message.remove("tool_calls");
                }
            }
            return message;
        }

        /** ShareGPT's names of roles are its own. */
        private static JsonNode role(JsonNode from) {
            return switch (from.asString("")) {
                case "human" -> JsonNodeFactory.instance.stringNode("user");
                case "gpt" -> JsonNodeFactory.instance.stringNode("assistant");
                default -> from;
            };
        }

        /** Jackson's words without its remarks on where its sources are hidden. */
        private static String reason(JacksonException e) {
            return e.getOriginalMessage().replaceFirst("\\s*\\((start marker at|through reference) .*", "");
        }

        private static String seen(JsonNode value) {
            return value.isMissingNode() ? "missing" : shorten(value.toString());
        }

        private static String shorten(String text) {
            return text.length() <= 60 ? text : text.substring(0, 57) + "...";
        }

        private FormatException complaint(String name, String pointer, String problem) {
            return FormatException.at(file, line, column(pointer), name + " is " + problem);
        }

        /** The column where the value at {@code pointer} begins, or where the nearest value around it does. */
        private long column(String pointer) {
            for (String at = pointer; !at.isEmpty(); at = at.substring(0, at.lastIndexOf('/'))) {
                try (JsonParser parser = JSON.createParser(text)) {
                    for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                        if (token != JsonToken.PROPERTY_NAME
                                && parser.streamReadContext()
                                        .pathAsPointer()
                                        .toString()
                                        .equals(at)) {
                            return Math.max(1, parser.currentTokenLocation().getColumnNr());
                        }
                    }
                }
            }
            return 1;
        }
    }
}
