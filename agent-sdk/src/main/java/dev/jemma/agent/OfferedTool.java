package dev.jemma.agent;

import dev.jemma.engine.api.ToolSpec;
import java.util.Objects;

/**
 * A tool that a model may call now.
 *
 * @param spec what the model is told
 * @param exact the same, with a schema that says all that binding asks for, as far as a schema can: for decoding by a
 *     grammar
 */
public record OfferedTool(ToolSpec spec, ToolSpec exact) {
    public OfferedTool {
        Objects.requireNonNull(spec, "spec");
        Objects.requireNonNull(exact, "exact");
    }

    /** The name to call it by. */
    public String name() {
        return spec.name();
    }
}
