package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON files of a model folder: one object in UTF-8, read strictly. Duplicate keys, trailing text, other encodings and
 * nesting beyond Jackson's limits are a {@link FormatException} that names line and column.
 */
public final class JsonFile {
    /** No config, index or adapter config comes near this; tokenizer.json has a reader of its own. */
    private static final long MAX_BYTES = 64L << 20;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final ObjectWriter WRITER = MAPPER.writer()
            .with(new DefaultPrettyPrinter()
                    .withObjectIndenter(new DefaultIndenter("  ", "\n"))
                    .withArrayIndenter(new DefaultIndenter("  ", "\n"))
                    .withSeparators(Separators.createDefaultInstance()
                            .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                            .withObjectEmptySeparator("")
                            .withArrayEmptySeparator("")));

    private JsonFile() {}

    /**
     * The object that {@code file} holds.
     *
     * @throws FormatException if it holds anything else
     * @throws IOException if it cannot be read
     */
    public static ObjectNode read(Path file) throws IOException {
        return parse(bytes(file), file.getFileName().toString());
    }

    /**
     * The object that {@code file} holds, with the given keys only. The rest of a large file costs its tokens and no
     * more: a tokenizer_config.json lists thousands of added tokens beside the few things that are wanted of it.
     *
     * @throws FormatException if it holds anything else
     * @throws IOException if it cannot be read
     */
    public static ObjectNode read(Path file, Set<String> keys) throws IOException {
        String name = file.getFileName().toString();
        ObjectNode found = MAPPER.createObjectNode();
        try (JsonParser parser = MAPPER.createParser(text(bytes(file), name))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new FormatException(name + ": holds " + parser.currentToken() + ", wanted a JSON object");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                parser.nextToken();
                if (keys.contains(key)) {
                    found.set(key, parser.readValueAsTree());
                } else {
                    parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) {
                throw new FormatException(name + ": goes on after its JSON object; wanted one object");
            }
        } catch (JacksonException e) {
            throw notJson(name, e);
        }
        return found;
    }

    private static byte[] bytes(Path file) throws IOException {
        long bytes = Files.size(file);
        if (bytes > MAX_BYTES) {
            throw FormatException.in(file, "is " + bytes + " bytes, wanted a JSON file of at most " + MAX_BYTES);
        }
        return Files.readAllBytes(file);
    }

    private static String text(byte[] utf8, String name) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(utf8))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new FormatException(name + ": is not UTF-8", e);
        }
    }

    private static FormatException notJson(String name, JacksonException e) {
        TokenStreamLocation at = e.getLocation();
        String place = at == null ? name : name + ":" + at.getLineNr() + ":" + at.getColumnNr();
        return new FormatException(place + ": is not JSON: " + e.getOriginalMessage(), e);
    }

    /**
     * The object in {@code utf8}, which messages call {@code name}.
     *
     * @throws FormatException if it is anything else
     */
    public static ObjectNode parse(byte[] utf8, String name) {
        JsonNode root;
        try {
            root = MAPPER.readTree(text(utf8, name));
        } catch (JacksonException e) {
            throw notJson(name, e);
        }
        if (root instanceof ObjectNode object) {
            return object;
        }
        throw new FormatException(name + ": holds " + describe(root) + ", wanted a JSON object");
    }

    /** {@code json} as UTF-8 text as Python's json.dumps(indent=2) lays it out, with a newline at the end. */
    public static byte[] bytes(ObjectNode json) {
        return (WRITER.writeValueAsString(json) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** A value as messages show it: its JSON, shortened. */
    public static String describe(JsonNode value) {
        if (value.isMissingNode()) {
            return "nothing";
        }
        String json = value.toString();
        return json.length() <= 60 ? json : json.substring(0, 57) + "...";
    }
}
