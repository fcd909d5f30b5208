package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import java.util.List;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Calls as Hermes models write them: {@code <tool_call>}, a line with an object of {@code name} and {@code arguments}
 * in JSON, {@code </tool_call>}. The form for every model that has no tokens of its own for calls.
 *
 * <p>Data cannot forge structure: where a string holds one of the tags, its {@code <} is written as a JSON escape.
 *
 * <p>Sources: the NousResearch Hermes model cards; the Hugging Face Agents Course, whose data spell the objects as
 * Python does.
 */
public final class HermesFormat extends ToolCallFormat {
    private static final String INSTRUCTION_BEFORE =
            "You can call functions. Their signatures stand between <tools> and </tools>:\n";
    private static final String INSTRUCTION_AFTER = """

            To call a function, answer with its name and its arguments as a JSON object between <tool_call> and </tool_call>, \
            once for every call:
            <tool_call>
            {"name": "function name", "arguments": {"argument name": "value"}}
            </tool_call>""";

    @Override
    public String name() {
        return "hermes";
    }

    @Override
    public String opening() {
        return "<tool_call>";
    }

    @Override
    public String closing() {
        return "</tool_call>";
    }

    @Override
    public List<String> markers() {
        return List.of("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>");
    }

    @Override
    public List<String> stops() {
        return List.of();
    }

    @Override
    public String separator() {
        return "\n";
    }

    @Override
    public String declare(List<ToolSpec> tools) {
        String signatures = tools.stream()
                .map(tool -> JsonText.of(tool.toJson(), markers()))
                .collect(Collectors.joining(", ", "<tools>\n[", "]\n</tools>"));
        return INSTRUCTION_BEFORE + signatures + INSTRUCTION_AFTER;
    }

    @Override
    public String write(ToolCall call) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("name", call.name());
        object.set("arguments", call.arguments());
        return "<tool_call>\n" + JsonText.of(object, markers()) + "\n</tool_call>";
    }

    @Override
    public String writeResult(String name, JsonNode result) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("name", name);
        object.set("content", result);
        return "<tool_response>\n" + JsonText.of(object, markers()) + "\n</tool_response>";
    }

    @Override
    String stringDelimiter() {
        return "";
    }

    @Override
    List<ToolCall> parseBody(BodyCursor body) {
        return new HermesBody(body).calls();
    }
}
