package dev.jemma.engine.chat;

import dev.jemma.engine.toolcall.ToolCallFormat;

/** The writer of tools, calls and results in a prompt. */
public sealed interface ToolStyle {
    /** The format of the calls in a model's answers. */
    ToolCallFormat format();

    /** The template does: it knows {@code tools}, {@code tool_calls} and tool turns. */
    record ByTemplate(ToolCallFormat format) implements ToolStyle {}

    /** Jemma does, as text in the turns that the template knows. */
    record InTurns(ToolCallFormat format) implements ToolStyle {}

    /** The name of {@link ByTemplate} on command lines and in files. */
    String TEMPLATE = "template";

    /**
     * The style called {@code name}: {@code template}, or a format's name.
     *
     * @param template the chat template's source
     * @throws IllegalArgumentException if there is none of that name
     */
    static ToolStyle named(String name, String template) {
        return name.equals(TEMPLATE) ? new ByTemplate(written(template)) : new InTurns(ToolCallFormat.named(name));
    }

    /** The style that fits a template: its own if it speaks of tools, else the Hermes form inside its turns. */
    static ToolStyle fitting(String template) {
        return knowsTools(template) ? new ByTemplate(written(template)) : new InTurns(ToolCallFormat.named("hermes"));
    }

    /** Whether a template reads the tools that it is given. */
    static boolean knowsTools(String template) {
        return template.contains("tools");
    }

    /** Whether a template reads the calls in a message. */
    static boolean knowsCalls(String template) {
        return template.contains("tool_calls");
    }

    private static ToolCallFormat written(String template) {
        return ToolCallFormat.all().stream()
                .filter(format -> template.contains(format.opening()))
                .findFirst()
                .orElseGet(() -> ToolCallFormat.named("hermes"));
    }

    /** The name that {@link #named} takes. */
    default String name() {
        return switch (this) {
            case ByTemplate _ -> TEMPLATE;
            case InTurns turns -> turns.format.name();
        };
    }
}
