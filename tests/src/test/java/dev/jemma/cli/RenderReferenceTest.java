package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The texts that jinja2 makes of conversations, asked of {@code jemma render} as a user would. */
final class RenderReferenceTest {
    private static final JsonMapper JSON = JsonMapper.shared();

    @TempDir
    private Path folder;

    private Path reference;
    private Path demo;

    @BeforeEach
    void find() throws IOException {
        reference =
                Shared.textReference().orElseGet(() -> Assumptions.abort("no shared/reference beside the repository"));
        demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
    }

    /** Rows of one template, with or without the generation prompt. */
    private record Batch(String template, boolean add) {}

    private Map<Batch, List<JsonNode>> batches() throws IOException {
        Map<Batch, List<JsonNode>> batches = new LinkedHashMap<>();
        for (String line : Files.readAllLines(reference.resolve("rendering.jsonl"))) {
            JsonNode row = JSON.readTree(line);
            Batch batch = new Batch(
                    row.get("template").stringValue(),
                    row.get("add_generation_prompt").booleanValue());
            batches.computeIfAbsent(batch, _ -> new ArrayList<>()).add(row);
        }
        return batches;
    }

    private List<JsonNode> rendered(List<JsonNode> rows, Batch batch, Object... source) throws IOException {
        List<String> lines = rows.stream().map(JsonNode::toString).toList();
        Path data = Files.write(folder.resolve("rows.jsonl"), lines);
        List<String> ending = batch.add ? List.of("--add-generation-prompt") : List.of();
        Ran ran = Ran.jemma("render", List.of(source), ending, "--data", data);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.lines()).hasSameSizeAs(rows);
        return ran.lines();
    }

    private static void assertSame(JsonNode expected, JsonNode actual, String label) {
        if (expected.has("text")) {
            assertThat(actual.path("text").asString(""))
                    .as(label)
                    .isEqualTo(expected.get("text").stringValue());
        } else {
            assertThat(actual.path("error").asString(""))
                    .as(label)
                    .contains(expected.get("error").stringValue());
        }
    }

    /**
     * A template alone makes of any row what jinja2 does; a model's makes the same of it, but for tools that the
     * template does not know.
     */
    @Test
    void textsAndErrorsAreThoseOfJinja() throws IOException {
        JsonNode conversations = JSON.readTree(Files.readString(reference.resolve("conversations.json")));
        int compared = 0;
        for (Map.Entry<Batch, List<JsonNode>> entry : batches().entrySet()) {
            Batch batch = entry.getKey();
            Path template = reference.resolve("templates").resolve(batch.template);
            boolean knowsTools = Files.readString(template).contains("tools");
            List<JsonNode> rows = entry.getValue().stream()
                    .map(row -> conversations.get(row.get("conversation").stringValue()))
                    .toList();
            List<JsonNode> alone = rendered(rows, batch, "--template", template);
            List<JsonNode> ofModel = rendered(rows, batch, "--model", demo, "--chat-template", template);
            for (int i = 0; i < rows.size(); i++) {
                JsonNode expected = entry.getValue().get(i);
                String label = batch + " " + expected.get("conversation");
                assertSame(expected, alone.get(i), label);
                boolean tools = rows.get(i).has("tools");
                if (knowsTools || !tools) {
                    assertSame(expected, ofModel.get(i), label);
                    compared++;
                } else if (expected.has("text")) {
                    assertThat(ofModel.get(i).path("text").asString("<tools> refused"))
                            .as(label)
                            .contains("<tools>");
                }
            }
        }
        assertThat(compared).isGreaterThanOrEqualTo(200);
    }

    @Test
    void functionGemmasTemplateAloneMakesOfOddRowsWhatJinjaDoes() throws IOException {
        Path template = reference.resolve("templates/functiongemma.jinja");
        Map<Batch, List<JsonNode>> batches = new LinkedHashMap<>();
        for (String line : Files.readAllLines(reference.resolve("functiongemma.jsonl"))) {
            JsonNode row = JSON.readTree(line);
            Batch batch = new Batch("", row.get("add_generation_prompt").booleanValue());
            batches.computeIfAbsent(batch, _ -> new ArrayList<>()).add(row);
        }
        for (Map.Entry<Batch, List<JsonNode>> entry : batches.entrySet()) {
            List<JsonNode> rows = entry.getValue().stream()
                    .<JsonNode>map(row -> ((ObjectNode) row.deepCopy()).retain("messages", "tools"))
                    .toList();
            List<JsonNode> actual = rendered(rows, entry.getKey(), "--template", template);
            for (int i = 0; i < rows.size(); i++) {
                assertSame(entry.getValue().get(i), actual.get(i), rows.get(i).toString());
            }
        }
        assertThat(batches).hasSize(2);
    }
}
