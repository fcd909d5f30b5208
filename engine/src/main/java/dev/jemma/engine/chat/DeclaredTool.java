package dev.jemma.engine.chat;

import dev.jemma.engine.api.ToolSpec;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A tool as a conversation declares it, with everything that its source says of it.
 *
 * @param json {@code {"type": "function", "function": {name, description, parameters, ...}}}, given with or without its
 *     wrapping; not to be changed
 */
public record DeclaredTool(ObjectNode json) {
    public DeclaredTool {
        json = MessageJson.canonicalTool(json, "tool", "");
    }

    /** The declaration of a tool. */
    public static DeclaredTool of(ToolSpec spec) {
        return new DeclaredTool(spec.toJson());
    }

    /** The tool as a model is told about it. */
    public ToolSpec spec() {
        JsonNode function = json.get(MessageJson.FUNCTION);
        return new ToolSpec(
                function.get("name").stringValue(),
                function.path("description").asString(""),
                function.path("parameters") instanceof ObjectNode object ? object : noParameters());
    }

    /** Declarations as templates take them. */
    static ArrayNode json(List<DeclaredTool> tools) {
        ArrayNode json = JsonNodeFactory.instance.arrayNode();
        tools.forEach(tool -> json.add(tool.json));
        return json;
    }

    private static ObjectNode noParameters() {
        ObjectNode schema = JsonNodeFactory.instance.objectNode().put("type", "object");
        schema.putObject("properties");
        return schema;
    }
}
