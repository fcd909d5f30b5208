package dev.jemma.engine.eval;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The lines of a JSON Lines file. */
final class JsonLinesText {
    private JsonLinesText() {}

    /**
     * Reads them.
     *
     * @throws FormatException if it is no text
     */
    static List<String> of(Path file) throws IOException {
        try {
            return Files.readAllLines(file);
        } catch (MalformedInputException e) {
            throw FormatException.in(file, "is not UTF-8 text, wanted JSON Lines");
        }
    }
}
