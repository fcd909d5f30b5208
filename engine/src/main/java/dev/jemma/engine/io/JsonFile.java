package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
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
 * JSON files of a model folder: one object in UTF-8, read strictly. Duplicate keys, trailing text, other encodings and nesting
 * beyond Jackson's limits are a {@link FormatException} that names line and column.
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
        long bytes = Files.size(file);
        if (bytes > MAX_BYTES) {
            throw FormatException.in(file, "is " + bytes + " bytes, wanted a JSON file of at most " + MAX_BYTES);
        }
        return parse(Files.readAllBytes(file), file.getFileName().toString());
    }

    /**
     * The object in {@code utf8}, which messages call {@code name}.
     *
     * @throws FormatException if it is anything else
     */
    public static ObjectNode parse(byte[] utf8, String name) {
        JsonNode root;
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(utf8))
                    .toString();
            root = MAPPER.readTree(text);
        } catch (CharacterCodingException e) {
            throw new FormatException(name + ": is not UTF-8", e);
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            String place = at == null ? name : name + ":" + at.getLineNr() + ":" + at.getColumnNr();
            throw new FormatException(place + ": is not JSON: " + e.getOriginalMessage(), e);
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
