package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BiConsumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** JSON Lines: one JSON object a line, blank lines skipped. */
final class JsonLines {
    static final JsonMapper JSON = JsonMapper.shared();

    private JsonLines() {}

    /** One object of the file and where it stands. */
    record Row(Path file, long line, ObjectNode json) {
        /** The string at {@code key}. */
        String text(String key) {
            JsonNode value = json.path(key);
            if (!value.isString()) {
                throw FormatException.atLine(
                        file, line, key + " is " + (value.isMissingNode() ? "missing" : value) + ", wanted a string");
            }
            return value.stringValue();
        }
    }

    /** Calls {@code row} with every object of the file, in order, and its number counted from 0. */
    static void read(Path file, BiConsumer<Row, Long> row) {
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            long number = 0;
            long line = 1;
            for (String text = reader.readLine(); text != null; text = reader.readLine(), line++) {
                if (!text.isBlank()) {
                    row.accept(new Row(file, line, parse(file, line, text)), number++);
                }
            }
        } catch (MalformedInputException e) {
            throw FormatException.in(file, "is not UTF-8 text, wanted JSON Lines");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ObjectNode parse(Path file, long line, String text) {
        try {
            if (JSON.readTree(text) instanceof ObjectNode object) {
                return object;
            }
        } catch (JacksonException e) {
            throw FormatException.at(
                    file, line, Math.max(1, e.getLocation().getColumnNr()), "is no JSON: " + e.getOriginalMessage());
        }
        throw FormatException.atLine(file, line, "wanted a JSON object");
    }
}
