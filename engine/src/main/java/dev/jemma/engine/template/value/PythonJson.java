package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Hugging Face's {@code tojson}: Python's {@code json.dumps} with {@code ensure_ascii=False} unless told otherwise. The
 * marks of strings and keys stay with them.
 */
public final class PythonJson {
    private static final int MAX_NESTING = 400;

    private final Python python;
    private final Text.Builder out;
    private final boolean ascii;
    private final boolean sortKeys;
    private final Optional<String> indent;
    private final String itemSeparator;
    private final String keySeparator;

    private PythonJson(Python python, Arguments arguments) {
        this.python = python;
        out = new Text.Builder(python.budget());
        ascii = arguments.truth(0, "ensure_ascii", false);
        indent = arguments.given(1, "indent").map(PythonJson::indentation);
        Optional<List<Value>> separators = arguments.given(2, "separators").map(python::list);
        if (separators.isPresent() && separators.get().size() != 2) {
            throw TemplateException.failed(
                    "tojson wants two separators, not " + separators.get().size());
        }
        itemSeparator = separators
                .map(s -> Arguments.asText("tojson", s.get(0)).chars())
                .orElse(indent.isPresent() ? "," : ", ");
        keySeparator = separators
                .map(s -> Arguments.asText("tojson", s.get(1)).chars())
                .orElse(": ");
        sortKeys = arguments.truth(3, "sort_keys", false);
    }

    public static Value dump(Python python, Value value, Arguments arguments) {
        var json =
                new PythonJson(python, arguments.only("tojson", "ensure_ascii", "indent", "separators", "sort_keys"));
        json.write(value, 0);
        return json.out.build();
    }

    private static String indentation(Value value) {
        return value instanceof Text text
                ? text.chars()
                : " ".repeat(Math.max(0, Math.min(1000, Arguments.asInt(value))));
    }

    private void write(Value value, int depth) {
        python.budget().charge(1);
        if (depth > MAX_NESTING) {
            throw TemplateException.limit("a value is nested deeper than " + MAX_NESTING + " levels");
        }
        switch (value) {
            case Text text -> string(text);
            case Value.Null none -> out.append("null");
            case Value.Bool bool -> out.append(bool == Value.Bool.TRUE ? "true" : "false");
            case Value.Int number -> out.append(Python.digits(number.value()));
            case Value.Real real -> out.append(real(real.value()));
            case Value.Sequence sequence -> list(sequence.items(), depth);
            case Value.Dict dict -> dict(dict, depth);
            default ->
                throw TemplateException.failed(
                        "Object of type " + Python.typeName(value) + " is not JSON serializable");
        }
    }

    private static String real(double value) {
        return Double.isNaN(value)
                ? "NaN"
                : Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : Formatting.repr(value);
    }

    private void newLine(int depth) {
        indent.ifPresent(text -> {
            out.append("\n");
            for (int i = 0; i < depth; i++) {
                out.append(text);
            }
        });
    }

    private void list(List<Value> items, int depth) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append("[");
        String separator = "";
        for (Value item : items) {
            out.append(separator);
            newLine(depth + 1);
            write(item, depth + 1);
            separator = itemSeparator;
        }
        newLine(depth);
        out.append("]");
    }

    private void dict(Value.Dict dict, int depth) {
        if (dict.size() == 0) {
            out.append("{}");
            return;
        }
        List<Value.Dict.Entry> entries = new ArrayList<>();
        dict.entries().forEach(entries::add);
        if (sortKeys) {
            python.budget().charge(entries.size());
            entries.sort((a, b) -> python.order(a.key(), b.key(), "<"));
        }
        out.append("{");
        String separator = "";
        for (Value.Dict.Entry entry : entries) {
            out.append(separator);
            newLine(depth + 1);
            key(entry.key());
            out.append(keySeparator);
            write(entry.value(), depth + 1);
            separator = itemSeparator;
        }
        newLine(depth);
        out.append("}");
    }

    private void key(Value key) {
        switch (key) {
            case Text text -> string(text);
            case Value.Null none -> out.append("\"null\"");
            case Value.Bool bool -> out.append(bool == Value.Bool.TRUE ? "\"true\"" : "\"false\"");
            case Value.Int number -> out.append("\"" + Python.digits(number.value()) + "\"");
            case Value.Real real -> out.append("\"" + real(real.value()) + "\"");
            default ->
                throw TemplateException.failed(
                        "keys must be str, int, float, bool or None, not " + Python.typeName(key));
        }
    }

    private void string(Text text) {
        out.append("\"");
        String chars = text.chars();
        int plain = 0;
        for (int i = 0; i < chars.length(); i++) {
            char c = chars.charAt(i);
            String escape = switch (c) {
                case '"' -> "\\\"";
                case '\\' -> "\\\\";
                case '\n' -> "\\n";
                case '\r' -> "\\r";
                case '\t' -> "\\t";
                case '\b' -> "\\b";
                case '\f' -> "\\f";
                default -> c < 0x20 || (ascii && c > 0x7e) ? String.format("\\u%04x", (int) c) : "";
            };
            if (!escape.isEmpty()) {
                out.append(text.substring(plain, i).asPlain());
                out.append(escape, text.mark(i));
                plain = i + 1;
            }
        }
        out.append(text.substring(plain, chars.length()).asPlain());
        out.append("\"");
    }
}
