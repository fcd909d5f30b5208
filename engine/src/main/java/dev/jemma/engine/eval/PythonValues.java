package dev.jemma.engine.eval;

import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** JSON values with Python's types and Python's equality, in which the leaderboard's rules are stated. */
final class PythonValues {
    private static final Pattern IGNORED = Pattern.compile("[ ,./\\-_*^]");

    private PythonValues() {}

    /** Python's types of JSON values. */
    enum Type {
        STR,
        INT,
        FLOAT,
        BOOL,
        LIST,
        DICT,
        NONE
    }

    static Type type(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> Type.DICT;
            case ARRAY -> Type.LIST;
            case STRING -> Type.STR;
            case NUMBER -> value.isIntegralNumber() ? Type.INT : Type.FLOAT;
            case BOOLEAN -> Type.BOOL;
            case NULL, BINARY, MISSING, POJO -> Type.NONE;
        };
    }

    /** Python's {@code a == b}: numbers and booleans by value, decimals as doubles, the rest part by part. */
    static boolean equal(JsonNode a, JsonNode b) {
        Type typeA = type(a);
        Type typeB = type(b);
        if (isNumeric(typeA) && isNumeric(typeB)) {
            return typeA == Type.FLOAT && typeB == Type.FLOAT
                    ? a.doubleValue() == b.doubleValue()
                    : exact(a).compareTo(exact(b)) == 0;
        }
        if (typeA != typeB || a.size() != b.size()) {
            return false;
        }
        return switch (typeA) {
            case LIST -> {
                for (int i = 0; i < a.size(); i++) {
                    if (!equal(a.get(i), b.get(i))) {
                        yield false;
                    }
                }
                yield true;
            }
            case DICT ->
                a.properties().stream()
                        .allMatch(entry -> b.has(entry.getKey()) && equal(entry.getValue(), b.get(entry.getKey())));
            case STR -> a.stringValue().equals(b.stringValue());
            case NONE -> true;
            case INT, FLOAT, BOOL -> throw new AssertionError("numeric values are compared above");
        };
    }

    /** Python's {@code value in values}. */
    static boolean in(JsonNode value, List<JsonNode> values) {
        return values.stream().anyMatch(each -> equal(value, each));
    }

    /** The string without case, spaces and the punctuation {@code ,./-_*^}, single quotes as double. */
    static String standard(String text) {
        return IGNORED.matcher(text).replaceAll("").toLowerCase(Locale.ROOT).replace('\'', '"');
    }

    /**
     * A string standardised, a list with its strings standardised (not those inside of lists), everything else itself.
     */
    static JsonNode standard(JsonNode value) {
        return value.isString() ? JsonNodeFactory.instance.stringNode(standard(value.stringValue())) : value;
    }

    static ArrayNode standardItems(JsonNode list) {
        ArrayNode items = JsonNodeFactory.instance.arrayNode();
        list.forEach(item -> items.add(standard(item)));
        return items;
    }

    private static boolean isNumeric(Type type) {
        return type == Type.INT || type == Type.FLOAT || type == Type.BOOL;
    }

    private static BigDecimal exact(JsonNode value) {
        return switch (type(value)) {
            case BOOL -> value.booleanValue() ? BigDecimal.ONE : BigDecimal.ZERO;
            case INT -> new BigDecimal(value.bigIntegerValue());
            default -> new BigDecimal(value.doubleValue());
        };
    }
}
