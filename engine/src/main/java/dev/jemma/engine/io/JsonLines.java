package dev.jemma.engine.io;

import dev.jemma.engine.api.FormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON Lines: UTF-8 text with one JSON object per line. Blank lines and a byte order mark at the beginning do not
 * count.
 */
public final class JsonLines {
    private JsonLines() {}

    /** Takes the rows of a file one after the other. */
    @FunctionalInterface
    public interface RowConsumer {
        /**
         * @param row the object
         * @param source the line that it stands in, for complaints about it
         */
        void accept(ObjectNode row, JsonSource source);
    }

    /**
     * Reads the rows of {@code file} in order.
     *
     * @throws FormatException at the first line that is no JSON object
     * @throws UncheckedIOException if the file cannot be read
     */
    public static void read(Path file, RowConsumer rows) {
        lines(file, line -> rows.accept(line.object(), line));
    }

    /**
     * The lines of {@code file} that should each hold an object, in order and not parsed yet.
     *
     * @throws FormatException if the file is none of JSON Lines; what is wrong with a line is found when that is parsed
     * @throws UncheckedIOException if the file cannot be read
     */
    public static void lines(Path file, Consumer<JsonSource> lines) {
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            boolean first = true;
            long number = 1;
            for (String text = reader.readLine(); text != null; text = reader.readLine(), number++) {
                JsonSource line = new JsonSource(file, number, number == 1 ? JsonSource.withoutMark(text) : text);
                if (line.text().isBlank()) {
                    continue;
                }
                if (first && line.text().stripLeading().startsWith("[")) {
                    throw FormatException.in(file, "holds a JSON array, wanted JSON Lines: one object per line");
                }
                first = false;
                lines.accept(line);
            }
        } catch (CharacterCodingException e) {
            throw FormatException.in(file, "is not UTF-8 text, wanted JSON Lines");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
