package dev.jemma.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Chat templates of Gemma 1 to 4, Hermes and the Agents Course, rendered as jinja2 renders them: text or error. */
final class ReferenceRenderingTest {
    private static final JsonMapper JSON = JsonMapper.shared();

    @Test
    void everyReferenceConversationRendersAsInJinja() throws IOException {
        Optional<Path> folder = Shared.textReference();
        assumeTrue(folder.isPresent(), "no shared/reference beside the repository");
        JsonNode conversations = JSON.readTree(Files.readString(folder.get().resolve("conversations.json")));
        Map<String, ChatTemplate> templates = new HashMap<>();
        int rows = 0;
        for (String line : Files.readAllLines(folder.get().resolve("rendering.jsonl"))) {
            JsonNode row = JSON.readTree(line);
            String file = row.get("template").stringValue();
            if (!templates.containsKey(file)) {
                templates.put(
                        file,
                        ChatTemplate.parse(Files.readString(
                                folder.get().resolve("templates").resolve(file))));
            }
            JsonNode conversation = conversations.get(row.get("conversation").stringValue());
            var prompt = row.get("add_generation_prompt").booleanValue()
                    ? RenderOptions.GenerationPrompt.ADD
                    : RenderOptions.GenerationPrompt.OMIT;
            JsonNode tools = conversation.path("tools");
            String expected = row.has("error")
                    ? "error: " + row.get("error").stringValue()
                    : row.get("text").stringValue();
            String actual;
            try {
                actual = templates
                        .get(file)
                        .trace(
                                conversation.get("messages"),
                                tools,
                                RenderOptions.defaults().with(prompt))
                        .text();
            } catch (TemplateException e) {
                actual = "error: " + e.reason();
            }
            assertThat(actual).as("%s, %s", file, row.get("conversation")).isEqualTo(expected);
            rows++;
        }
        assertThat(rows).isGreaterThanOrEqualTo(200);
    }
}
