package dev.jemma.engine.toolcall;

import static dev.jemma.engine.toolcall.Grammar.either;
import static dev.jemma.engine.toolcall.Grammar.optional;
import static dev.jemma.engine.toolcall.Grammar.sequence;
import static dev.jemma.engine.toolcall.Grammar.text;

import dev.jemma.engine.api.ToolSpec;
import java.util.List;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The texts of well-typed Hermes calls between their markers: a tool's name, and arguments by its schema, in the layout
 * that {@link HermesFormat} writes. A state of reading one is a CallGrammar too. Immutable; states that allow the same
 * are usually equal.
 */
public final class CallGrammar {
    private final Grammar grammar;

    private CallGrammar(Grammar grammar) {
        this.grammar = grammar;
    }

    /**
     * What may stand between the markers.
     *
     * @throws IllegalArgumentException if there are no tools, or a schema has no values
     */
    public static CallGrammar of(List<ToolSpec> tools) {
        Grammar[] calls = new Grammar[tools.size()];
        for (int i = 0; i < calls.length; i++) {
            ToolSpec tool = tools.get(i);
            Grammar arguments = SchemaGrammar.of(tool.parameters());
            if (arguments == Grammar.NOTHING) {
                throw new IllegalArgumentException("no arguments satisfy the schema of '" + tool.name() + "'");
            }
            String name = JsonText.of(JsonNodeFactory.instance.stringNode(tool.name()));
            calls[i] = sequence(text("{\"name\": " + name + ", \"arguments\": "), arguments, text("}"));
        }
        if (calls.length == 0) {
            throw new IllegalArgumentException("there are no tools to call");
        }
        Grammar line = optional(text("\n"));
        return new CallGrammar(sequence(line, either(calls), line));
    }

    /** These texts, then {@code end}. */
    public CallGrammar followedBy(String end) {
        return new CallGrammar(sequence(grammar, text(end)));
    }

    /** {@code beginning}, then these texts. */
    public CallGrammar precededBy(String beginning) {
        return new CallGrammar(sequence(text(beginning), grammar));
    }

    /** What may follow {@code c}; see {@link #isDead}. */
    public CallGrammar after(char c) {
        return new CallGrammar(grammar.after(c));
    }

    /** Whether nothing may follow and nothing may end here: a char that leads here is not allowed. */
    public boolean isDead() {
        return grammar == Grammar.NOTHING;
    }

    /** Whether the text may end here. */
    public boolean mayEnd() {
        return grammar.mayEnd();
    }

    /** Whether the text must end here. */
    public boolean isOver() {
        return grammar == Grammar.EMPTY;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CallGrammar that && grammar.equals(that.grammar);
    }

    @Override
    public int hashCode() {
        return grammar.hashCode();
    }
}
