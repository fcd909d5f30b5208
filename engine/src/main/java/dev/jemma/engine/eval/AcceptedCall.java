package dev.jemma.engine.eval;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A call that is wanted, with the values that count as right for each argument, as the leaderboard's possible answers
 * have it.
 *
 * @param name the function
 * @param arguments accepted values by argument; the empty string among them says that the argument may be left out. An
 *     object among them has a list of accepted values for each of its keys, by the same rule.
 */
public record AcceptedCall(String name, Map<String, List<JsonNode>> arguments) {
    public AcceptedCall {
        Objects.requireNonNull(name, "name");
        arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    }

    /**
     * From the leaderboard's form, {@code {"function": {"argument": [accepted values]}}}; {@code place} is for
     * messages.
     */
    static AcceptedCall ofLeaderboard(JsonNode call, String place) {
        if (!call.isObject() || call.size() != 1) {
            throw new IllegalArgumentException(
                    place + " has " + call.size() + " keys, wanted one: the function's name");
        }
        Map.Entry<String, JsonNode> entry = call.properties().iterator().next();
        Map<String, List<JsonNode>> arguments = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> argument : entry.getValue().properties()) {
            if (!argument.getValue().isArray()) {
                throw new IllegalArgumentException(place + "." + entry.getKey() + "." + argument.getKey() + " is "
                        + argument.getValue().getNodeType() + ", wanted an array of accepted values");
            }
            arguments.put(argument.getKey(), argument.getValue().valueStream().toList());
        }
        return new AcceptedCall(entry.getKey(), arguments);
    }

    /** The call with exactly these arguments. */
    static AcceptedCall exactly(String name, ObjectNode arguments) {
        Map<String, List<JsonNode>> accepted = new LinkedHashMap<>();
        arguments.properties().forEach(entry -> accepted.put(entry.getKey(), List.of(exactly(entry.getValue()))));
        return new AcceptedCall(name, accepted);
    }

    private static JsonNode exactly(JsonNode value) {
        if (value instanceof ObjectNode object) {
            ObjectNode accepted = JsonNodeFactory.instance.objectNode();
            object.properties()
                    .forEach(entry -> accepted.putArray(entry.getKey()).add(entry.getValue()));
            return accepted;
        }
        if (value.isArray() && value.valueStream().anyMatch(JsonNode::isObject)) {
            List<JsonNode> items = new ArrayList<>();
            value.forEach(item -> items.add(exactly(item)));
            ArrayNode accepted = JsonNodeFactory.instance.arrayNode();
            items.forEach(accepted::add);
            return accepted;
        }
        return value;
    }
}
