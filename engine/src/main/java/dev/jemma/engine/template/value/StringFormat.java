package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.util.Map;

/**
 * {@code str.format}: replacement fields by position or name, with attributes, elements, conversions and
 * specifications. Fields reach what the template's own expressions reach, not more.
 */
final class StringFormat {
    private final Python python;
    private final Arguments arguments;
    private int automatic;
    private boolean numbered;

    private StringFormat(Python python, Arguments arguments) {
        this.python = python;
        this.arguments = arguments;
    }

    static Text format(Python python, Text format, Arguments arguments) {
        return new StringFormat(python, arguments).expand(format, 2);
    }

    static Text formatMap(Python python, Text format, Value mapping) {
        if (!(mapping instanceof Value.Dict dict)) {
            throw TemplateException.failed("'" + Python.typeName(mapping) + "' object is not a mapping");
        }
        Map<String, Value> named = new java.util.LinkedHashMap<>();
        dict.entries().forEach(e -> {
            if (e.key() instanceof Text key) {
                named.put(key.chars(), e.value());
            }
        });
        return format(python, format, new Arguments(java.util.List.of(), named));
    }

    private Text expand(Text format, int levels) {
        if (levels == 0) {
            throw TemplateException.failed("Max string recursion exceeded");
        }
        var out = new Text.Builder(python.budget());
        String chars = format.chars();
        for (int i = 0; i < chars.length(); ) {
            char c = chars.charAt(i);
            if (c != '{' && c != '}') {
                int end = i;
                while (end < chars.length() && chars.charAt(end) != '{' && chars.charAt(end) != '}') {
                    end++;
                }
                out.append(format.substring(i, end).asPlain());
                i = end;
            } else if (i + 1 < chars.length() && chars.charAt(i + 1) == c) {
                out.append(format.substring(i, i + 1).asPlain());
                i += 2;
            } else if (c == '}') {
                throw TemplateException.failed("Single '}' encountered in format string");
            } else {
                int end = fieldEnd(chars, i + 1);
                out.append(field(format.substring(i + 1, end), levels));
                i = end + 1;
            }
        }
        return out.build();
    }

    private static int fieldEnd(String chars, int from) {
        int open = 1;
        for (int i = from; i < chars.length(); i++) {
            open += chars.charAt(i) == '{' ? 1 : chars.charAt(i) == '}' ? -1 : 0;
            if (open == 0) {
                return i;
            }
        }
        throw TemplateException.failed(
                from == chars.length()
                        ? "Single '{' encountered in format string"
                        : "expected '}' before end of string");
    }

    private Text field(Text field, int levels) {
        String chars = field.chars();
        int nameEnd = 0;
        boolean bracket = false;
        while (nameEnd < chars.length()
                && (bracket || (chars.charAt(nameEnd) != ':' && chars.charAt(nameEnd) != '!'))) {
            bracket = chars.charAt(nameEnd) == '[' || (bracket && chars.charAt(nameEnd) != ']');
            nameEnd++;
        }
        Value value = lookup(chars.substring(0, nameEnd));
        int specFrom = nameEnd;
        if (nameEnd < chars.length() && chars.charAt(nameEnd) == '!') {
            String conversion = chars.substring(nameEnd + 1, Math.min(nameEnd + 2, chars.length()));
            value = switch (conversion) {
                case "s" -> python.str(value);
                case "r" -> python.repr(value);
                default -> throw TemplateException.failed("Unknown conversion specifier " + conversion);
            };
            specFrom = nameEnd + 2;
            if (specFrom < chars.length() && chars.charAt(specFrom) != ':') {
                throw TemplateException.failed("expected ':' after conversion specifier");
            }
        }
        Text spec = specFrom < chars.length()
                ? expand(field.substring(specFrom + 1, chars.length()), levels - 1)
                : Text.EMPTY;
        return Formatting.field(python, value, spec.chars());
    }

    private Value lookup(String path) {
        int end = 0;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
            end++;
        }
        Value value = first(path.substring(0, end));
        while (end < path.length()) {
            if (path.charAt(end) == '.') {
                int from = end + 1;
                end = from;
                while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
                    end++;
                }
                value = python.access().attribute(value, path.substring(from, end));
            } else {
                int close = path.indexOf(']', end);
                if (close < 0 || path.charAt(end) != '[') {
                    throw TemplateException.failed("Missing ']' in format string");
                }
                String key = path.substring(end + 1, close);
                value = python.access().item(value, isNumber(key) ? Value.Int.of(Integer.parseInt(key)) : Text.of(key));
                end = close + 1;
            }
        }
        return value;
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.length() < 9 && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private Value first(String name) {
        if (!name.isEmpty() && !isNumber(name)) {
            Value value = arguments.named().get(name);
            if (value == null) {
                throw TemplateException.failed(Python.quote(name));
            }
            return value;
        }
        if (name.isEmpty() ? numbered : automatic > 0) {
            throw TemplateException.failed(
                    "cannot switch from manual field specification to automatic field numbering");
        }
        numbered |= !name.isEmpty();
        int index = name.isEmpty() ? automatic++ : Integer.parseInt(name);
        if (index >= arguments.positional().size()) {
            throw TemplateException.failed("Replacement index " + index + " out of range for positional args tuple");
        }
        return arguments.positional().get(index);
    }
}
