package dev.jemma.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class JsonLinesTest {
    @TempDir
    private Path folder;

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("rows.jsonl"), text);
    }

    private static List<String> read(Path file) {
        List<String> rows = new ArrayList<>();
        JsonLines.read(file, (row, source) -> rows.add(source.line() + " " + row));
        return rows;
    }

    @Test
    void blankLinesAndAByteOrderMarkDoNotCountButLinesDo() throws IOException {
        assertThat(read(file("\uFEFF{\"a\": 1}\r\n\n \t\n{\"b\": \"\uFEFF\"}")))
                .containsExactly("1 {\"a\":1}", "4 {\"b\":\"\uFEFF\"}");
        assertThat(read(file(""))).isEmpty();
    }

    @Test
    void numbersKeepTheirDigits() throws IOException {
        assertThat(read(file("{\"a\": 1.10, \"b\": 123456789012345678901234567890}")))
                .containsExactly("1 {\"a\":1.10,\"b\":123456789012345678901234567890}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{\"a\": 1#rows.jsonl:2:8: is no JSON: Unexpected end-of-input: expected close marker for Object",
                "[1]#rows.jsonl:2:1: is [1], wanted a JSON object",
                "true#rows.jsonl:2:1: is true, wanted a JSON object",
                "{\"a\": 1} {}#rows.jsonl:2:10: is no JSON: Trailing token",
                "{\"a\": 1, \"a\": 2}#is no JSON: Duplicate",
            })
    void theFirstBadLineIsNamedWithItsColumn(String line, String message) throws IOException {
        Path file = file("{\"good\": 1}\n" + line + "\n{\"bad\":\n");
        assertThatThrownBy(() -> read(file)).isInstanceOf(FormatException.class).hasMessageContaining(message);
    }

    @Test
    void anArrayOfRowsIsCalledOne() throws IOException {
        for (String text : List.of("[\n  {\"a\": 1}\n]", "\uFEFF\n [{\"a\": 1}]", "[]")) {
            Path file = file(text);
            assertThatThrownBy(() -> read(file))
                    .isInstanceOf(FormatException.class)
                    .hasMessage("rows.jsonl: holds a JSON array, wanted JSON Lines: one object per line");
        }
    }

    @Test
    void whatIsNoTextOrNotThereIsSaid() throws IOException {
        Path latin = Files.write(folder.resolve("latin.jsonl"), "{\"a\": \"é\"}".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> read(latin))
                .isInstanceOf(FormatException.class)
                .hasMessage("latin.jsonl: is not UTF-8 text, wanted JSON Lines");
        assertThatThrownBy(() -> read(folder.resolve("nowhere.jsonl")))
                .isInstanceOf(UncheckedIOException.class)
                .hasCauseInstanceOf(NoSuchFileException.class);
    }

    @Test
    void complaintsPointToThePartOrTheNearestAroundIt() throws IOException {
        Path file = file("\n  {\"list\": [1, {\"x/y\": {\"z\": 2}}]}\n");
        JsonLines.read(file, (row, source) -> {
            assertThat(source.complaint("/list/1/x~1y/z", "z is 2")).hasMessage("rows.jsonl:2:30: z is 2");
            assertThat(source.complaint("/list/1/x~1y/q", "q is missing")).hasMessage("rows.jsonl:2:24: q is missing");
            assertThat(source.complaint("/list/9", "that")).hasMessage("rows.jsonl:2:12: that");
            assertThat(source.complaint("/other", "other is missing")).hasMessage("rows.jsonl:2: other is missing");
            assertThatThrownBy(() -> source.string(row, "list"))
                    .hasMessage("rows.jsonl:2:12: list is [1,{\"x/y\":{\"z\":2}}], wanted a string");
            assertThatThrownBy(() -> source.string(row, "text"))
                    .hasMessage("rows.jsonl:2: text is missing, wanted a string");
        });
    }

    @Test
    void aWholeFileHasLinesToo() throws IOException {
        JsonSource source = JsonSource.of(file("\uFEFF{\n  \"a\": [\n    1,\n    true]\n}"));
        assertThat(source.value().get("a").size()).isEqualTo(2);
        assertThat(source.complaint("/a/1", "a[1] is true")).hasMessage("rows.jsonl:4:5: a[1] is true");
        JsonSource broken = JsonSource.of(file("{\n\"a\": ?}"));
        assertThatThrownBy(broken::value)
                .isInstanceOf(FormatException.class)
                .hasMessageStartingWith("rows.jsonl:2:6: is no JSON: Unexpected character ('?'");
    }
}
