package dev.jemma.engine.api;

import java.util.Objects;
import tools.jackson.databind.node.ObjectNode;

/**
 * A call of a tool, as a model asked for it or a training row holds it.
 *
 * @param name the tool's name, exactly as written
 * @param arguments the arguments by name, in the order written; numbers keep their exact form ({@code 3} stays an
 *     integer, {@code 3.0} a decimal)
 */
public record ToolCall(String name, ObjectNode arguments) {
    public ToolCall {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(arguments, "arguments");
    }
}
