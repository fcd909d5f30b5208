package dev.jemma.agent.bind;

import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.ValueType.Field;
import dev.jemma.agent.bind.ValueType.Presence;
import dev.jemma.agent.bind.ValueType.SequenceKind;
import dev.jemma.agent.bind.ValueType.Structure;
import dev.jemma.engine.toolcall.LooseJson;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Reads Java types into {@link ValueType}s: scalars, enums, records, sealed interfaces of records, lists, sets, arrays,
 * maps with scalar keys, optionals, JsonNode and Object; nested, generic and recursive ones.
 */
public final class TypeReader {
    private final Map<Type, ValueType> done = new HashMap<>();
    private final Map<Type, String> names = new HashMap<>();
    private final Set<Type> open = new HashSet<>();

    /** A reader; types that it read once are shared. */
    public TypeReader() {}

    /**
     * Reads a type without free variables.
     *
     * @throws IllegalArgumentException if values of this type cannot be bound, naming the type
     */
    public ValueType read(Type type) {
        return read(TypeVariables.of(type).resolve(type), type.getTypeName());
    }

    /** Reads a resolved type; {@code place} is for messages. */
    ValueType read(Type type, String place) {
        ValueType known = done.get(type);
        if (known != null) {
            return known;
        }
        if (open.contains(type)) {
            return new ValueType.Reference(
                    name(type), () -> Objects.requireNonNull(done.get(type), "the outer type was not read to its end"));
        }
        Class<?> raw = TypeVariables.raw(type);
        ValueType read;
        if (raw.isRecord() || isChoice(raw)) {
            open.add(type);
            try {
                read = raw.isRecord() ? structure(type, raw) : choice(type, raw);
            } finally {
                open.remove(type);
            }
        } else {
            read = simple(type, raw, place);
        }
        done.put(type, read);
        return read;
    }

    /** Enums whose constants have bodies are sealed too, and so is ZoneId. */
    private static boolean isChoice(Class<?> raw) {
        return raw.isSealed() && !raw.isEnum() && ScalarKind.of(raw).isEmpty();
    }

    private ValueType simple(Type type, Class<?> raw, String place) {
        Optional<ScalarKind> scalar = ScalarKind.of(raw);
        if (scalar.isPresent()) {
            return new ValueType.Scalar(scalar.get());
        }
        if (raw.isEnum()) {
            return enumeration(raw);
        }
        if (raw.isArray()) {
            Type component = argument(type, 0).orElse(raw.getComponentType());
            return new ValueType.Sequence(SequenceKind.ARRAY, read(component, place), raw.getComponentType());
        }
        if (raw == List.class || raw == Collection.class || raw == Iterable.class) {
            return new ValueType.Sequence(
                    SequenceKind.LIST, read(argument(type, 0).orElse(Object.class), place), Object.class);
        }
        if (raw == Set.class) {
            return new ValueType.Sequence(
                    SequenceKind.SET, read(argument(type, 0).orElse(Object.class), place), Object.class);
        }
        if (raw == Map.class) {
            ValueType keys = read(argument(type, 0).orElse(String.class), place);
            if (!(keys instanceof ValueType.Scalar || keys instanceof ValueType.Enumeration)) {
                throw cannot(type, place, "keys of a map must be scalars or enum constants");
            }
            return new ValueType.Mapping(keys, read(argument(type, 1).orElse(Object.class), place));
        }
        if (raw == Optional.class) {
            return new ValueType.Maybe(raw, read(argument(type, 0).orElse(Object.class), place));
        }
        if (raw == OptionalInt.class) {
            return new ValueType.Maybe(raw, new ValueType.Scalar(ScalarKind.INT));
        }
        if (raw == OptionalLong.class) {
            return new ValueType.Maybe(raw, new ValueType.Scalar(ScalarKind.LONG));
        }
        if (raw == OptionalDouble.class) {
            return new ValueType.Maybe(raw, new ValueType.Scalar(ScalarKind.DOUBLE));
        }
        if (raw == Object.class || raw == JsonNode.class) {
            return new ValueType.Anything(raw);
        }
        throw cannot(
                type,
                place,
                "wanted a record, an enum, a sealed interface of records, a list, set, array, map, Optional or scalar");
    }

    private static IllegalArgumentException cannot(Type type, String place, String why) {
        String at = place.equals(type.getTypeName()) ? "" : place + ": ";
        return new IllegalArgumentException(at + "values of type " + type.getTypeName() + " cannot be bound; " + why);
    }

    private static Optional<Type> argument(Type type, int index) {
        return type instanceof ParameterizedType parameterized
                ? Optional.of(parameterized.getActualTypeArguments()[index])
                : Optional.empty();
    }

    private static ValueType enumeration(Class<?> raw) {
        Map<String, Object> constants = new LinkedHashMap<>();
        for (Object constant : raw.getEnumConstants()) {
            String wire = wireName((Enum<?>) constant);
            if (constants.put(wire, constant) != null) {
                throw new IllegalArgumentException(
                        raw.getName() + ": two constants are called '" + wire + "' on the wire");
            }
        }
        return new ValueType.Enumeration(raw, constants);
    }

    /** The constant's name on the wire: that of its {@link Param}, or its own. */
    static String wireName(Enum<?> constant) {
        try {
            Param param = constant.getDeclaringClass().getField(constant.name()).getAnnotation(Param.class);
            return param == null || param.name().isEmpty() ? constant.name() : param.name();
        } catch (NoSuchFieldException e) {
            throw new AssertionError("an enum has a field for each constant", e);
        }
    }

