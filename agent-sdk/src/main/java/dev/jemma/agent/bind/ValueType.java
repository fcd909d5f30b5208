package dev.jemma.agent.bind;

import java.lang.invoke.MethodHandle;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/**
 * A Java type as values on the wire see it: the one model from which schemas are written and by which values are bound.
 * Read from a {@link java.lang.reflect.Type} by {@link TypeReader}.
 */
public sealed interface ValueType {
    /** A number, a string, a date: whatever has no parts. */
    record Scalar(ScalarKind kind) implements ValueType {}

    /** Constants by their names on the wire, in order of declaration. */
    record Enumeration(Class<?> type, Map<String, Object> constants) implements ValueType {
        public Enumeration {
            constants = Collections.unmodifiableMap(new LinkedHashMap<>(constants));
        }
    }

    /** A record; {@code constructor} takes the components in order. */
    record Structure(String name, Class<?> type, List<Field> fields, MethodHandle constructor) implements ValueType {
        public Structure {
            fields = List.copyOf(fields);
        }
    }

    /** A list, a set, or an array with components of {@code component}. */
    record Sequence(SequenceKind kind, ValueType items, Class<?> component) implements ValueType {}

    /** An object with any keys. */
    record Mapping(ValueType keys, ValueType values) implements ValueType {}

    /** An Optional of one of the four kinds. */
    record Maybe(Class<?> type, ValueType value) implements ValueType {}

    /**
     * One of several records, told apart by the entry {@code discriminator}, which holds the record's simple name. An
     * option is a {@link Structure}, or a {@link Reference} to one.
     */
    record Choice(Class<?> type, String discriminator, Map<String, ValueType> options) implements ValueType {
        public Choice {
            options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
        }
    }

    /** Any JSON: as a {@link JsonNode}, or as the natural Java value if {@code type} is Object. */
    record Anything(Class<?> type) implements ValueType {}

    /** A type inside of itself; {@code target} answers once the outer type was read. */
    record Reference(String name, Supplier<ValueType> target) implements ValueType {}

    /** What a sequence becomes. */
    enum SequenceKind {
        /** An unmodifiable List; also for Collection and Iterable. */
        LIST,
        /** An unmodifiable Set in the order given. */
        SET,
        /** A Java array. */
        ARRAY
    }

    /**
     * A record component or a method's parameter.
     *
     * @param description for the model; may be empty
     */
    record Field(String name, String description, ValueType type, Presence presence) {}

    /** What happens when a value is left out, or null. */
    sealed interface Presence {
        /** An error. */
        record Required() implements Presence {}

        /** This value is bound in its place. */
        record Defaulted(JsonNode value) implements Presence {}

        /** Null, or an empty Optional. */
        record Absent() implements Presence {}
    }
}
