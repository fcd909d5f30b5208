package dev.jemma.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.agent.bind.Binding;
import dev.jemma.agent.bind.ToolBinder;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The demo's rows were written by a script; here they meet the Java methods they are about. */
class HouseholdTest {
    private static final Path DEMO = Path.of("../cli/src/main/resources/dev/jemma/cli/demo");

    @Test
    void rowsDeclareTheMethodsAsTheBinderDoes() throws IOException {
        List<JsonNode> declared = ToolBinder.of(new Household()).specs().stream()
                .map(ToolSpec::toJson)
                .map(JsonNode.class::cast)
                .toList();
        for (String file : List.of("train.jsonl", "test.jsonl")) {
            for (JsonNode row : rows(file)) {
                assertThat(row.get("tools").valueStream().map(JsonNode::toString))
                        .containsExactlyElementsOf(
                                declared.stream().map(JsonNode::toString).toList());
            }
        }
    }

    @Test
    void everyCallRunsItsMethodAndTheMethodAnswersAsTheRowSays() throws Throwable {
        int answered = 0;
        for (String file : List.of("train.jsonl", "test.jsonl")) {
            for (JsonNode row : rows(file)) {
                JsonNode messages = row.get("messages");
                JsonNode call = messages.get(1).get("tool_calls").get(0).get("function");
                Binding binding = ToolBinder.of(new Household())
                        .bind(
                                new ToolCall(call.get("name").stringValue(), (ObjectNode) call.get("arguments")),
                                List.of());
                Object result = binding.orThrow().invoke();
                if (messages.size() > 2) {
                    assertThat(result).isEqualTo(messages.get(2).get("content").stringValue());
                    answered++;
                }
            }
        }
        assertThat(answered).isGreaterThan(100);
    }

    private static List<JsonNode> rows(String file) throws IOException {
        return Files.readAllLines(DEMO.resolve(file)).stream()
                .map(JsonMapper.shared()::readTree)
                .toList();
    }
}
