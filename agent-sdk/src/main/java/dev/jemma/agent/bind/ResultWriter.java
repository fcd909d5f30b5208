package dev.jemma.agent.bind;

import java.lang.reflect.Array;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Turns what tools return into JSON: the values that {@link ValueBinder} binds, by the same names on the wire; other
 * objects by their getters, as Jackson has it. Null stands for itself; what has no JSON (NaN) becomes a string.
 */
public final class ResultWriter {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final JsonMapper BEANS = new JsonMapper();
    private static final int MAX_DEPTH = 100;

    private final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());

    private ResultWriter() {}

    /**
     * The value as JSON.
     *
     * @throws IllegalArgumentException if it contains itself, or is of a kind that has no JSON form
     */
    public static JsonNode write(@Nullable Object value) {
        return new ResultWriter().node(value);
    }

    private JsonNode node(@Nullable Object value) {
        return switch (value) {
            case null -> NODES.nullNode();
            case JsonNode node -> node;
            case CharSequence text -> NODES.stringNode(text.toString());
            case Character character -> NODES.stringNode(character.toString());
            case Boolean bool -> NODES.booleanNode(bool);
            case Byte number -> NODES.numberNode(number.intValue());
            case Short number -> NODES.numberNode(number.intValue());
            case Integer number -> NODES.numberNode(number.intValue());
            case Long number -> NODES.numberNode(number.longValue());
            case BigInteger number -> NODES.numberNode(number);
            case BigDecimal number -> NODES.numberNode(number);
            case Float number ->
                Float.isFinite(number)
                        ? NODES.numberNode(new BigDecimal(number.toString()))
                        : NODES.stringNode(number.toString());
            case Double number ->
                Double.isFinite(number) ? NODES.numberNode(number.doubleValue()) : NODES.stringNode(number.toString());
            case Enum<?> constant -> NODES.stringNode(TypeReader.wireName(constant));
            case Optional<?> optional -> node(optional.orElse(null));
            case OptionalInt optional ->
                optional.isPresent() ? NODES.numberNode(optional.getAsInt()) : NODES.nullNode();
            case OptionalLong optional ->
                optional.isPresent() ? NODES.numberNode(optional.getAsLong()) : NODES.nullNode();
            case OptionalDouble optional -> optional.isPresent() ? node(optional.getAsDouble()) : NODES.nullNode();
            default ->
                ScalarKind.of(value.getClass()).isPresent() || value instanceof java.time.ZoneId
                        ? NODES.stringNode(value.toString())
                        : parts(value);
        };
    }

    private JsonNode parts(Object value) {
        if (!open.add(value)) {
            throw new IllegalArgumentException(
                    "the result contains itself: " + value.getClass().getName());
        }
        if (open.size() > MAX_DEPTH) {
            throw new IllegalArgumentException("the result is nested deeper than " + MAX_DEPTH);
        }
        try {
            if (value instanceof Map<?, ?> map) {
                ObjectNode object = NODES.objectNode();
                map.forEach((key, each) -> object.set(key(key), node(each)));
                return object;
            }
            if (value instanceof Iterable<?> items && !(value instanceof java.nio.file.Path)) {
                ArrayNode array = NODES.arrayNode();
                items.forEach(each -> array.add(node(each)));
                return array;
            }
            if (value.getClass().isArray()) {
                ArrayNode array = NODES.arrayNode();
                for (int i = 0; i < Array.getLength(value); i++) {
                    array.add(node(Array.get(value, i)));
                }
                return array;
            }
            return value instanceof Record record ? record(record) : bean(value);
        } finally {
            open.remove(value);
        }
    }

    private String key(@Nullable Object key) {
        JsonNode node = node(key);
        return node.isContainer() || node.isNull() ? String.valueOf(key) : node.asString();
    }

    private ObjectNode record(Record value) {
        ObjectNode object = NODES.objectNode();
        discriminator(value.getClass())
                .ifPresent(name -> object.put(name, value.getClass().getSimpleName()));
        for (RecordComponent component : value.getClass().getRecordComponents()) {
            try {
                component.getAccessor().setAccessible(true);
                object.set(
                        TypeReader.wireName(component),
                        node(component.getAccessor().invoke(value)));
            } catch (InaccessibleObjectException | IllegalAccessException e) {
                throw TypeReader.closed(value.getClass(), e);
            } catch (ReflectiveOperationException e) {
                throw new IllegalArgumentException("the accessor " + component.getAccessor() + " failed", e.getCause());
            }
        }
        return object;
    }

    /**
     * The entry that tells this record from its siblings under the sealed interface it implements, as binding expects
     * it.
     */
    private static Optional<String> discriminator(Class<?> type) {
        for (Class<?> parent : type.getInterfaces()) {
            try {
                if (parent.isSealed() && new TypeReader().read(root(parent)) instanceof ValueType.Choice choice) {
                    return Optional.of(choice.discriminator());
                }
            } catch (IllegalArgumentException e) {
                // no choice that binding knows, so nothing expects a discriminator
                continue;
            }
        }
        return Optional.empty();
    }

    private static Class<?> root(Class<?> type) {
        for (Class<?> parent : type.getInterfaces()) {
            if (parent.isSealed()) {
                return root(parent);
            }
        }
        return type;
    }

    private JsonNode bean(Object value) {
        try {
            return BEANS.valueToTree(value);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "a " + value.getClass().getName() + " has no JSON form: " + e.getOriginalMessage(), e);
        }
    }
}
