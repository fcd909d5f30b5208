package dev.jemma.agent.bind;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.AppliedRepair;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A call bound to a method: typed arguments, ready to run.
 *
 * @param tool the method
 * @param call the call as the model wrote it
 * @param arguments the method's arguments in order
 * @param coercions what had to be accepted to bind them
 * @param repairs what had to be forgiven to read the call
 */
public record Invocation(
        ToolMethod tool,
        ToolCall call,
        List<@Nullable Object> arguments,
        List<Coercion> coercions,
        List<AppliedRepair> repairs)
        implements Binding {
    public Invocation {
        Objects.requireNonNull(tool, "tool");
        Objects.requireNonNull(call, "call");
        arguments = Collections.unmodifiableList(new ArrayList<>(arguments));
        coercions = List.copyOf(coercions);
        repairs = List.copyOf(repairs);
    }

    /**
     * Runs the method on the calling thread.
     *
     * @return what it returned; null for void
     * @throws Exception what it threw; errors too come out as they are
     */
    public @Nullable Object invoke() throws Exception {
        return tool.invoke(arguments);
    }
}
