package dev.jemma.engine.toolcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What models really write, and what must be read from it; the rows are made by scripts/make_toolcall_corpus.py. */
final class CorpusTest {
    private static final JsonMapper JSON = new JsonMapper();

    static List<JsonNode> rows(ToolCallFormat format) throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("src/test/resources/toolcall", format.name() + ".jsonl"))) {
            rows.add(JSON.readTree(line));
        }
        return rows;
    }

    @TestFactory
    Stream<DynamicTest> readsTheCorpus() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (ToolCallFormat format : ToolCallFormat.all()) {
            for (JsonNode row : rows(format)) {
                tests.add(DynamicTest.dynamicTest(
                        format + ": " + row.get("what").stringValue(), () -> check(format, row)));
            }
        }
        return tests.stream();
    }

    private static void check(ToolCallFormat format, JsonNode row) {
        ParsedReply reply = format.parse(row.get("text").stringValue());
        assertThat(reply.malformed().stream().map(m -> m.error().kind().name()))
                .as("errors: %s", reply.malformed())
                .isEqualTo(strings(row.get("errors")));
        if (row.has("exact")) {
            ObjectNode arguments = reply.calls().getFirst().arguments();
            row.get("exact")
                    .properties()
                    .forEach(entry -> assertThat(JsonText.number(arguments.get(entry.getKey())))
                            .as(entry.getKey())
                            .isEqualTo(entry.getValue().stringValue()));
        } else {
            assertThat(reply.calls().stream().map(call -> call.name() + " " + doubles(call.arguments())))
                    .isEqualTo(row.get("calls")
                            .valueStream()
                            .map(call -> call.get("name").stringValue() + " " + call.get("arguments"))
                            .toList());
        }
        assertThat(reply.repairs().stream()
                        .map(repair -> repair.repair().name())
                        .distinct())
                .containsExactlyInAnyOrderElementsOf(strings(row.get("repairs")));
    }

    /** Decimals as Jackson's default reader has them, for comparison with the row. */
    private static JsonNode doubles(JsonNode value) {
        return JSON.readTree(JsonText.of(value));
    }

    private static List<String> strings(JsonNode array) {
        return array.valueStream().map(JsonNode::stringValue).toList();
    }
}
