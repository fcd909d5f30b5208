package dev.jemma.agent;

import dev.jemma.agent.bind.SchemaWriter;
import dev.jemma.agent.bind.TypeReader;
import dev.jemma.agent.bind.ValueBinder;
import dev.jemma.agent.bind.ValueType;
import dev.jemma.engine.toolcall.JsonText;
import dev.jemma.engine.toolcall.LooseJson;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** The type that an answer is to have: what the model is told about it, and how its text is read. */
final class AnswerType {
    private final ValueType type;
    private final String instruction;

    AnswerType(Class<?> type) {
        this.type = new TypeReader().read(type);
        this.instruction =
                "Answer with JSON alone, by this JSON Schema: " + JsonText.of(SchemaWriter.schema(this.type));
    }

    /** Follows the question. */
    String instruction() {
        return instruction;
    }

    /** A text read: the value, or why it is none. */
    sealed interface Read {
        /** The value. */
        record Value(Object value) implements Read {}

        /** No value. */
        record Problem(String message) implements Read {}
    }

    Read read(String text) {
        Optional<JsonNode> json = json(text);
        if (json.isEmpty()) {
            return new Read.Problem("there is no JSON in it");
        }
        ValueBinder binder = new ValueBinder(Tool.Fit.LENIENT);
        Object value = binder.bind(type, json.get(), "");
        if (!binder.problems().isEmpty() || value == null) {
            String problems = binder.problems().stream().map(Objects::toString).collect(Collectors.joining("; "));
            return new Read.Problem(problems.isEmpty() ? "the value is null" : problems);
        }
        return new Read.Value(value);
    }

    /**
     * The whole text as JSON, or what lies between the first and the last bracket; for a type without parts, the text
     * itself.
     */
    private Optional<JsonNode> json(String text) {
        boolean plain = type instanceof ValueType.Scalar || type instanceof ValueType.Enumeration;
        Optional<JsonNode> whole = parse(text);
        if (whole.isPresent()) {
            return whole;
        }
        if (plain) {
            return Optional.of(JsonNodeFactory.instance.stringNode(text.strip()));
        }
        int from = first(text.indexOf('{'), text.indexOf('['));
        int to = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
        return from < 0 || to < from ? Optional.empty() : parse(text.substring(from, to + 1));
    }

    private static Optional<JsonNode> parse(String text) {
        try {
            return Optional.of(LooseJson.parse(text));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static int first(int a, int b) {
        return a < 0 ? b : b < 0 ? a : Math.min(a, b);
    }
}
