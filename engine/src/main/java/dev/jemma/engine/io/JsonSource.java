package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A JSON text that a user wrote and where it stands: a line of a file, or a whole file. Complaints name file, line and
 * column: {@code train.jsonl:37:14: messages[1].role is 7, wanted a string}.
 *
 * <p>Numbers keep their exact value; a key that occurs twice in an object is refused.
 *
 * @param file where the text stands
 * @param line the line that it begins in, counted from 1
 * @param text one JSON value
 */
public record JsonSource(Path file, long line, String text) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private static final String BYTE_ORDER_MARK = "\uFEFF";
    private static final int MOST_SHOWN = 60;

    /**
     * All of {@code file}, with or without a byte order mark.
     *
     * @throws FormatException if it is not UTF-8
     * @throws IOException if it cannot be read
     */
    public static JsonSource of(Path file) throws IOException {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            return new JsonSource(file, 1, withoutMark(text));
        } catch (CharacterCodingException e) {
            throw FormatException.in(file, "is not UTF-8 text, wanted JSON");
        }
    }

    /** The beginning of a file without the byte order mark that some editors put there. */
    static String withoutMark(String text) {
        return text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
    }

    /**
     * A text as JSON, by the rules of this class.
     *
     * @throws JacksonException if it is none
     */
    public static JsonNode parse(String text) {
        return JSON.readTree(text);
    }

    /**
     * The value.
     *
     * @throws FormatException if the text is no JSON
     */
    public JsonNode value() {
        try {
            return parse(text);
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            throw at == null ? complaint("is no JSON: " + reason(e)) : complaint(at, "is no JSON: " + reason(e));
        }
    }

    /**
     * The object.
     *
     * @throws FormatException if the text is no JSON, or another value
     */
    public ObjectNode object() {
        if (value() instanceof ObjectNode object) {
            return object;
        }
        throw FormatException.at(file, line, 1, "is " + shortened(text) + ", wanted a JSON object");
    }

    /**
     * The string at a key of the object.
     *
     * @throws FormatException if there is none
     */
    public String string(ObjectNode object, String key) {
        JsonNode value = object.path(key);
        if (!value.isString()) {
            throw complaint("/" + key, key + " is " + shown(value) + ", wanted a string");
        }
        return value.stringValue();
    }

    /** A complaint about the text as a whole. */
    public FormatException complaint(String message) {
        return FormatException.atLine(file, line, message);
    }

    /**
     * A complaint about a part.
     *
     * @param pointer the part, as a JSON pointer; where it is missing, the nearest value around it is named
     * @param message with the part's name in it
     */
    public FormatException complaint(String pointer, String message) {
        for (String at = pointer; !at.isEmpty(); at = at.substring(0, at.lastIndexOf('/'))) {
            try (JsonParser parser = JSON.createParser(text)) {
                for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                    if (token != JsonToken.PROPERTY_NAME
                            && parser.streamReadContext()
                                    .pathAsPointer()
                                    .toString()
                                    .equals(at)) {
                        return complaint(parser.currentTokenLocation(), message);
                    }
                }
            }
        }
        return complaint(message);
    }

    private FormatException complaint(TokenStreamLocation at, String message) {
        return FormatException.at(file, line - 1 + Math.max(1, at.getLineNr()), Math.max(1, at.getColumnNr()), message);
    }

    /** Jackson's words without its remarks on where its sources are hidden. */
    public static String reason(JacksonException e) {
        return e.getOriginalMessage().replaceFirst("\\s*\\((start marker at|through reference) .*", "");
    }

    /** A value as complaints show it: its JSON, shortened, or {@code missing}. */
    public static String shown(JsonNode value) {
        return value.isMissingNode() ? "missing" : shortened(value.toString());
    }

    private static String shortened(String text) {
        return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN - 3) + "...";
    }
}
