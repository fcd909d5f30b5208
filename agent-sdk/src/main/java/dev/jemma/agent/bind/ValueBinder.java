package dev.jemma.agent.bind;

import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.Coercion.Kind;
import dev.jemma.agent.bind.ValueType.Field;
import dev.jemma.agent.bind.ValueType.Presence;
import dev.jemma.engine.toolcall.LooseJson;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Turns JSON into Java values of a {@link ValueType}, exactly: nothing goes through a double that is none, nothing
 * wraps around. All problems of a value are found, each with its path; what had to be coerced is reported. With
 * {@link Tool.Fit#STRICT} nothing is coerced. One binder binds one value.
 */
public final class ValueBinder {
    private final Findings found;
    private final ScalarBinder scalars;

    /** A binder that coerces or does not. */
    public ValueBinder(Tool.Fit fit) {
        this.found = new Findings(fit);
        this.scalars = new ScalarBinder(found);
    }

    /** What was coerced so far. */
    public List<Coercion> coercions() {
        return found.coercions();
    }

    /** What does not bind; as long as this is empty, what {@link #bind} returned is whole. */
    public List<BindProblem> problems() {
        return found.problems();
    }

    /** The value, or null if it does not bind (or null is what it binds to). */
    public @Nullable Object bind(ValueType type, JsonNode value, String path) {
        return switch (type) {
            case ValueType.Scalar(ScalarKind kind) -> scalars.scalar(kind, value, path);
            case ValueType.Enumeration enumeration -> scalars.constant(enumeration, value, path);
            case ValueType.Structure structure -> structure(structure, value, path);
            case ValueType.Sequence sequence -> sequence(sequence, value, path);
            case ValueType.Mapping mapping -> mapping(mapping, value, path);
            case ValueType.Maybe maybe -> maybe(maybe, value, path);
            case ValueType.Choice choice -> choice(choice, value, path);
            case ValueType.Anything anything -> anything.type() == JsonNode.class ? value : natural(value);
            case ValueType.Reference reference -> bind(reference.target().get(), value, path);
        };
    }

    /** The entries of an object in the order of {@code fields}, null for those left out. */
    public List<@Nullable Object> bindFields(List<Field> fields, ObjectNode object, String path) {
        String prefix = path.isEmpty() ? "" : path + ".";
        List<@Nullable Object> values = new ArrayList<>();
        for (Field field : fields) {
            JsonNode given = object.get(field.name());
            values.add(
                    given == null || given.isNull()
                            ? leftOut(field, given, prefix)
                            : bind(field.type(), given, prefix + field.name()));
        }
        for (String name : object.propertyNames()) {
            if (fields.stream().noneMatch(field -> field.name().equals(name))) {
                found.extra(prefix + name, expected(fields));
            }
        }
        return values;
    }

    private static String expected(List<Field> fields) {
        return fields.isEmpty()
                ? "no arguments"
                : "only " + fields.stream().map(Field::name).collect(Collectors.joining(", "));
    }

    private @Nullable Object leftOut(Field field, @Nullable JsonNode given, String prefix) {
        String path = prefix + field.name();
        return switch (field.presence()) {
            case Presence.Defaulted(JsonNode value) -> bind(field.type(), value, path);
            case Presence.Absent() -> field.type() instanceof ValueType.Maybe maybe ? none(maybe) : null;
            case Presence.Required() -> {
                if (given != null
                        && field.type() instanceof ValueType.Anything anything
                        && anything.type() == JsonNode.class) {
                    yield given;
                }
                yield found.problem(path, given == null ? "missing" : "null", wanted(field.type()));
            }
        };
    }

    private @Nullable Object structure(ValueType.Structure type, JsonNode value, String path) {
        JsonNode given = opened(value, path, wanted(type));
        if (!(given instanceof ObjectNode object)) {
            return found.problem(path, Findings.shown(value), wanted(type));
        }
        int before = found.count();
        List<@Nullable Object> parts = bindFields(type.fields(), object, path);
        return found.count() > before ? null : construct(type, parts, path);
    }

    private @Nullable Object construct(ValueType.Structure type, List<@Nullable Object> parts, String path) {
        try {
            return type.constructor().invokeWithArguments(parts);
        } catch (Error e) {
            throw e;
        } catch (IllegalArgumentException e) {
            // what a record's constructor says about its components is meant for whoever made them
            return found.problem(
                    path, "no valid " + type.type().getSimpleName(), String.valueOf(e.getMessage()), " (", ")");
        } catch (Throwable e) {
            return found.problem(
                    path,
                    "no valid " + type.type().getSimpleName(),
                    "its constructor threw " + e.getClass().getSimpleName(),
                    " (",
                    ")");
        }
    }

    private @Nullable Object choice(ValueType.Choice type, JsonNode value, String path) {
        JsonNode given = opened(value, path, wanted(type));
        if (!(given instanceof ObjectNode object)) {
            return found.problem(path, Findings.shown(value), wanted(type));
        }
        String at = path.isEmpty() ? type.discriminator() : path + "." + type.discriminator();
        Map<String, Object> names = new LinkedHashMap<>();
        type.options().forEach(names::put);
        JsonNode name = object.get(type.discriminator());
        if (name == null) {
            return found.problem(at, "missing", "one of " + String.join(", ", names.keySet()));
        }
        ValueType option = (ValueType) scalars.constant(new ValueType.Enumeration(type.type(), names), name, at);
        if (option == null) {
            return null;
        }
        ObjectNode rest = JsonNodeFactory.instance.objectNode().setAll(object);
        rest.remove(type.discriminator());
        return bind(option, rest, path);
    }

    private @Nullable Object sequence(ValueType.Sequence type, JsonNode value, String path) {
        JsonNode given = value.isString() && value.stringValue().strip().startsWith("[")
                ? opened(value, path, wanted(type))
                : value;
        ArrayNode items;
        if (given instanceof ArrayNode array) {
            items = array;
        } else if (given.isNull()) {
            return found.problem(path, "null", wanted(type));
        } else {
            if (!found.coerce(path, Kind.SINGLE_TO_LIST, Findings.shown(value), "a list of one", wanted(type))) {
                return null;
            }
            items = JsonNodeFactory.instance.arrayNode().add(given);
        }
        int before = found.count();
        List<@Nullable Object> bound = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            bound.add(bind(type.items(), items.get(i), path + "[" + i + "]"));
        }
        if (found.count() > before) {
            return null;
        }
        return switch (type.kind()) {
            case LIST -> Collections.unmodifiableList(bound);
            case SET -> Collections.unmodifiableSet(new LinkedHashSet<>(bound));
            case ARRAY -> {
                Object array = Array.newInstance(type.component(), bound.size());
                for (int i = 0; i < bound.size(); i++) {
                    Array.set(array, i, bound.get(i));
                }
                yield array;
            }
        };
    }

    private @Nullable Object mapping(ValueType.Mapping type, JsonNode value, String path) {
        JsonNode given = opened(value, path, wanted(type));
        if (!(given instanceof ObjectNode object)) {
            return found.problem(path, Findings.shown(value), wanted(type));
        }
        int before = found.count();
        Map<@Nullable Object, @Nullable Object> bound = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : object.properties()) {
            String at = path + "[" + entry.getKey() + "]";
            Object key = key(type.keys(), entry.getKey(), at);
            if (key != null && bound.containsKey(key)) {
                found.problem(at, "the same key as one before", "each once");
            }
            bound.put(key, bind(type.values(), entry.getValue(), at));
        }
        return found.count() > before ? null : Collections.unmodifiableMap(bound);
    }

    /** Keys are strings on the wire whatever their type; reading the number in one is no coercion. */
    private @Nullable Object key(ValueType type, String key, String path) {
        boolean numeric = type instanceof ValueType.Scalar(ScalarKind kind)
                && (kind.family() == ScalarKind.Family.INTEGER || kind.family() == ScalarKind.Family.DECIMAL);
        Optional<JsonNode> number = numeric ? LooseJson.number(key) : Optional.empty();
        return bind(type, number.orElseGet(() -> JsonNodeFactory.instance.stringNode(key)), path);
    }

    private @Nullable Object maybe(ValueType.Maybe type, JsonNode value, String path) {
        if (value.isNull()) {
            return none(type);
        }
        Object bound = bind(type.value(), value, path);
        if (bound == null) {
            return null;
        }
        if (type.type() == OptionalInt.class) {
            return OptionalInt.of((Integer) bound);
        }
        if (type.type() == OptionalLong.class) {
            return OptionalLong.of((Long) bound);
        }
        return type.type() == OptionalDouble.class ? OptionalDouble.of((Double) bound) : Optional.of(bound);
    }

    private static Object none(ValueType.Maybe type) {
        if (type.type() == OptionalInt.class) {
            return OptionalInt.empty();
        }
        if (type.type() == OptionalLong.class) {
            return OptionalLong.empty();
        }
        return type.type() == OptionalDouble.class ? OptionalDouble.empty() : Optional.empty();
    }

    /** What a string holds, if it holds an object or an array; else the value itself. */
    private JsonNode opened(JsonNode value, String path, String wanted) {
        if (!value.isString()) {
            return value;
        }
        String text = value.stringValue().strip();
        if (!text.startsWith("{") && !text.startsWith("[")) {
            return value;
        }
        try {
            JsonNode held = LooseJson.parse(text);
            return found.coerce(path, Kind.JSON_IN_STRING, "a string", "the JSON in it", wanted) ? held : value;
        } catch (IllegalArgumentException e) {
            return value;
        }
    }

    private static @Nullable Object natural(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                value.properties().forEach(entry -> map.put(entry.getKey(), natural(entry.getValue())));
                yield Collections.unmodifiableMap(map);
            }
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                value.forEach(item -> list.add(natural(item)));
                yield Collections.unmodifiableList(list);
            }
            case STRING -> value.stringValue();
            case NUMBER -> value.numberValue();
            case BOOLEAN -> value.booleanValue();
            case NULL, MISSING, BINARY, POJO -> null;
        };
    }

    /** What a type wants, for messages. */
    static String wanted(ValueType type) {
        return switch (type) {
            case ValueType.Scalar(ScalarKind kind) -> kind.description();
            case ValueType.Enumeration enumeration ->
                "one of " + String.join(", ", enumeration.constants().keySet());
            case ValueType.Structure structure ->
                "an object with " + structure.fields().stream().map(Field::name).collect(Collectors.joining(", "));
            case ValueType.Sequence sequence -> "an array, each item " + wanted(sequence.items());
            case ValueType.Mapping mapping -> "an object, each value " + wanted(mapping.values());
            case ValueType.Maybe maybe -> wanted(maybe.value());
            case ValueType.Choice choice ->
                "an object with '" + choice.discriminator() + "' one of "
                        + String.join(", ", choice.options().keySet());
            case ValueType.Anything anything -> "a value";
            case ValueType.Reference reference -> "an object (" + reference.name() + ")";
        };
    }
}
