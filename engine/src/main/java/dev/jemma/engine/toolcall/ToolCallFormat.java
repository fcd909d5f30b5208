package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * How one family of models writes tool declarations, calls and results: a codec between text and {@link ToolCall}s.
 *
 * <p>Reading is strict first. What the strict grammar refuses may be accepted by a named {@link Repair}, and every
 * repair that was needed is reported with its place; a caller can forbid any of them. A call is complete only if its
 * closing marker was there (or the next call's opening marker): one that the end of the text cut off is an error, never
 * a call.
 *
 * <p>Writing never lets data pose as structure: each format says how it keeps its own markers out of strings. Control
 * tokens of other layers (turns and the like) are the tokenizer's affair, which matches special tokens in trusted spans
 * only.
 *
 * <p>Formats are stateless and safe for threads. A new one is a class here and a line in {@link #all()}.
 */
public abstract sealed class ToolCallFormat permits HermesFormat, FunctionGemmaFormat {
    /** Every repair: the default of all readers. */
    public static final Set<Repair> ALL_REPAIRS = Set.copyOf(EnumSet.allOf(Repair.class));

    /** No repair: only what a format's own grammar admits. */
    public static final Set<Repair> STRICT = Set.of();

    ToolCallFormat() {}

    /** The formats there are, in the order that messages list them. */
    public static List<ToolCallFormat> all() {
        return List.of(new HermesFormat(), new FunctionGemmaFormat());
    }

    /**
     * The format called {@code name} on command lines and in files.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static ToolCallFormat named(String name) {
        return all().stream()
                .filter(format -> format.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("unknown tool-call format '" + name + "', wanted one of "
                                + all().stream().map(ToolCallFormat::name).collect(Collectors.joining(", "))));
    }

    /** The name on command lines and in files: {@code hermes}, {@code functiongemma}. */
    public abstract String name();

    /** What opens a call. */
    public abstract String opening();

    /** What closes a call. */
    public abstract String closing();

    /** Every string with a meaning of its own in this format; a vocabulary may hold them as special tokens. */
    public abstract List<String> markers();

    /** Strings that end a turn besides the model's own end-of-turn tokens; may be empty. */
    public abstract List<String> stops();

    /** The tools as the model is told about them, with whatever instruction the format wants around them. */
    public abstract String declare(List<ToolSpec> tools);

    /** One call as the model writes it, both markers included. */
    public abstract String write(ToolCall call);

    /** What stands between two calls of one turn. */
    public abstract String separator();

    /** What the tool {@code name} answered, as the model reads it. */
    public abstract String writeResult(String name, JsonNode result);

    /** Several calls of one turn, as the model writes them. */
    public final String write(List<ToolCall> calls) {
        return calls.stream().map(this::write).collect(Collectors.joining(separator()));
    }

    /** A streaming reader with every repair. */
    public final CallReader reader(Recognition recognition) {
        return reader(recognition, ALL_REPAIRS);
    }

    /** A streaming reader that applies only the repairs in {@code allowed}. */
    public final CallReader reader(Recognition recognition, Set<Repair> allowed) {
        return new CallReader(this, recognition, allowed);
    }

    /** Reads a whole answer whose markers are plain text. */
    public final ParsedReply parse(String text) {
        return parse(text, ALL_REPAIRS);
    }

    /** Reads a whole answer whose markers are plain text, with the repairs in {@code allowed} only. */
    public final ParsedReply parse(String text, Set<Repair> allowed) {
        return ParsedReply.of(reader(Recognition.TEXT, allowed), text);
    }

    @Override
    public final String toString() {
        return name();
    }

    /** What delimits strings inside a call: a marker, or empty for quotes with backslash escapes. */
    abstract String stringDelimiter();

    /** The calls in one body, at least one; throws {@link CallSyntaxException} if there is none to be read. */
    abstract List<ToolCall> parseBody(BodyCursor body);
}
