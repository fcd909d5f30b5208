package dev.jemma.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The formatter wraps code, and leaves comments as they are written. */
final class SourceLinesTest {
    private static final int COLUMNS = 120;

    @Test
    void commentsEndAtTheColumnThatCodeEndsAt() throws IOException {
        List<String> tooLong = new ArrayList<>();
        int read = 0;
        for (String module : List.of("cuda-bindings", "engine", "agent-sdk", "cli", "tests")) {
            for (Path file : sources(Path.of("..", module, "src"))) {
                read++;
                List<String> lines = Files.readAllLines(file);
                for (int i = 0; i < lines.size(); i++) {
                    String line = lines.get(i);
                    if (line.length() > COLUMNS && isComment(line.strip())) {
                        tooLong.add(
                                file + ":" + (i + 1) + ": " + line.length() + " columns, wanted at most " + COLUMNS);
                    }
                }
            }
        }
        assertThat(read).isGreaterThan(400);
        assertThat(tooLong).isEmpty();
    }

    private static List<Path> sources(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(path -> path.toString().endsWith(".java")).toList();
        }
    }

    private static boolean isComment(String line) {
        return line.startsWith("//") || line.startsWith("/*") || line.startsWith("*");
    }
}
