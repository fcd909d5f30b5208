package dev.jemma.engine.template;

import dev.jemma.engine.api.Origin;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Turns JSON into values whose texts know whose they are. */
final class Inputs {
    private static final int MAX_NESTING = 400;

    /** Characters read so far: the budget of a rendering grows with its input. */
    private long characters;

    long characters() {
        return characters;
    }

    /** Messages: what assistants say is theirs, the rest is from outside. */
    Value messages(JsonNode messages) {
        if (!messages.isArray()) {
            return value(messages, Origin.OUTSIDE);
        }
        List<Value> list = new ArrayList<>();
        for (JsonNode message : messages) {
            list.add(message.isObject() ? message(message) : value(message, Origin.OUTSIDE));
        }
        return Value.Sequence.list(list);
    }

    private Value message(JsonNode message) {
        String role = message.path("role").isString() ? message.path("role").stringValue() : "";
        Origin origin = role.equals("assistant") || role.equals("model") ? Origin.ASSISTANT : Origin.OUTSIDE;
        var dict = new Value.Dict();
        message.properties().forEach(property -> {
            boolean plainRole = property.getKey().equals("role") && role.matches("[A-Za-z][A-Za-z0-9_-]*");
            dict.put(
                    Text.of(property.getKey(), origin),
                    value(property.getValue(), plainRole ? Origin.TEMPLATE : origin));
        });
        return dict;
    }

    Value value(JsonNode node, Origin origin) {
        return value(node, origin, 0);
    }

    private Value value(JsonNode node, Origin origin, int depth) {
        if (depth > MAX_NESTING) {
            throw TemplateException.limit("the input is nested deeper than " + MAX_NESTING + " levels");
        }
        characters += 8;
        return switch (node.getNodeType()) {
            case STRING -> {
                characters += node.stringValue().length();
                yield Text.of(node.stringValue(), origin);
            }
            case BOOLEAN -> Value.Bool.of(node.booleanValue());
            case NUMBER -> node.isIntegralNumber() ? new Value.Int(node.bigIntegerValue()) : new Value.Real(real(node));
            case ARRAY -> {
                List<Value> items = new ArrayList<>(node.size());
                for (JsonNode item : node) {
                    items.add(value(item, origin, depth + 1));
                }
                yield Value.Sequence.list(items);
            }
            case OBJECT -> {
                var dict = new Value.Dict();
                node.properties().forEach(property -> {
                    characters += property.getKey().length();
                    dict.put(Text.of(property.getKey(), origin), value(property.getValue(), origin, depth + 1));
                });
                yield dict;
            }
            case NULL, MISSING -> Value.Null.NONE;
            case BINARY, POJO -> throw TemplateException.failed("the input holds a Java object, wanted JSON");
        };
    }

    /** The nearest double; infinity beyond the range, as in Python, where Jackson refuses. */
    private static double real(JsonNode number) {
        return number.isBigDecimal() ? number.decimalValue().doubleValue() : number.doubleValue();
    }
}
