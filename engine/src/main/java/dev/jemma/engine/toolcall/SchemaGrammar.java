package dev.jemma.engine.toolcall;

import static dev.jemma.engine.toolcall.Grammar.either;
import static dev.jemma.engine.toolcall.Grammar.one;
import static dev.jemma.engine.toolcall.Grammar.optional;
import static dev.jemma.engine.toolcall.Grammar.repeat;
import static dev.jemma.engine.toolcall.Grammar.sequence;
import static dev.jemma.engine.toolcall.Grammar.text;
import static dev.jemma.engine.toolcall.Grammar.then;

import dev.jemma.engine.toolcall.Grammar.Chars;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The JSON texts that a schema admits, in the layout of {@link JsonText}: type, enum, const, properties in any order,
 * required, additionalProperties, propertyNames, items, minItems, maxItems, minLength, maxLength, minimum and maximum
 * of integers, anyOf, oneOf, local references, and the formats of {@link TextFormats}. Everything else in a schema
 * narrows nothing.
 *
 * <p>What nests without end (references to themselves, values without a schema) is cut off at a depth, so that every
 * text that is begun can be finished.
 */
final class SchemaGrammar {
    private static final int MAX_NESTING = 10;
    private static final int MAX_PROPERTIES = 64;
    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

    private final JsonNode root;
    private final Map<String, Grammar> references = new HashMap<>();

    private SchemaGrammar(JsonNode root) {
        this.root = root;
    }

    /** The texts of values of {@code schema}, which is a whole schema: references are looked up in it. */
    static Grammar of(JsonNode schema) {
        return new SchemaGrammar(schema).value(schema, MAX_NESTING);
    }

    private Grammar value(JsonNode schema, int depth) {
        if (depth == 0) {
            return Grammar.NOTHING;
        }
        if (schema.has("$ref")) {
            return reference(schema.get("$ref").asString(""), depth);
        }
        if (schema.has("const")) {
            return text(JsonText.of(schema.get("const")));
        }
        if (schema.has("enum")) {
            return either(schema.get("enum")
                    .valueStream()
                    .map(each -> text(JsonText.of(each)))
                    .toArray(Grammar[]::new));
        }
        for (String keyword : List.of("anyOf", "oneOf")) {
            if (schema.has(keyword)) {
                return either(schema.get(keyword)
                        .valueStream()
                        .map(each -> value(each, depth))
                        .toArray(Grammar[]::new));
            }
        }
        JsonNode type = schema.path("type");
        Grammar typed = type.isArray()
                ? either(type.valueStream()
                        .map(each -> typed(each.asString(""), schema, depth))
                        .toArray(Grammar[]::new))
                : typed(type.asString(""), schema, depth);
        return schema.path("nullable").asBoolean(false) ? either(typed, text("null")) : typed;
    }

    private Grammar typed(String type, JsonNode schema, int depth) {
        return switch (type) {
            case "string" -> new Grammar.Part(string(schema));
            case "integer" -> integers(bound(schema, "minimum", LONG_MIN), bound(schema, "maximum", LONG_MAX));
            case "number", "float" -> TextFormats.number(schema.path("format").asString(""));
            case "boolean" -> either(text("true"), text("false"));
            case "null" -> text("null");
            case "array", "tuple" -> array(schema, depth);
            case "object", "dict" -> object(schema, depth);
            default -> anything(depth);
        };
    }

    /** References at the same depth share one grammar: a tree of them would grow without measure. */
    private Grammar reference(String reference, int depth) {
        String key = depth + reference;
        Grammar known = references.get(key);
        if (known == null) {
            JsonNode target = reference.startsWith("#") ? root.at(reference.substring(1)) : root.path("");
            Grammar built = value(target, depth - 1);
            known = built == Grammar.NOTHING ? built : new Grammar.Part(built);
            references.put(key, known);
        }
        return known;
    }

    private static Grammar integers(BigInteger least, BigInteger most) {
        return least.compareTo(most) > 0 ? Grammar.NOTHING : new Grammar.Integers(least, most, "");
    }

    private static BigInteger bound(JsonNode schema, String keyword, BigInteger otherwise) {
        return schema.path(keyword).isIntegralNumber() ? schema.get(keyword).bigIntegerValue() : otherwise;
    }

    private static Grammar string(JsonNode schema) {
        Grammar format = TextFormats.string(schema.path("format").asString(""));
        if (format != Grammar.NOTHING) {
            return sequence(text("\""), format, text("\""));
        }
        int least = schema.path("minLength").asInt(0);
        int most = schema.path("maxLength").asInt(Integer.MAX_VALUE);
        return sequence(
                text("\""),
                repeat(character(most == 1 ? Chars.IN_STRING_WHOLE : Chars.IN_STRING), least, most),
                text("\""));
    }

