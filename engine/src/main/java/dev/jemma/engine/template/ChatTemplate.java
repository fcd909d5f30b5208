package dev.jemma.engine.template;

import dev.jemma.engine.api.Origin;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.template.run.Interpreter;
import dev.jemma.engine.template.syntax.Parser;
import dev.jemma.engine.template.syntax.Statement;
import dev.jemma.engine.template.value.Budget;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.NullNode;

/**
 * A chat template: Jinja as Hugging Face's {@code apply_chat_template} runs it (jinja2 3.1, a sandboxed and immutable
 * environment, trim_blocks and lstrip_blocks, loop controls, {@code generation} blocks, {@code raise_exception},
 * {@code strftime_now}, {@code tojson} without HTML escapes).
 *
 * <p>Templates come from downloads, so they are interpreted: a template reaches only the values it is given, and steps,
 * depth and output are bounded. Texts carry their origin through every operation, so that the result tells the
 * template's own words from the assistant's and from those of users and tools. Immutable and safe for threads.
 *
 * <p>Not supported, and refused by name: other templates (include, import, extends) and autoescape. Filters that make
 * HTML (urlize, xmlattr, striptags) or chance (random) are unknown.
 */
public final class ChatTemplate {
    private static final long BASE_STEPS = 4_000_000;
    private static final long BASE_CHARACTERS = 1 << 22;
    private static final long STEPS_PER_CHARACTER = 64;

    private final String source;
    private final List<Statement> body;

    private ChatTemplate(String source, List<Statement> body) {
        this.source = source;
        this.body = body;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException of kind SYNTAX, with line and column
     */
    public static ChatTemplate parse(String source) {
        return new ChatTemplate(source, Parser.parse(source, Interpreter.KNOWN));
    }

    /** The template as it was written. */
    public String source() {
        return source;
    }

    /** Renders a conversation to spans for the tokenizer; see {@link #trace}. */
    public List<TextSpan> render(JsonNode messages, JsonNode tools, RenderOptions options) {
        return trace(messages, tools, options).spans();
    }

    /**
     * Renders a conversation.
     *
     * @param messages an array of objects with role, content and what else the template reads
     * @param tools an array of tool declarations, or null's node for none
     * @throws TemplateException of kind RAISED if the template refuses the conversation, FAILED if an operation fails,
     *     LIMIT if a bound is passed
     */
    public Rendering trace(JsonNode messages, JsonNode tools, RenderOptions options) {
        var inputs = new Inputs();
        Map<String, Value> variables = new HashMap<>();
        options.specialTokens().forEach((name, token) -> variables.put(name, Text.of(token)));
        options.variables().forEach((name, value) -> variables.put(name, inputs.value(value, Origin.TEMPLATE)));
        variables.put("messages", inputs.messages(messages));
        variables.put("tools", inputs.value(tools, Origin.OUTSIDE));
        variables.putIfAbsent("documents", Value.Null.NONE);
        variables.put("add_generation_prompt", Value.Bool.of(options.prompt() == RenderOptions.GenerationPrompt.ADD));
        return Rendering.of(run(variables, inputs.characters(), options.now().orElseGet(LocalDateTime::now)));
    }

    /** Renders a conversation without tools. */
    public Rendering trace(JsonNode messages, RenderOptions options) {
        return trace(messages, NullNode.getInstance(), options);
    }

    private Text run(Map<String, Value> variables, long inputCharacters, LocalDateTime now) {
        long scaled = inputCharacters * STEPS_PER_CHARACTER;
        var budget = new Budget(BASE_STEPS + scaled, BASE_CHARACTERS + scaled);
        return new Interpreter(budget, now).run(body, variables);
    }

    /** Renders with any variables from outside, for tests against jinja2. */
    String renderVariables(JsonNode variables) {
        var inputs = new Inputs();
        Map<String, Value> values = new HashMap<>();
        variables.properties().forEach(p -> values.put(p.getKey(), inputs.value(p.getValue(), Origin.OUTSIDE)));
        return run(values, inputs.characters(), LocalDateTime.of(2026, 1, 2, 3, 4, 5))
                .chars();
    }
}
