package dev.jemma.engine.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.FormatException;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;

/** Files of rows and predictions to be judged, damaged. */
final class DamagedRowsTest {
    private static final byte[] ROWS = """
            {"id": "a", "messages": [{"role": "user", "content": "é"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}}], "prediction": "<tool_call>{}</tool_call>"}
            {"id": "b", "messages": [{"role": "user", "content": "no"}], "tools": [], "accept": [{"f": {"x": [1, ""]}}], "unseen_tools": true, "prediction": ""}
            """.getBytes(StandardCharsets.UTF_8);

    @TempDir
    private Path folder;

    @FuzzTest
    void areReadOrAreAFormatException() throws IOException {
        for (int cut : Fuzz.cuts(ROWS.length, ROWS.length).toArray()) {
            survives(Arrays.copyOf(ROWS, cut));
        }
        SplittableRandom random = new SplittableRandom(6);
        for (int i = 0; i < Fuzz.mutations(1000); i++) {
            survives(Fuzz.mutate(ROWS, random));
        }
    }

    private void survives(byte[] bytes) throws IOException {
        Path file = Files.write(folder.resolve("rows.jsonl"), bytes);
        try {
            assertThat(EvalRow.readAll(file)).isNotNull();
        } catch (FormatException documented) {
            assertThat(documented).hasMessageStartingWith("rows.jsonl");
        }
        try {
            assertThat(Judge.readPredictions(file)).isNotNull();
        } catch (FormatException documented) {
            assertThat(documented).hasMessageStartingWith("rows.jsonl");
        }
    }
}
