package dev.jemma.agent.bind;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What the type variables of a class and of all it inherits from stand for. */
final class TypeVariables {
    private final Map<TypeVariable<?>, Type> known;

    private TypeVariables(Map<TypeVariable<?>, Type> known) {
        this.known = known;
    }

    /** The variables of {@code type}'s class, its superclasses and interfaces. */
    static TypeVariables of(Type type) {
        Map<TypeVariable<?>, Type> known = new HashMap<>();
        collect(type, known);
        return new TypeVariables(known);
    }

    private static void collect(@Nullable Type type, Map<TypeVariable<?>, Type> known) {
        if (type instanceof ParameterizedType parameterized) {
            TypeVariable<?>[] variables = ((Class<?>) parameterized.getRawType()).getTypeParameters();
            for (int i = 0; i < variables.length; i++) {
                known.put(variables[i], parameterized.getActualTypeArguments()[i]);
            }
            collect(parameterized.getRawType(), known);
        } else if (type instanceof Class<?> raw) {
            collect(raw.getGenericSuperclass(), known);
            for (Type each : raw.getGenericInterfaces()) {
                collect(each, known);
            }
        }
    }

    /** The type with its variables replaced; a wildcard and a free variable become their upper bound. */
    Type resolve(Type type) {
        return switch (type) {
            case TypeVariable<?> variable -> {
                Type found = known.get(variable);
                yield found == null || found.equals(variable) ? resolveBound(variable.getBounds()[0]) : resolve(found);
            }
            case WildcardType wildcard -> resolve(wildcard.getUpperBounds()[0]);
            case GenericArrayType array ->
                new Generic(
                        java.lang.reflect.Array.newInstance(raw(resolve(array.getGenericComponentType())), 0)
                                .getClass(),
                        List.of(resolve(array.getGenericComponentType())));
            case ParameterizedType parameterized ->
                new Generic(
                        (Class<?>) parameterized.getRawType(),
                        Arrays.stream(parameterized.getActualTypeArguments())
                                .map(this::resolve)
                                .toList());
            default -> type;
        };
    }

    /** A bound may mention the variable it bounds ({@code T extends Comparable<T>}); its raw class is enough. */
    private static Type resolveBound(Type bound) {
        return bound instanceof TypeVariable<?> ? Object.class : raw(bound);
    }

    static Class<?> raw(Type type) {
        return switch (type) {
            case Class<?> raw -> raw;
            case ParameterizedType parameterized -> (Class<?>) parameterized.getRawType();
            default -> throw new IllegalArgumentException("no class stands behind " + type);
        };
    }

    /** A parameterized type (or an array with a parameterized component) after resolution. */
    record Generic(Class<?> rawType, List<Type> arguments) implements ParameterizedType {
        Generic {
            Objects.requireNonNull(rawType, "rawType");
            arguments = List.copyOf(arguments);
        }

        @Override
        public Type[] getActualTypeArguments() {
            return arguments.toArray(Type[]::new);
        }

        @Override
        public Type getRawType() {
            return rawType;
        }

        @Override
        public @Nullable Type getOwnerType() {
            return rawType.getDeclaringClass();
        }

        @Override
        public String toString() {
            return rawType.getSimpleName()
                    + arguments.stream()
                            .map(each -> each instanceof Class<?> raw ? raw.getSimpleName() : each.toString())
                            .collect(Collectors.joining(", ", "<", ">"));
        }
    }
}
