package dev.jemma.tests;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What the modules export to everybody, by their descriptors, and which types its signatures name. */
final class ExportedTypes {
    private static final String OURS = "dev.jemma.";

    private final Set<String> packages = new TreeSet<>();

    private ExportedTypes() {}

    /** Those of every module of Jemma on the class path. */
    static ExportedTypes read() {
        ExportedTypes exported = new ExportedTypes();
        try {
            for (URL url : Collections.list(ExportedTypes.class.getClassLoader().getResources("module-info.class"))) {
                try (InputStream in = url.openStream()) {
                    ModuleDescriptor module = ModuleDescriptor.read(in);
                    if (module.name().startsWith(OURS)) {
                        module.exports().stream()
                                .filter(export -> !export.isQualified())
                                .forEach(export -> exported.packages.add(export.source()));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return exported;
    }

    /** The packages that anybody may read. */
    Set<String> packages() {
        return packages;
    }

    /** Whether anybody may name a type. */
    boolean isVisible(Class<?> type) {
        if (type.isArray()) {
            return isVisible(type.getComponentType());
        }
        if (type.isPrimitive() || !type.getPackageName().concat(".").startsWith(OURS)) {
            return true;
        }
        boolean open = packages.contains(type.getPackageName());
        for (Class<?> each = type; each != null; each = each.getEnclosingClass()) {
            open &= isOpen(each.getModifiers());
        }
        return open;
    }

    private static boolean isOpen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    /** The types that a visible type's signatures name and nobody else can: {@code where: type}, a line each. */
    List<String> hiddenIn(Class<?> type) {
        List<String> found = new ArrayList<>();
        check(type.getName() + " extends", type.getGenericSuperclass(), found);
        for (Type each : type.getGenericInterfaces()) {
            check(type.getName() + " implements", each, found);
        }
        for (TypeVariable<?> each : type.getTypeParameters()) {
            check(type.getName() + " <" + each + ">", each, found);
        }
        if (type.isRecord()) {
            for (RecordComponent each : type.getRecordComponents()) {
                check(type.getName() + " component " + each.getName(), each.getGenericType(), found);
            }
        }
        for (Field each : type.getDeclaredFields()) {
            if (isSignature(each)) {
                check(type.getName() + "." + each.getName(), each.getGenericType(), found);
            }
        }
        for (Constructor<?> each : type.getDeclaredConstructors()) {
            if (isSignature(each)) {
                check(type.getName() + " constructor", each, found);
            }
        }
        for (Method each : type.getDeclaredMethods()) {
            if (isSignature(each)) {
                String where = type.getName() + "." + each.getName() + "()";
                check(where, each, found);
                check(where, each.getGenericReturnType(), found);
            }
        }
        return found;
    }

    private static boolean isSignature(Member member) {
        return isOpen(member.getModifiers()) && !member.isSynthetic();
    }

    private void check(String where, Executable executable, List<String> found) {
        for (Type each : executable.getGenericParameterTypes()) {
            check(where, each, found);
        }
        for (Type each : executable.getGenericExceptionTypes()) {
            check(where + " throws", each, found);
        }
        for (TypeVariable<?> each : executable.getTypeParameters()) {
            check(where, each, found);
        }
    }

    private void check(String where, Type type, List<String> found) {
        Set<Class<?>> named = new HashSet<>();
        collect(type, named, new HashSet<>());
        for (Class<?> each : named) {
            if (!isVisible(each)) {
                found.add(where + ": " + each.getName());
            }
        }
    }

    /** Every class in a type, its arguments and bounds included; null, the superclass of an interface, has none. */
    private static void collect(Type type, Set<Class<?>> into, Set<Type> seen) {
        if (type == null || !seen.add(type)) {
            return;
        }
        switch (type) {
            case Class<?> plain -> into.add(plain);
            case ParameterizedType generic -> {
                collect(generic.getRawType(), into, seen);
                Arrays.stream(generic.getActualTypeArguments()).forEach(each -> collect(each, into, seen));
            }
            case GenericArrayType array -> collect(array.getGenericComponentType(), into, seen);
            case TypeVariable<?> variable ->
                Arrays.stream(variable.getBounds()).forEach(each -> collect(each, into, seen));
            case WildcardType wildcard -> {
                Arrays.stream(wildcard.getUpperBounds()).forEach(each -> collect(each, into, seen));
                Arrays.stream(wildcard.getLowerBounds()).forEach(each -> collect(each, into, seen));
            }
            default -> throw new IllegalStateException("a type of an unknown kind: " + type);
        }
    }
}
