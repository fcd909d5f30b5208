package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The arguments of a call, a filter or a test, already evaluated. */
public record Arguments(List<Value> positional, Map<String, Value> named) {
    public static final Arguments NONE = new Arguments(List.of(), Map.of());

    /**
     * Checks that nothing but the given parameters was passed; the first {@code names.length} positions are theirs in
     * order.
     */
    public Arguments only(String function, String... names) {
        if (positional.size() > names.length) {
            throw TemplateException.failed(
                    function + "() takes at most " + names.length + " arguments (" + positional.size() + " given)");
        }
        for (String name : named.keySet()) {
            int index = List.of(names).indexOf(name);
            if (index < 0) {
                throw TemplateException.failed(function + "() got an unexpected keyword argument '" + name + "'");
            }
            if (index < positional.size()) {
                throw TemplateException.failed(function + "() got multiple values for argument '" + name + "'");
            }
        }
        return this;
    }

    public Optional<Value> get(int index, String name) {
        return index < positional.size() ? Optional.of(positional.get(index)) : Optional.ofNullable(named.get(name));
    }

    public Value require(String function, int index, String name) {
        return get(index, name)
                .orElseThrow(() -> TemplateException.failed(
                        function + "() missing 1 required positional argument: '" + name + "'"));
    }

    /** An argument that is there and is not {@code None}. */
    public Optional<Value> given(int index, String name) {
        return get(index, name).filter(value -> value != Value.Null.NONE);
    }

    public Text text(String function, int index, String name) {
        return asText(function, require(function, index, name));
    }

    public static Text asText(String function, Value value) {
        if (value instanceof Text text) {
            return text;
        }
        if (value instanceof Value.Undefined undefined) {
            throw undefined.failure();
        }
        throw TemplateException.failed(function + "() argument must be str, not " + Python.typeName(value));
    }

    /** An integer argument, clamped to the range of int. */
    public static int asInt(Value value) {
        BigInteger number = switch (value) {
            case Value.Int i -> i.value();
            case Value.Bool b -> BigInteger.valueOf(b.ordinal());
            case Value.Undefined undefined -> throw undefined.failure();
            default ->
                throw TemplateException.failed(
                        "'" + Python.typeName(value) + "' object cannot be interpreted as an integer");
        };
        if (number.bitLength() > 31) {
            return number.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
        }
        return number.intValue();
    }

    public int integer(int index, String name, int otherwise) {
        return get(index, name).map(Arguments::asInt).orElse(otherwise);
    }

    public boolean truth(int index, String name, boolean otherwise) {
        return get(index, name).map(Python::truth).orElse(otherwise);
    }

    /** The arguments after the first {@code n} positions. */
    public Arguments after(int n) {
        return new Arguments(positional.subList(Math.min(n, positional.size()), positional.size()), named);
    }
}
