package dev.jemma.agent.bind;

import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.ValueType.Field;
import dev.jemma.engine.api.ToolSpec;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the {@link Tool} methods of an object: its class's, inherited ones, interfaces' default ones, of any
 * visibility.
 */
final class ToolFinder {
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]{0,63}");

    private final TypeReader types = new TypeReader();
    private final Optional<Object> target;
    private final Class<?> type;
    private final TypeVariables variables;

    private ToolFinder(Optional<Object> target, Class<?> type) {
        this.target = target;
        this.type = type;
        this.variables = TypeVariables.of(type);
    }

    /** The tools of an object, or the static ones of a class given as a Class, in the order of their names. */
    static List<ToolMethod> find(Object target) {
        ToolFinder finder = target instanceof Class<?> type
                ? new ToolFinder(Optional.empty(), type)
                : new ToolFinder(Optional.of(target), target.getClass());
        List<ToolMethod> tools = finder.methods().entrySet().stream()
                .map(entry -> finder.tool(entry.getKey(), entry.getValue()))
                .sorted(Comparator.comparing(ToolMethod::name))
                .toList();
        if (tools.isEmpty()) {
            throw new IllegalArgumentException(finder.type.getName() + " has no method with @Tool");
        }
        return tools;
    }

    /** Each method to call with the annotation that makes it a tool: its own, or that of a method it overrides. */
    private Map<Method, Tool> methods() {
        Map<Method, Tool> found = new LinkedHashMap<>();
        Map<String, Method> nearest = new LinkedHashMap<>();
        for (Class<?> each : lineage()) {
            for (Method method : each.getDeclaredMethods()) {
                if (method.isSynthetic()
                        || method.isBridge()
                        || Modifier.isStatic(method.getModifiers()) && each.isInterface() && each != type) {
                    continue;
                }
                Method callee = Modifier.isPrivate(method.getModifiers())
                        ? method
                        : nearest.computeIfAbsent(signature(method), key -> method);
                Tool tool = method.getAnnotation(Tool.class);
                if (tool != null) {
                    found.putIfAbsent(callee, tool);
                }
            }
        }
        return found;
    }

    /** The class and what it inherits from, nearest first, interfaces last. */
    private List<Class<?>> lineage() {
        List<Class<?>> lineage = new ArrayList<>();
        for (Class<?> each = type; each != null && each != Object.class; each = each.getSuperclass()) {
            lineage.add(each);
        }
        for (int i = 0; i < lineage.size(); i++) {
            for (Class<?> each : lineage.get(i).getInterfaces()) {
                if (!lineage.contains(each)) {
                    lineage.add(each);
                }
            }
        }
        return lineage;
    }

    /** Name and parameters with type variables filled in, so that an override of a generic method has the same. */
    private String signature(Method method) {
        return method.getName()
                + Arrays.stream(method.getGenericParameterTypes())
                        .map(each -> TypeVariables.raw(variables.resolve(each)).getName())
                        .toList();
    }

    private ToolMethod tool(Method method, Tool annotation) {
        String origin = type.getSimpleName() + "." + method.getName()
                + Arrays.stream(method.getParameterTypes())
                        .map(Class::getSimpleName)
                        .collect(Collectors.joining(", ", "(", ")"));
        String name = annotation.name().isEmpty() ? method.getName() : annotation.name();
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(origin + ": the name '" + name
                    + "' cannot be used, wanted a letter, then up to 63 letters, digits, '_', '.' or '-'");
        }
        List<Field> fields = new ArrayList<>();
        for (Parameter parameter : method.getParameters()) {
            fields.add(field(method, parameter, fields.size(), origin));
        }
        TypeReader.rejectTwins(fields, origin);
        ToolSpec spec = new ToolSpec(name, annotation.value(), SchemaWriter.schema(fields, SchemaWriter.Detail.PROMPT));
        return new ToolMethod(spec, fields, handle(method, origin), annotation, origin);
    }

    private Field field(Method method, Parameter parameter, int index, String origin) {
        @Nullable Param param = parameter.getAnnotation(Param.class);
        String name;
        if (param != null && !param.name().isEmpty()) {
            name = param.name();
        } else if (parameter.isNamePresent()) {
            name = parameter.getName();
        } else {
            throw new IllegalArgumentException(origin + ": the name of parameter " + (index + 1)
                    + " is not in the class file; compile with javac -parameters, or write @Param(name = \"...\")");
        }
        return types.field(
                name,
                param,
                variables.resolve(method.getGenericParameterTypes()[index]),
                parameter.getAnnotatedType(),
                parameter,
                origin + ", parameter " + name);
    }

    private MethodHandle handle(Method method, String origin) {
        boolean isStatic = Modifier.isStatic(method.getModifiers());
        if (!isStatic && target.isEmpty()) {
            throw new IllegalArgumentException(
                    origin + " is not static; give an object of " + type.getName() + ", not the class");
        }
        try {
            method.setAccessible(true);
            MethodHandle handle = MethodHandles.lookup().unreflect(method).asFixedArity();
            return isStatic ? handle : handle.bindTo(target.orElseThrow());
        } catch (InaccessibleObjectException | IllegalAccessException e) {
            throw TypeReader.closed(method.getDeclaringClass(), e);
        }
    }
}
