package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The methods of str, list, tuple and dict that a sandboxed template may call. */
public final class Methods {
    /** A method before it is bound to an object. */
    interface Method<T> {
        Value call(Python python, T self, Arguments arguments);
    }

    private static final Map<String, Method<Value.Dict>> DICT = Map.of(
            "get",
                    (python, self, a) -> self.get(
                                    a.only("get", "key", "default").require("get", 0, "key"))
                            .orElse(a.get(1, "default").orElse(Value.Null.NONE)),
            "items", (python, self, a) -> view(python, Value.View.Kind.ITEMS, self, a),
            "keys", (python, self, a) -> view(python, Value.View.Kind.KEYS, self, a),
            "values", (python, self, a) -> view(python, Value.View.Kind.VALUES, self, a),
            "copy", (python, self, a) -> self);

    private static final Map<String, Method<Value>> LIST = Map.of("index", Methods::index, "count", Methods::count);

    private static final Map<String, String> FORBIDDEN = Map.ofEntries(
            forbid("list", "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
            forbid("dict", "clear", "pop", "popitem", "setdefault", "update"));

    private Methods() {}

    private static Map.Entry<String, String> forbid(String type, String... names) {
        return Map.entry(type, " " + String.join(" ", names) + " ");
    }

    /**
     * The method {@code name} of {@code object}, bound to it. A method that would change it is found, but fails when
     * used.
     */
    public static Optional<Value> find(Value object, String name) {
        String type = Python.typeName(object);
        if (FORBIDDEN.getOrDefault(type, "").contains(" " + name + " ")) {
            return Optional.of(new Value.Undefined(
                    "access to attribute " + Python.quote(name) + " of '" + type + "' object is unsafe."));
        }
        return switch (object) {
            case Text text -> Optional.ofNullable(StringMethods.ALL.get(name)).map(m -> bind(m, text));
            case Value.Dict dict -> Optional.ofNullable(DICT.get(name)).map(m -> bind(m, dict));
            case Value.Sequence list
            when name.equals("copy") && type.equals("list") -> Optional.of(bind((python, self, a) -> self, list));
            case Value.Sequence list -> Optional.ofNullable(LIST.get(name)).map(m -> bind(m, list));
            case Value.Range range -> Optional.ofNullable(LIST.get(name)).map(m -> bind(m, range));
            case Value.Real real
            when name.equals("is_integer") ->
                Optional.of(bind(
                        (python, self, a) ->
                                Value.Bool.of(self.value() == Math.rint(self.value()) && Double.isFinite(self.value())),
                        real));
            default -> Optional.empty();
        };
    }

    private static <T> Value bind(Method<T> method, T self) {
        return (Value.Function) (python, arguments) -> method.call(python, self, arguments);
    }

    private static Value view(Python python, Value.View.Kind kind, Value.Dict self, Arguments arguments) {
        arguments.only(kind.name().toLowerCase(java.util.Locale.ROOT));
        python.budget().charge(self.size());
        List<Value> items = switch (kind) {
            case KEYS -> self.keys();
            case VALUES -> self.values();
            case ITEMS -> self.items();
        };
        return new Value.View(kind, items);
    }

    private static Value index(Python python, Value self, Arguments arguments) {
        List<Value> items = python.list(self);
        Value wanted = arguments.require("index", 0, "value");
        for (int i = 0; i < items.size(); i++) {
            if (python.equal(items.get(i), wanted)) {
                return Value.Int.of(i);
            }
        }
        throw TemplateException.failed(python.repr(wanted).chars() + " is not in list");
    }

    private static Value count(Python python, Value self, Arguments arguments) {
        Value wanted = arguments.require("count", 0, "value");
        return Value.Int.of(python.list(self).stream()
                .filter(item -> python.equal(item, wanted))
                .count());
    }
}
