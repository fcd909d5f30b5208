package dev.jemma.engine.api;

import java.util.Objects;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model is told about a tool.
 *
 * @param name the name to call it by
 * @param description what it does, in a sentence; may be empty
 * @param parameters a JSON Schema of type {@code object}
 */
public record ToolSpec(String name, String description, ObjectNode parameters) {
    public ToolSpec {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(description, "description");
        Objects.requireNonNull(parameters, "parameters");
    }

    /**
     * The OpenAI form that chat templates expect: {@code {"type": "function", "function": {name, description,
     * parameters}}}.
     */
    public ObjectNode toJson() {
        ObjectNode tool = JsonNodeFactory.instance.objectNode();
        tool.put("type", "function");
        ObjectNode function = tool.putObject("function");
        function.put("name", name);
        function.put("description", description);
        function.set("parameters", parameters);
        return tool;
    }
}
