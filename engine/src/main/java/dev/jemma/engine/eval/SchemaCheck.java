package dev.jemma.engine.eval;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * Whether calls satisfy the JSON Schemas of their tools: type, enum, const, required, properties, additionalProperties,
 * items, anyOf, oneOf, minimum and maximum, minItems and maxItems, minLength and maxLength, and references into the
 * schema itself. Other keywords are not checked. Stricter than JSON Schema in one point: arguments that a tool does not
 * declare are wrong unless {@code additionalProperties} allows them. The leaderboard's own names of types are
 * understood too.
 */
public final class SchemaCheck {
    private static final int MAX_DEPTH = 100;

    private final JsonNode root;
    private final List<String> problems = new ArrayList<>();

    private SchemaCheck(JsonNode root) {
        this.root = root;
    }

    /** What is wrong with the call, each with its path; empty if it is valid. */
    public static List<String> problems(List<ToolSpec> tools, ToolCall call) {
        Optional<ToolSpec> tool =
                tools.stream().filter(each -> each.name().equals(call.name())).findFirst();
        if (tool.isEmpty()) {
            return List.of("there is no tool '" + call.name() + "'");
        }
        SchemaCheck check = new SchemaCheck(tool.get().parameters());
        check.object(check.root, call.arguments(), "", 0);
        return List.copyOf(check.problems);
    }

    private void value(JsonNode written, JsonNode value, String path, int depth) {
        if (depth > MAX_DEPTH) {
            problems.add(path + " is nested deeper than " + MAX_DEPTH);
            return;
        }
        JsonNode schema = written.has("$ref") ? resolve(written.get("$ref").asString("")) : written;
        JsonNode type = schema.path("type");
        boolean typed = type.isArray()
                ? type.valueStream().anyMatch(t -> is(t.asString(""), value))
                : is(type.asString("any"), value);
        if (!typed && !(value.isNull() && schema.path("nullable").asBoolean(false))) {
            problems.add(path + " is " + value + ", wanted " + type);
            return;
        }
        if (schema.has("enum") && schema.get("enum").valueStream().noneMatch(each -> PythonValues.equal(each, value))) {
            problems.add(path + " is " + value + ", wanted one of " + schema.get("enum"));
        }
        if (schema.has("const") && !PythonValues.equal(schema.get("const"), value)) {
            problems.add(path + " is " + value + ", wanted " + schema.get("const"));
        }
        bounds(schema, value, path);
        alternatives(schema, value, path, depth);
        if (value.isObject()) {
            object(schema, value, path, depth);
        } else if (value.isArray() && schema.path("items").isObject()) {
            for (int i = 0; i < value.size(); i++) {
                value(schema.get("items"), value.get(i), path + "[" + i + "]", depth + 1);
            }
        }
    }

    private void object(JsonNode schema, JsonNode object, String path, int depth) {
        String prefix = path.isEmpty() ? "" : path + ".";
        for (JsonNode required : schema.path("required")) {
            if (!object.has(required.asString())) {
                problems.add(prefix + required.asString() + " is missing");
            }
        }
        JsonNode properties = schema.path("properties");
        JsonNode additional = schema.path("additionalProperties");
        for (Map.Entry<String, JsonNode> entry : object.properties()) {
            JsonNode property = properties.get(entry.getKey());
            if (property != null) {
                value(property, entry.getValue(), prefix + entry.getKey(), depth + 1);
            } else if (additional.isObject()) {
                value(additional, entry.getValue(), prefix + entry.getKey(), depth + 1);
            } else if (!additional.asBoolean(!path.isEmpty() && properties.isEmpty())) {
                problems.add(prefix + entry.getKey() + " is not declared");
            }
        }
    }

    private void alternatives(JsonNode schema, JsonNode value, String path, int depth) {
        for (String keyword : List.of("anyOf", "oneOf")) {
            JsonNode options = schema.path(keyword);
            if (options.isArray() && options.valueStream().noneMatch(option -> fits(option, value, path, depth))) {
                problems.add(path + " is " + value + ", which is none of the " + options.size() + " alternatives");
            }
        }
    }

    private boolean fits(JsonNode schema, JsonNode value, String path, int depth) {
        SchemaCheck attempt = new SchemaCheck(root);
        attempt.value(schema, value, path, depth + 1);
        return attempt.problems.isEmpty();
    }

    private void bounds(JsonNode schema, JsonNode value, String path) {
        if (value.isNumber()) {
            bound(schema, "minimum", "maximum", value.decimalValue(), path, "");
        } else if (value.isString()) {
            String text = value.stringValue();
            bound(
                    schema,
                    "minLength",
                    "maxLength",
                    BigDecimal.valueOf(text.codePointCount(0, text.length())),
                    path,
                    " characters");
        } else if (value.isArray()) {
            bound(schema, "minItems", "maxItems", BigDecimal.valueOf(value.size()), path, " items");
        }
    }

    private void bound(JsonNode schema, String least, String most, BigDecimal size, String path, String unit) {
        if (schema.path(least).isNumber() && size.compareTo(schema.get(least).decimalValue()) < 0) {
            problems.add(path + " is " + size + unit + ", wanted at least " + schema.get(least));
        }
        if (schema.path(most).isNumber() && size.compareTo(schema.get(most).decimalValue()) > 0) {
            problems.add(path + " is " + size + unit + ", wanted at most " + schema.get(most));
        }
    }

    private JsonNode resolve(String reference) {
        return reference.startsWith("#") ? root.at(reference.substring(1)) : root.path("");
    }

    private static boolean is(String type, JsonNode value) {
        return switch (type) {
            case "string" -> value.isString();
            case "integer" ->
                value.isIntegralNumber()
                        || value.isNumber()
                                && value.decimalValue().stripTrailingZeros().scale() <= 0;
            case "number", "float" -> value.isNumber();
            case "boolean" -> value.isBoolean();
            case "array", "tuple" -> value.isArray();
            case "object", "dict" -> value.isObject();
            case "null" -> value.isNull();
            default -> true;
        };
    }
}