    private Structure structure(Type type, Class<?> raw) {
        TypeVariables variables = TypeVariables.of(type);
        List<Field> fields = new ArrayList<>();
        for (RecordComponent component : raw.getRecordComponents()) {
            String place = raw.getSimpleName() + "." + component.getName();
            Param param = component.getAnnotation(Param.class);
            fields.add(field(
                    wireName(component),
                    param,
                    variables.resolve(component.getGenericType()),
                    component.getAnnotatedType(),
                    component,
                    place));
        }
        rejectTwins(fields, raw.getSimpleName());
        return new Structure(name(type), raw, fields, constructor(raw));
    }

    static void rejectTwins(List<Field> fields, String place) {
        Set<String> seen = new HashSet<>();
        for (Field field : fields) {
            if (!seen.add(field.name())) {
                throw new IllegalArgumentException(place + ": two parameters are called '" + field.name() + "'");
            }
        }
    }

    /** A component or parameter with what its annotation says. */
    Field field(
            String name,
            @Nullable Param param,
            Type type,
            AnnotatedType annotated,
            AnnotatedElement element,
            String place) {
        ValueType value = read(type, place);
        Presence presence = new Presence.Required();
        if (param != null && !param.defaultValue().equals(Param.NO_DEFAULT)) {
            presence = new Presence.Defaulted(defaultValue(param.defaultValue(), value, place));
        } else if (value instanceof ValueType.Maybe || isNullable(annotated) || isNullable(element)) {
            presence = new Presence.Absent();
        } else if (param != null && !param.required()) {
            if (type instanceof Class<?> raw && raw.isPrimitive()) {
                throw new IllegalArgumentException(place + " is of the primitive type " + raw
                        + " and not required: set a defaultValue, or use Optional or the boxed type");
            }
            presence = new Presence.Absent();
        }
        return new Field(name, param == null ? "" : param.value(), value, presence);
    }

    /** Any annotation called Nullable, whoever made it. */
    private static boolean isNullable(AnnotatedElement element) {
        return Arrays.stream(element.getAnnotations())
                .anyMatch(each -> each.annotationType().getSimpleName().equals("Nullable"));
    }

    private static JsonNode defaultValue(String text, ValueType type, String place) {
        JsonNode value = JsonNodeFactory.instance.stringNode(text);
        boolean isText =
                type instanceof ValueType.Scalar scalar && scalar.kind().family() == ScalarKind.Family.TEXT;
        if (!isText) {
            try {
                value = LooseJson.parse(text);
            } catch (IllegalArgumentException e) {
                // the bare text of a date or an enum constant: binding decides
                value = JsonNodeFactory.instance.stringNode(text);
            }
        }
        ValueBinder binder = new ValueBinder(Tool.Fit.LENIENT);
        binder.bind(type, value, place);
        if (!binder.problems().isEmpty()) {
            throw new IllegalArgumentException("the defaultValue of " + place + " does not fit: "
                    + binder.problems().getFirst());
        }
        return value;
    }

    private static MethodHandle constructor(Class<?> raw) {
        Class<?>[] types = Arrays.stream(raw.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        try {
            Constructor<?> constructor = raw.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return MethodHandles.lookup().unreflectConstructor(constructor);
        } catch (NoSuchMethodException e) {
            throw new AssertionError("a record has a canonical constructor", e);
        } catch (InaccessibleObjectException | IllegalAccessException e) {
            throw closed(raw, e);
        }
    }

    /** What to do about a class that reflection may not enter. */
    static IllegalArgumentException closed(Class<?> type, Exception cause) {
        return new IllegalArgumentException(
                type.getName() + " is closed to reflection; add 'opens " + type.getPackageName()
                        + " to dev.jemma.agent;' to its module-info.java",
                cause);
    }

    private ValueType choice(Type type, Class<?> raw) {
        List<Class<?>> leaves = new ArrayList<>();
        collectLeaves(raw, raw, leaves);
        Map<String, ValueType> options = new LinkedHashMap<>();
        for (Class<?> leaf : leaves) {
            if (leaf.getTypeParameters().length > 0) {
                throw cannot(type, type.getTypeName(), leaf.getSimpleName() + " has type parameters of its own");
            }
            if (options.put(leaf.getSimpleName(), read(leaf, leaf.getName())) != null) {
                throw cannot(type, type.getTypeName(), "two of its records are called " + leaf.getSimpleName());
            }
        }
        for (String discriminator : List.of("type", "kind")) {
            if (leaves.stream().noneMatch(leaf -> hasComponent(leaf, discriminator))) {
                return new ValueType.Choice(raw, discriminator, options);
            }
        }
        throw cannot(
                type,
                type.getTypeName(),
                "its records have components called 'type' and 'kind', which leaves none to tell them apart");
    }

    private static boolean hasComponent(Class<?> leaf, String name) {
        return Arrays.stream(leaf.getRecordComponents())
                .anyMatch(component -> wireName(component).equals(name));
    }

    static String wireName(RecordComponent component) {
        Param param = component.getAnnotation(Param.class);
        return param == null || param.name().isEmpty() ? component.getName() : param.name();
    }

    private static void collectLeaves(Class<?> root, Class<?> type, List<Class<?>> leaves) {
        if (type.isRecord()) {
            if (!leaves.contains(type)) {
                leaves.add(type);
            }
        } else if (type.isSealed()) {
            for (Class<?> permitted : type.getPermittedSubclasses()) {
                collectLeaves(root, permitted, leaves);
            }
        } else {
            throw cannot(root, root.getTypeName(), type.getSimpleName() + " is neither a record nor sealed");
        }
    }

    private String name(Type type) {
        String known = names.get(type);
        if (known != null) {
            return known;
        }
        String simple = TypeVariables.raw(type).getSimpleName();
        String name = simple;
        for (int i = 2; names.containsValue(name); i++) {
            name = simple + i;
        }
        names.put(type, name);
        return name;
    }
}
