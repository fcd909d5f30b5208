package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RowReaderTest {
    @TempDir
    private Path folder;

    private List<TrainingRow> rows(String text) {
        return rows(text.getBytes(StandardCharsets.UTF_8));
    }

    private List<TrainingRow> rows(byte[] bytes) {
        try {
            Path file = Files.write(folder.resolve("train.jsonl"), bytes);
            List<TrainingRow> rows = new ArrayList<>();
            JsonLines.lines(file, line -> rows.add(RowReader.row(line)));
            return rows;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void readsEveryKindOfRowAndSkipsBlankLines() {
        List<TrainingRow> rows = rows("""
                {"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function", "function": {"name": "f"}}], "extra": 1}

                {"prompt": "p", "completion": "c"}
                \t
                {"text": "t"}
                {"input_ids": [1, 2], "labels": [-100, 2]}
                {"input_ids": [3]}
                """);
        assertThat(rows).hasSize(5);
        assertThat(rows.get(0)).isInstanceOfSatisfying(TrainingRow.Chat.class, row -> {
            assertThat(row.conversation().messages()).containsExactly(new Message.User("a"));
            assertThat(row.conversation().specs()).extracting(ToolSpec::name).containsExactly("f");
        });
        assertThat(rows.get(1)).isEqualTo(new TrainingRow.PromptCompletion("p", "c"));
        assertThat(rows.get(2)).isEqualTo(new TrainingRow.PlainText("t"));
        assertThat(rows.get(3)).isInstanceOfSatisfying(TrainingRow.Tokens.class, row -> {
            assertThat(row.example().ids()).containsExactly(1, 2);
            assertThat(row.example().labels()).containsExactly(-100, 2);
        });
        assertThat(rows.get(4))
                .isInstanceOfSatisfying(
                        TrainingRow.Tokens.class,
                        row -> assertThat(row.example().labels()).containsExactly(3));
    }

    @Test
    void aByteOrderMarkDoesNotCount() {
        assertThat(rows("\uFEFF{\"text\": \"t\"}\n")).containsExactly(new TrainingRow.PlainText("t"));
    }

    @Test
    void readsShareGptTurnsAsMessages() {
        for (String turns : List.of(
                "{\"conversations\": [{\"from\": \"human\", \"value\": \"q\"}, {\"from\": \"gpt\", \"value\": \"a\"}]}",
                "{\"conversations\": [{\"role\": \"human\", \"content\": \"q\"}, {\"role\": \"model\", \"content\": \"a\"}]}")) {
            assertThat(rows(turns)).singleElement().isInstanceOfSatisfying(TrainingRow.Chat.class, row -> {
                Message question = row.conversation().messages().getFirst();
                Message answer = row.conversation().messages().getLast();
                assertThat(question.role())
                        .as("ShareGPT's own names become roles, given roles stay")
                        .isEqualTo(turns.contains("from") ? "user" : "human");
                assertThat(answer.role()).isEqualTo(turns.contains("from") ? "assistant" : "model");
                assertThat(question.text()).isEqualTo("q");
                assertThat(answer.text()).isEqualTo("a");
            });
        }
    }

    @Test
    void readsToolsThatAreJsonInAString() {
        assertThat(
                        rows(
                                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": \"[{\\\"name\\\": \\\"f\\\"}]\"}"))
                .singleElement()
                .isInstanceOfSatisfying(
                        TrainingRow.Chat.class,
                        row -> assertThat(row.conversation().specs())
                                .extracting(ToolSpec::name)
                                .containsExactly("f"));
    }

    @Test
    void keepsNumbersAndKeyOrderAsWritten() {
        String arguments = "{\"z\":1,\"a\":1.10,\"m\":123456789012345678901234567890,\"b\":1e3,\"n\":null}";
        assertThat(rows(
                        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": "
                                + arguments + "}}]}]}"))
                .singleElement()
                .isInstanceOfSatisfying(TrainingRow.Chat.class, row -> {
                    var kept = row.conversation()
                            .messages()
                            .getFirst()
                            .calls()
                            .getFirst()
                            .call()
                            .arguments();
                    assertThat(List.copyOf(kept.propertyNames())).containsExactly("z", "a", "m", "b", "n");
                    assertThat(kept.get("z").isIntegralNumber()).isTrue();
                    assertThat(kept.get("a").decimalValue()).isEqualTo(new java.math.BigDecimal("1.10"));
                    assertThat(kept.get("m").bigIntegerValue()).hasToString("123456789012345678901234567890");
                });
    }

    @Test
    void contentThatIsNullIsEmptyWhereThereAreCalls() {
        assertThat(
                        rows(
                                "{\"messages\": [{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {}}}]}]}"))
                .singleElement()
                .isInstanceOfSatisfying(
                        TrainingRow.Chat.class,
                        row -> assertThat(
                                        row.conversation().messages().getFirst().text())
                                .isEmpty());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": 7, \"content\": \"\"}]}#train.jsonl:2:58: messages[1].role is 7, wanted a string",
                "{\"messages\": [{\"content\": \"a\"}]}#train.jsonl:2:15: messages[0].role is missing, wanted a string",
                "{\"messages\": [{\"role\": \"user\", \"content\": 5}]}#train.jsonl:2:43: messages[0].content is 5, wanted a string",
                "{\"messages\": []}#train.jsonl:2:14: messages is [], wanted a list of messages",
                "{\"messages\": {}}#train.jsonl:2:14: messages is {}, wanted a list of messages",
                "{\"messages\": [4]}#train.jsonl:2:15: messages[0] is 4, wanted an object with role and content",
                "{\"prompt\": 1, \"completion\": \"\"}#train.jsonl:2:12: prompt is 1, wanted a string",
                "{\"text\": null}#train.jsonl:2:10: text is null, wanted a string",
                "{\"input_ids\": [1, \"x\"]}#train.jsonl:2:19: input_ids[1] is \"x\", wanted a token id",
                "{\"input_ids\": [1, -5]}#train.jsonl:2:19: input_ids[1] is -5, wanted a token id",
                "[1]#train.jsonl:2:1: is [1], wanted a JSON object",
            })
    void complaintsNameFileLineColumnValueAndWish(String line, String message) {
        assertThatThrownBy(() -> rows("{\"text\": \"first\"}\n" + line))
                .isInstanceOf(FormatException.class)
                .hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{\"a\": 1}#train.jsonl:1:1: has the keys [a], wanted messages, or prompt and completion, or text, or input_ids",
                "{\"text\": \"x\"#train.jsonl:1:13: is no JSON: Unexpected end-of-input: expected close marker for Object",
                "{\"text\": \"x\", \"text\": \"y\"}#is no JSON: Duplicate",
                "{\"input_ids\": [1], \"labels\": [1, 2]}#labels is 2 numbers, wanted as many as input_ids has, 1, and at least one",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": \"[\"}#tools is a string that is no JSON",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": [{}]}#tools[0] is {}, wanted a function with a name",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [1]}]}#messages[0].tool_calls[0] is 1, wanted a function with name and arguments",
            })
    void complaintsSayWhatIsWrong(String line, String message) {
        assertThatThrownBy(() -> rows(line)).isInstanceOf(FormatException.class).hasMessageContaining(message);
    }

    @Test
    void bytesThatAreNoUtf8AreACleanComplaint() {
        assertThatThrownBy(() -> rows(new byte[] {'{', '"', (byte) 0xff, '"', '}'}))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("train.jsonl");
    }

    @FuzzTest
    void damagedFilesOnlyGiveTheDocumentedException() {
        byte[] row =
                ("{\"messages\": [{\"role\": \"user\", \"content\": \"é\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"{}\"}}]}],"
                                + " \"tools\": [{\"function\": {\"name\": \"f\"}}]}\n{\"input_ids\": [1, 2], \"labels\": [-100, 2]}\n{\"prompt\": \"p\", \"completion\": \"c\"}\n{\"text\": \"t\"}\n")
                        .getBytes(StandardCharsets.UTF_8);
        for (int end = 0; end < row.length; end++) {
            survives(java.util.Arrays.copyOf(row, end));
        }
        var random = new SplittableRandom(3);
        for (int i = Fuzz.mutations(2000); i > 0; i--) {
            survives(Fuzz.mutate(row, random));
        }
    }

    private void survives(byte[] bytes) {
        try {
            rows(bytes);
        } catch (FormatException documented) {
            assertThat(documented.getMessage()).startsWith("train.jsonl:");
        }
    }
}
