package dev.jemma.engine.eval;

import static dev.jemma.engine.eval.PythonValues.equal;
import static dev.jemma.engine.eval.PythonValues.in;
import static dev.jemma.engine.eval.PythonValues.standard;
import static dev.jemma.engine.eval.PythonValues.standardItems;
import static dev.jemma.engine.eval.PythonValues.type;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.eval.PythonValues.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Whether calls are the wanted ones, by the rules of the Berkeley Function Calling Leaderboard for Python questions
 * (version 4; the rules are its ast_checker's, including what looks accidental, so that verdicts agree).
 *
 * <p>In short: as many calls as wanted, in any order; the function's name exactly; all required arguments and none that
 * is not wanted; Python's types, with whole numbers allowed for decimals; values among the accepted ones, strings
 * compared without case and some punctuation, lists in order, objects key by key. An argument may be left out only
 * where the answer says so. If the accepted values have another type than the schema, that type is allowed too.
 */
public final class AstChecker {
    private AstChecker() {}

    /** What is wrong: the leaderboard's name of the mistake, and a sentence. */
    public record Mistake(String kind, String message) {}

    /** The first mistake of {@code calls}, or empty if they are right. */
    public static Optional<Mistake> check(List<ToolSpec> tools, List<AcceptedCall> accepted, List<ToolCall> calls) {
        if (accepted.isEmpty()) {
            return calls.isEmpty()
                    ? Optional.empty()
                    : mistake(
                            "irrelevance:call_made",
                            "called '" + calls.getFirst().name() + "', wanted no call");
        }
        String rule = accepted.size() > 1
                ? "parallel_function_checker_no_order"
                : tools.size() > 1 ? "multiple_function_checker" : "simple_function_checker";
        if (calls.size() != accepted.size()) {
            return mistake(rule + ":wrong_count", calls.size() + " calls, wanted " + accepted.size());
        }
        if (accepted.size() == 1) {
            return checkCall(tools, accepted.getFirst(), calls.getFirst());
        }
        return checkInAnyOrder(tools, accepted, calls);
    }

    /** Each wanted call takes the first call that satisfies it; calls are not exchanged afterwards. */
    private static Optional<Mistake> checkInAnyOrder(
            List<ToolSpec> tools, List<AcceptedCall> accepted, List<ToolCall> calls) {
        List<ToolCall> left = new ArrayList<>(calls);
        for (AcceptedCall wanted : accepted) {
            Optional<Mistake> last = Optional.empty();
            boolean found = false;
            for (int i = 0; i < left.size() && !found; i++) {
                last = checkCall(tools, wanted, left.get(i));
                if (last.isEmpty()) {
                    left.remove(i);
                    found = true;
                }
            }
            if (!found) {
                return mistake(
                        "parallel_function_checker_no_order:cannot_find_match",
                        "no call is the wanted '" + wanted.name() + "': "
                                + last.map(Mistake::message).orElse("none is left"));
            }
        }
        return Optional.empty();
    }

    private static Optional<Mistake> checkCall(List<ToolSpec> tools, AcceptedCall wanted, ToolCall call) {
        Optional<ToolSpec> tool = tools.size() == 1
                ? Optional.of(tools.getFirst())
                : tools.stream()
                        .filter(each -> each.name().equals(wanted.name()))
                        .findFirst();
        if (tool.isEmpty() || !tool.get().name().equals(call.name())) {
            return mistake(
                    "simple_function_checker:wrong_func_name",
                    "called '" + call.name() + "', wanted '" + wanted.name() + "'");
        }
        JsonNode properties = tool.get().parameters().path("properties");
        for (JsonNode required : tool.get().parameters().path("required")) {
            if (!call.arguments().has(required.asString())) {
                return mistake(
                        "simple_function_checker:missing_required",
                        "'" + required.asString() + "' is missing, and required");
            }
        }
        for (Map.Entry<String, JsonNode> argument : call.arguments().properties()) {
            List<JsonNode> values = wanted.arguments().get(argument.getKey());
            JsonNode schema = properties.get(argument.getKey());
            if (schema == null || values == null) {
                return mistake(
                        "simple_function_checker:unexpected_param",
                        "'" + argument.getKey() + "' is no argument that is wanted");
            }
            Optional<Mistake> mistake = checkArgument(argument.getKey(), schema, values, argument.getValue());
            if (mistake.isPresent()) {
                return mistake;
            }
        }
        for (Map.Entry<String, List<JsonNode>> argument : wanted.arguments().entrySet()) {
            if (!call.arguments().has(argument.getKey()) && !mayBeLeftOut(argument.getValue())) {
                return mistake("simple_function_checker:missing_optional", "'" + argument.getKey() + "' is missing");
            }
        }
        return Optional.empty();
    }

    private static Optional<Mistake> checkArgument(
            String name, JsonNode schema, List<JsonNode> accepted, JsonNode given) {
        Type wanted = typeOf(schema);
        Optional<Type> items = wanted == Type.LIST && schema.has("items")
                ? Optional.of(typeOf(schema.get("items")))
                : Optional.empty();
        JsonNode value = wanted == Type.FLOAT && type(given) == Type.INT
                ? JsonNodeFactory.instance.numberNode(given.doubleValue())
                : given;
        TypeVerdict verdict = checkType(wanted, items, accepted, value);
        if (verdict.mistake().isPresent()) {
            String kind = verdict.mistake().get();
            return mistake(
                    kind,
                    "'" + name + "' is " + given + ", wanted " + wanted
                            + items.map(i -> " of " + i).orElse(""));
        }
        Optional<String> kind;
        if (verdict.otherType()) {
            kind = in(value, accepted) ? Optional.empty() : Optional.of("value_error:others");
        } else if (wanted == Type.DICT) {
            kind = checkDict(value, accepted);
        } else if (wanted == Type.LIST && items.equals(Optional.of(Type.DICT))) {
            kind = checkDicts(value, accepted);
        } else if (wanted == Type.STR) {
            kind = checkString(value, accepted);
        } else if (wanted == Type.LIST) {
            kind = checkList(value, accepted);
        } else {
            kind = in(value, accepted) ? Optional.empty() : Optional.of("value_error:others");
        }
        return kind.map(k -> new Mistake(k, "'" + name + "' is " + given + ", wanted one of " + accepted));
    }

    /**
     * @param mistake the kind of mistake, or empty if the type is right
     * @param otherType whether the accepted values have another type than the schema, which is then compared as it is
     */
    private record TypeVerdict(Optional<String> mistake, boolean otherType) {}

    private static TypeVerdict checkType(Type wanted, Optional<Type> items, List<JsonNode> accepted, JsonNode value) {
        Optional<Type> answered = accepted.stream()
                .filter(each -> !isEmptyString(each))
                .map(PythonValues::type)
                .findFirst();
        if (type(value) == wanted) {
            boolean otherType = answered.isPresent() && answered.get() != wanted;
            if (items.isEmpty() || accepted.stream().anyMatch(each -> itemsFit(value, items.get(), each))) {
                return new TypeVerdict(Optional.empty(), otherType);
            }
            boolean nested = answered.isPresent() && answered.get() == wanted;
            return new TypeVerdict(Optional.of(nested ? "type_error:nested" : "type_error:simple"), otherType);
        }
        return answered.isPresent() && answered.get() == type(value)
                ? new TypeVerdict(Optional.empty(), true)
                : new TypeVerdict(Optional.of("type_error:simple"), false);
    }

    /**
     * One level deep, each item by the schema's type or by that of the accepted list's first item; no list accepts all.
     */
    private static boolean itemsFit(JsonNode value, Type items, JsonNode accepted) {
        if (!accepted.isArray()) {
            return true;
        }
        List<JsonNode> acceptedItems = accepted.valueStream().toList();
        return value.valueStream()
                .allMatch(item -> checkType(items, Optional.empty(), acceptedItems, item)
                        .mistake()
                        .isEmpty());
    }

    private static Optional<String> checkString(JsonNode value, List<JsonNode> accepted) {
        String standard = standard(value.stringValue());
        boolean found = accepted.stream()
                .anyMatch(
                        each -> each.isString() && standard(each.stringValue()).equals(standard));
        return found ? Optional.empty() : Optional.of("value_error:string");
    }

    private static Optional<String> checkList(JsonNode value, List<JsonNode> accepted) {
        JsonNode standard = standardItems(value);
        // an answer that is the empty string is the empty list here
        boolean found = accepted.stream()
                .anyMatch(each -> (each.isArray() || isEmptyString(each)) && equal(standardItems(each), standard));
        return found ? Optional.empty() : Optional.of("value_error:list/tuple");
    }

    private static Optional<String> checkDict(JsonNode value, List<JsonNode> accepted) {
        Optional<String> mistake = Optional.of("dict_checker:unclear");
        for (JsonNode each : accepted) {
            if (!isEmptyString(each)) {
                mistake = checkDict(value, each);
                if (mistake.isEmpty()) {
                    return mistake;
                }
            }
        }
        return mistake;
    }

    private static Optional<String> checkDict(JsonNode value, JsonNode accepted) {
        for (Map.Entry<String, JsonNode> missing : accepted.properties()) {
            if (!value.has(missing.getKey())
                    && !mayBeLeftOut(missing.getValue().valueStream().toList())) {
                return Optional.of("value_error:dict_key");
            }
        }
        for (Map.Entry<String, JsonNode> entry : value.properties()) {
            JsonNode values = accepted.get(entry.getKey());
            if (values == null) {
                return Optional.of("value_error:dict_key");
            }
            List<JsonNode> standard =
                    values.valueStream().map(PythonValues::standard).toList();
            if (!in(standard(entry.getValue()), standard)) {
                return Optional.of("value_error:dict_value");
            }
        }
        return accepted.isObject() && value.isObject() ? Optional.empty() : Optional.of("dict_checker:unclear");
    }

    private static Optional<String> checkDicts(JsonNode value, List<JsonNode> accepted) {
        Optional<String> mistake = Optional.of("list_dict_checker:unclear");
        for (JsonNode each : accepted) {
            if (each.size() != value.size()) {
                mistake = Optional.of("value_error:list_dict_count");
                continue;
            }
            mistake = Optional.empty();
            for (int i = 0; i < value.size() && mistake.isEmpty(); i++) {
                mistake = checkDict(value.get(i), List.of(each.get(i)));
            }
            if (mistake.isEmpty()) {
                return mistake;
            }
        }
        return mistake;
    }

    /**
     * The leaderboard's types and JSON Schema's; a schema without a type is taken for a string, as the leaderboard has
     * it.
     */
    private static Type typeOf(JsonNode schema) {
        JsonNode type = schema.path("type");
        String name = type.isArray()
                ? type.valueStream()
                        .map(JsonNode::asString)
                        .filter(each -> !each.equals("null"))
                        .findFirst()
                        .orElse("any")
                : type.asString("any");
        return switch (name) {
            case "integer" -> Type.INT;
            case "number", "float" -> Type.FLOAT;
            case "boolean" -> Type.BOOL;
            case "array", "tuple" -> Type.LIST;
            case "object", "dict" -> Type.DICT;
            default -> Type.STR;
        };
    }

    private static boolean mayBeLeftOut(List<JsonNode> accepted) {
        return accepted.stream().anyMatch(AstChecker::isEmptyString);
    }

    private static boolean isEmptyString(JsonNode value) {
        return value.isString() && value.stringValue().isEmpty();
    }

    private static Optional<Mistake> mistake(String kind, String message) {
        return Optional.of(new Mistake(kind, message));
    }
}
