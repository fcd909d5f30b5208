package dev.jemma.engine.template;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.TemplateException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What jinja2 itself made of hand-written and generated templates, and of every chat template in TRL's package. Remade
 * by scripts/make_template_golden.py.
 */
final class JinjaDifferentialTest {
    /** The system property {@code jemma.template.golden} names a folder that the script made with another seed. */
    static final Path GOLDEN = Path.of(System.getProperty("jemma.template.golden", "src/test/resources/template"));

    private static final JsonMapper JSON = JsonMapper.shared();

    static List<JsonNode> lines(String file) {
        try {
            return Files.readAllLines(GOLDEN.resolve(file)).stream()
                    .map(JSON::readTree)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The text, or nothing for an error. */
    private static Optional<String> render(String source, JsonNode variables) {
        try {
            return Optional.of(ChatTemplate.parse(source).renderVariables(variables));
        } catch (TemplateException e) {
            return Optional.empty();
        }
    }

    @Test
    void rendersAsJinjaDoesAndFailsWhereItFails() {
        List<JsonNode> rows = lines("jinja.jsonl");
        JsonNode variables = rows.getFirst();
        List<String> different = new ArrayList<>();
        for (JsonNode row : rows.subList(1, rows.size())) {
            String source = row.get("template").stringValue();
            Optional<String> expected = Optional.ofNullable(row.get("text")).map(JsonNode::stringValue);
            Optional<String> actual = render(source, variables);
            if (!actual.equals(expected)) {
                different.add(source + "\n   wanted "
                        + expected.orElse("error: " + row.path("error").asString()) + "\n   got    "
                        + actual.orElse("an error"));
            }
        }
        assertThat(different).as("of %d templates", rows.size() - 1).isEmpty();
        assertThat(rows).hasSizeGreaterThan(500);
    }

    @Test
    void rendersEveryChatTemplateOfTrl() throws IOException {
        JsonNode conversations = JSON.readTree(Files.readString(GOLDEN.resolve("trl-conversations.json")));
        ChatTemplate template = ChatTemplate.parse("");
        List<String> different = new ArrayList<>();
        int templates = 0;
        for (JsonNode row : lines("trl.jsonl")) {
            if (row.has("source")) {
                template = ChatTemplate.parse(row.get("source").stringValue());
                templates++;
                continue;
            }
            JsonNode conversation = conversations.get(row.get("conversation").stringValue());
            var prompt = row.get("add_generation_prompt").booleanValue()
                    ? RenderOptions.GenerationPrompt.ADD
                    : RenderOptions.GenerationPrompt.OMIT;
            String expected = row.has("text") ? row.get("text").stringValue() : "an error";
            String actual;
            try {
                actual = template.trace(
                                conversation.get("messages"),
                                conversation.path("tools"),
                                RenderOptions.defaults().with(prompt).at(LocalDateTime.of(2026, 1, 2, 3, 4, 5)))
                        .text();
            } catch (TemplateException e) {
                actual = "an error";
            }
            if (!actual.equals(expected)) {
                different.add(row.get("template") + " " + row.get("conversation") + "\n   wanted " + expected + " "
                        + row.path("error") + "\n   got    " + actual);
            }
        }
        assertThat(different).isEmpty();
        assertThat(templates).isGreaterThan(60);
    }
}
