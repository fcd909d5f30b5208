package dev.jemma.engine.toolcall;

import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * JSON as Python's {@code json.dumps(value, ensure_ascii=False)} lays it out, {@code ", "} and {@code ": "}: the form
 * that chat templates put into prompts and models were trained on. Numbers keep their exact value.
 */
public final class JsonText {
    private JsonText() {}

    /** The value in one line. */
    public static String of(JsonNode value) {
        return of(value, List.of());
    }

    /**
     * The value in one line, in which none of {@code forbidden} occurs: inside strings, their first char is written as
     * an escape, which every JSON reader undoes. Each must begin with {@code '<'}.
     */
    static String of(JsonNode value, List<String> forbidden) {
        StringBuilder text = new StringBuilder();
        write(value, forbidden, text);
        return text.toString();
    }

    private static void write(JsonNode value, List<String> forbidden, StringBuilder text) {
        switch (value.getNodeType()) {
            case OBJECT -> {
                text.append('{');
                String separator = "";
                for (Map.Entry<String, JsonNode> entry : value.properties()) {
                    text.append(separator);
                    string(entry.getKey(), forbidden, text);
                    text.append(": ");
                    write(entry.getValue(), forbidden, text);
                    separator = ", ";
                }
                text.append('}');
            }
            case ARRAY -> {
                text.append('[');
                String separator = "";
                for (JsonNode item : value) {
                    text.append(separator);
                    write(item, forbidden, text);
                    separator = ", ";
                }
                text.append(']');
            }
            case STRING -> string(value.stringValue(), forbidden, text);
            case NUMBER -> text.append(number(value));
            case BOOLEAN, NULL -> text.append(value);
            case BINARY, MISSING, POJO ->
                throw new IllegalArgumentException("a " + value.getNodeType() + " node is no JSON value");
        }
    }

    /** A finite number in the shortest form that keeps its value. */
    static String number(JsonNode value) {
        if ((value.isDouble() || value.isFloat()) && !Double.isFinite(value.doubleValue())) {
            throw new IllegalArgumentException("JSON has no " + value.doubleValue());
        }
        return value.isBigDecimal() ? value.decimalValue().toString() : value.asString();
    }

    private static void string(String value, List<String> forbidden, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                default -> {
                    if (c < ' ' || c == '<' && startsWithAny(value, i, forbidden)) {
                        text.append(String.format("\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }

    private static boolean startsWithAny(String value, int offset, List<String> forbidden) {
        for (String marker : forbidden) {
            if (value.startsWith(marker, offset)) {
                return true;
            }
        }
        return false;
    }
}
