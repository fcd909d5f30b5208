package dev.jemma.agent.bind;

import dev.jemma.agent.bind.Coercion.Kind;
import dev.jemma.engine.toolcall.JsonText;
import dev.jemma.engine.toolcall.LooseJson;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Binds values without parts: numbers, text, dates, constants. */
final class ScalarBinder {
    private final Findings found;

    ScalarBinder(Findings found) {
        this.found = found;
    }

    /** The value as a scalar, or null if it is none. */
    @Nullable
    Object scalar(ScalarKind kind, JsonNode value, String path) {
        return switch (kind.family()) {
            case TEXT -> text(value, path);
            case CHARACTER -> {
                if (value.isString() && value.stringValue().length() == 1) {
                    yield value.stringValue().charAt(0);
                }
                yield found.problem(path, Findings.shown(value), kind.description());
            }
            case BOOLEAN -> bool(value, path);
            case INTEGER, DECIMAL -> {
                JsonNode number = number(kind, value, path);
                Object exact = number == null ? null : Numbers.exact(kind, number);
                if (number != null && exact == null) {
                    yield found.problem(path, Findings.shown(value), Numbers.wanted(kind, number));
                }
                if (number != null && Numbers.changes(kind, number)) {
                    found.coerce(
                            path,
                            number.isIntegralNumber() ? Kind.ROUNDED : Kind.DECIMAL_TO_INTEGER,
                            number.toString(),
                            String.valueOf(exact),
                            kind.description());
                }
                yield exact;
            }
            case PARSED -> parsed(kind, value, path);
        };
    }

    private @Nullable Object text(JsonNode value, String path) {
        if (value.isString()) {
            return value.stringValue();
        }
        if (value.isNumber() || value.isBoolean()) {
            String text = JsonText.of(value);
            return found.coerce(path, Kind.VALUE_TO_STRING, text, '"' + text + '"', "a string") ? text : null;
        }
        return found.problem(path, Findings.shown(value), "a string");
    }

    private @Nullable Object bool(JsonNode value, String path) {
        if (value.isBoolean()) {
            return value.booleanValue();
        }
        String text = value.isString() ? value.stringValue().strip().toLowerCase(Locale.ROOT) : "";
        if (text.equals("true") || text.equals("false")) {
            return found.coerce(path, Kind.STRING_TO_BOOLEAN, Findings.shown(value), text, "true or false")
                    ? Boolean.valueOf(text)
                    : null;
        }
        return found.problem(path, Findings.shown(value), "true or false");
    }

    private @Nullable JsonNode number(ScalarKind kind, JsonNode value, String path) {
        if (value.isNumber()) {
            return value;
        }
        Optional<JsonNode> held =
                value.isString() ? LooseJson.number(value.stringValue().strip()) : Optional.empty();
        if (held.isEmpty()) {
            found.problem(path, Findings.shown(value), kind.description());
            return null;
        }
        return found.coerce(
                        path,
                        Kind.STRING_TO_NUMBER,
                        Findings.shown(value),
                        held.get().toString(),
                        kind.description())
                ? held.get()
                : null;
    }

    private @Nullable Object parsed(ScalarKind kind, JsonNode value, String path) {
        String text = value.isString()
                ? value.stringValue()
                : value.isIntegralNumber() && kind == ScalarKind.YEAR ? value.asString() : null;
        if (text == null) {
            return found.problem(path, Findings.shown(value), kind.description());
        }
        try {
            return kind.parse(text);
        } catch (RuntimeException e) {
            // the parsers of java.time, UUID and URI throw kinds of their own; one more spelling is worth a try
            String respelled = text.strip().replaceFirst("^(\\d{4}-\\d\\d-\\d\\d) +(?=\\d)", "$1T");
            if (!respelled.equals(text)) {
                try {
                    Object result = kind.parse(respelled);
                    return found.coerce(path, Kind.SPELLING, Findings.shown(value), respelled, kind.description())
                            ? result
                            : null;
                } catch (RuntimeException again) {
                    return found.problem(path, Findings.shown(value), kind.description());
                }
            }
            return found.problem(path, Findings.shown(value), kind.description());
        }
    }

    /** The constant that the value names, or null. */
    @Nullable
    Object constant(ValueType.Enumeration type, JsonNode value, String path) {
        String names = "one of " + String.join(", ", type.constants().keySet());
        if (!value.isString()) {
            return found.problem(path, Findings.shown(value), names);
        }
        Object exact = type.constants().get(value.stringValue());
        if (exact != null) {
            return exact;
        }
        List<String> near = type.constants().keySet().stream()
                .filter(name -> plain(name).equals(plain(value.stringValue())))
                .toList();
        if (near.size() != 1) {
            return found.problem(path, Findings.shown(value), names);
        }
        return found.coerce(path, Kind.SPELLING, Findings.shown(value), near.getFirst(), names)
                ? type.constants().get(near.getFirst())
                : null;
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
    }
}