    private static Grammar character(Chars plain) {
        List<Grammar> escapes = new ArrayList<>();
        "\"\\/bfnrt".chars().forEach(c -> escapes.add(text("\\" + (char) c)));
        escapes.add(one(plain));
        escapes.add(then(text("\\u00"), repeat(one(Chars.HEX), 2, 2)));
        return new Grammar.Part(either(escapes.toArray(Grammar[]::new)));
    }

    private Grammar array(JsonNode schema, int depth) {
        Grammar item = schema.path("items").isObject() ? value(schema.get("items"), depth - 1) : anything(depth - 1);
        int least = schema.path("minItems").asInt(0);
        int most = schema.path("maxItems").asInt(Integer.MAX_VALUE);
        Grammar more = repeat(
                then(text(", "), item),
                Math.max(0, least - 1),
                most == Integer.MAX_VALUE ? most : Math.max(0, most - 1));
        Grammar some = most == 0 ? Grammar.NOTHING : sequence(item, more);
        return part(sequence(text("["), least == 0 ? optional(some) : some, text("]")));
    }

    private Grammar object(JsonNode schema, int depth) {
        JsonNode properties = schema.path("properties");
        if (properties.size() > MAX_PROPERTIES) {
            throw new IllegalArgumentException(
                    "an object has " + properties.size() + " properties, a grammar takes at most " + MAX_PROPERTIES);
        }
        JsonNode additional = schema.path("additionalProperties");
        if (properties.isEmpty()
                && (additional.isObject() || schema.path("required").isEmpty() && !schema.has("properties"))) {
            return map(
                    key(schema.path("propertyNames")),
                    additional.isObject() ? value(additional, depth - 1) : anything(depth - 1));
        }
        List<String> keys = new ArrayList<>();
        List<Grammar> values = new ArrayList<>();
        long required = 0;
        for (Map.Entry<String, JsonNode> property : properties.properties()) {
            boolean isRequired = schema.path("required")
                    .valueStream()
                    .anyMatch(name -> name.asString("").equals(property.getKey()));
            Grammar value = value(property.getValue(), depth - 1);
            if (value == Grammar.NOTHING && isRequired) {
                return Grammar.NOTHING;
            }
            if (value != Grammar.NOTHING) {
                required |= isRequired ? 1L << keys.size() : 0;
                keys.add(JsonText.of(JsonNodeFactory.instance.stringNode(property.getKey())));
                values.add(value);
            }
        }
        long all = keys.size() == MAX_PROPERTIES ? -1 : (1L << keys.size()) - 1;
        return then(text("{"), new Grammar.Members(new Grammar.Entries(keys, values, required), all, true));
    }

    /** A key with its quotes, whatever its type. */
    private static Grammar key(JsonNode schema) {
        JsonNode type = schema.path("type");
        return switch (type.asString("")) {
            case "integer", "number", "boolean" ->
                sequence(text("\""), new SchemaGrammar(schema).value(schema, 1), text("\""));
            default -> schema.has("enum") ? new SchemaGrammar(schema).value(schema, 1) : string(schema);
        };
    }

    private static Grammar map(Grammar key, Grammar value) {
        Grammar entry = sequence(key, text(": "), value);
        Grammar some = then(entry, repeat(then(text(", "), entry), 0, Integer.MAX_VALUE));
        return part(sequence(text("{"), optional(some), text("}")));
    }

    /** Any JSON value, less and less nested. */
    private Grammar anything(int depth) {
        Grammar known = references.get(depth + "any");
        if (known == null) {
            Grammar string = sequence(text("\""), repeat(character(Chars.IN_STRING), 0, Integer.MAX_VALUE), text("\""));
            Grammar scalar = either(string, TextFormats.number(""), text("true"), text("false"), text("null"));
            known = scalar;
            if (depth > 1) {
                Grammar inner = anything(depth - 1);
                Grammar items = then(inner, repeat(then(text(", "), inner), 0, Integer.MAX_VALUE));
                known = either(scalar, sequence(text("["), optional(items), text("]")), map(key(root.path("")), inner));
            }
            known = new Grammar.Part(known);
            references.put(depth + "any", known);
        }
        return known;
    }

    private static Grammar part(Grammar grammar) {
        return grammar == Grammar.NOTHING ? grammar : new Grammar.Part(grammar);
    }
}
