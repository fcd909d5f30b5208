package dev.jemma.agent.bind;

import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.ValueType.Field;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.AppliedRepair;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.UndeclaredThrowableException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A Java method as a tool: what the model is told about it, and how its calls are bound and run. Immutable, safe for
 * threads.
 */
public final class ToolMethod {
    private final ToolSpec spec;
    private final List<Field> parameters;
    private final MethodHandle handle;
    private final Tool annotation;
    private final String origin;

    /** @param handle takes the parameters in order, its receiver bound already */
    ToolMethod(ToolSpec spec, List<Field> parameters, MethodHandle handle, Tool annotation, String origin) {
        this.spec = spec;
        this.parameters = List.copyOf(parameters);
        this.handle = handle;
        this.annotation = annotation;
        this.origin = origin;
    }

    /** What the model is told. */
    public ToolSpec spec() {
        return spec;
    }

    /** The same with all that binding asks for: what a grammar for decoding is made of. */
    public ToolSpec exactSpec() {
        return new ToolSpec(
                spec.name(), spec.description(), SchemaWriter.schema(parameters, SchemaWriter.Detail.GRAMMAR));
    }

    /** The name the model calls it by. */
    public String name() {
        return spec.name();
    }

    /** The parameters in order. */
    public List<Field> parameters() {
        return parameters;
    }

    /** What a call does to the world. */
    public Tool.Effect effect() {
        return annotation.effect();
    }

    /** How long a call may take, if the tool itself says so. */
    public Optional<Duration> timeout() {
        return annotation.timeoutMillis() > 0
                ? Optional.of(Duration.ofMillis(annotation.timeoutMillis()))
                : Optional.empty();
    }

    /** Whether the method is void. */
    public boolean returnsNothing() {
        return handle.type().returnType() == void.class;
    }

    /** The Java method, for messages: {@code Home.temperature(String)}. */
    public String origin() {
        return origin;
    }

    /** Binds the arguments of a call; the call's name is not looked at. */
    public Binding bind(ToolCall call, List<AppliedRepair> repairs) {
        ValueBinder binder = new ValueBinder(annotation.fit());
        List<@Nullable Object> arguments = binder.bindFields(parameters, call.arguments(), "");
        return binder.problems().isEmpty()
                ? new Invocation(this, call, arguments, binder.coercions(), repairs)
                : new Binding.Rejection(
                        Binding.Reason.INVALID_ARGUMENTS, Optional.of(call), binder.problems(), repairs);
    }

    /** Runs the method; an error of the machine and an exception of the method come out as they are. */
    @Nullable
    Object invoke(List<@Nullable Object> arguments) throws Exception {
        try {
            return handle.invokeWithArguments(arguments);
        } catch (Exception | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new UndeclaredThrowableException(e, origin + " threw what is neither exception nor error");
        }
    }

    @Override
    public String toString() {
        return origin;
    }
}
