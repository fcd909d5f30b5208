package dev.jemma.agent;

import dev.jemma.agent.bind.ToolBinder;
import dev.jemma.agent.bind.ToolMethod;
import dev.jemma.engine.api.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The tools of an agent: those of several objects, less what was filtered out. Immutable. */
public final class Toolbox {
    /** No tools. */
    public static final Toolbox EMPTY = new Toolbox(ToolBinder.of(List.of()));

    private final ToolBinder binder;

    private Toolbox(ToolBinder binder) {
        this.binder = binder;
    }

    /**
     * The {@link Tool} methods of these objects; a Class stands for its static methods.
     *
     * @throws IllegalArgumentException if an object has none, a method cannot be a tool, or two have the same name
     */
    public static Toolbox of(Object... objects) {
        return new Toolbox(ToolBinder.of(objects));
    }

    /** These tools and those of further objects. */
    public Toolbox with(Object... objects) {
        List<ToolMethod> tools = new ArrayList<>(binder.tools());
        tools.addAll(ToolBinder.of(objects).tools());
        return new Toolbox(ToolBinder.of(tools));
    }

    /** The tools that pass. */
    public Toolbox filter(Predicate<ToolMethod> predicate) {
        return new Toolbox(
                ToolBinder.of(binder.tools().stream().filter(predicate).toList()));
    }

    /**
     * The tools of these names.
     *
     * @throws IllegalArgumentException if there is no tool of a name
     */
    public Toolbox only(String... names) {
        Set<String> wanted = known(names);
        return filter(tool -> wanted.contains(tool.name()));
    }

    /**
     * All but the tools of these names.
     *
     * @throws IllegalArgumentException if there is no tool of a name
     */
    public Toolbox without(String... names) {
        Set<String> unwanted = known(names);
        return filter(tool -> !unwanted.contains(tool.name()));
    }

    private Set<String> known(String... names) {
        for (String name : names) {
            if (binder.tool(name).isEmpty()) {
                throw new IllegalArgumentException("there is no tool '" + name + "', only "
                        + binder.tools().stream().map(ToolMethod::name).collect(Collectors.joining(", ")));
            }
        }
        return Set.of(names);
    }

    /** What a model is told about them. */
    public List<ToolSpec> specs() {
        return binder.specs();
    }

    /** Binds calls to them, without any model. */
    public ToolBinder binder() {
        return binder;
    }
}
