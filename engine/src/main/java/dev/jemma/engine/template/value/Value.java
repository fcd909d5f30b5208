package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A Python value as a template sees it. Closed: a template reaches nothing but the values it was given and those it
 * makes of them, and everything but a {@link Namespace} is immutable.
 */
public sealed interface Value
        permits Text,
                Value.Undefined,
                Value.Null,
                Value.Bool,
                Value.Int,
                Value.Real,
                Value.Sequence,
                Value.Range,
                Value.View,
                Value.Dict,
                Value.Generator,
                Value.Namespace,
                Value.Attributed,
                Value.Function {

    /** What a missing name or attribute is: empty when printed, an error when used. */
    record Undefined(String complaint) implements Value {
        TemplateException failure() {
            return TemplateException.failed(complaint);
        }
    }

    /** Python's {@code None}. */
    enum Null implements Value {
        NONE
    }

    /** {@code True} or {@code False}: numbers 1 and 0 in arithmetic. */
    enum Bool implements Value {
        FALSE,
        TRUE;

        public static Bool of(boolean value) {
            return value ? TRUE : FALSE;
        }
    }

    /** An int of any size. */
    record Int(BigInteger value) implements Value {
        public static Int of(long value) {
            return new Int(BigInteger.valueOf(value));
        }
    }

    /** A Python float. */
    record Real(double value) implements Value {}

    /** A list or a tuple. */
    record Sequence(Kind kind, List<Value> items) implements Value {
        public enum Kind {
            LIST,
            TUPLE
        }

        public static Sequence list(List<Value> items) {
            return new Sequence(Kind.LIST, items);
        }

        public static Sequence tuple(Value... items) {
            return new Sequence(Kind.TUPLE, List.of(items));
        }
    }

    /** A Python range; the sandbox holds it to 100,000 items. */
    record Range(long start, long stop, long step) implements Value {
        int size() {
            long span = step > 0 ? stop - start : start - stop;
            long stride = Math.abs(step);
            return (int) Math.max(0, (span + stride - 1) / stride);
        }

        Int get(int index) {
            return Int.of(start + index * step);
        }
    }

    /** What {@code dict.keys()}, {@code values()} and {@code items()} give. */
    record View(Kind kind, List<Value> items) implements Value {
        enum Kind {
            KEYS,
            VALUES,
            ITEMS
        }
    }

    /** A Python dict in insertion order. Keys that Python holds equal (1, 1.0 and True) are one key. */
    final class Dict implements Value {
        /** An entry as it was written. */
        public record Entry(Value key, Value value) {}

        private final Map<Object, Entry> entries = new LinkedHashMap<>();

        /**
         * Adds or replaces; only while the dict is being made. An equal key that is there already keeps its form and
         * place.
         */
        public void put(Value key, Value value) {
            Object hash = hashKey(key, 0);
            Entry old = entries.get(hash);
            entries.put(hash, new Entry(old == null ? key : old.key, value));
        }

        Optional<Value> get(Value key) {
            return Optional.ofNullable(entries.get(hashKey(key, 0))).map(Entry::value);
        }

        Optional<Value> get(String key) {
            return Optional.ofNullable(entries.get(key)).map(Entry::value);
        }

        int size() {
            return entries.size();
        }

        public Iterable<Entry> entries() {
            return entries.values();
        }

        List<Value> keys() {
            List<Value> keys = new ArrayList<>(entries.size());
            entries.values().forEach(e -> keys.add(e.key));
            return keys;
        }

        List<Value> values() {
            List<Value> values = new ArrayList<>(entries.size());
            entries.values().forEach(e -> values.add(e.value));
            return values;
        }

        public List<Value> items() {
            List<Value> items = new ArrayList<>(entries.size());
            entries.values().forEach(e -> items.add(Sequence.tuple(e.key, e.value)));
            return items;
        }

        /** An object whose equality is Python's equality of hashable values. */
        public static Object hashKey(Value key, int depth) {
            return switch (key) {
                case Text text -> text.chars();
                case Bool bool -> BigInteger.valueOf(bool.ordinal());
                case Int number -> number.value();
                case Real real ->
                    Double.isFinite(real.value()) && real.value() == Math.rint(real.value())
                            ? new java.math.BigDecimal(real.value()).toBigInteger()
                            : (Object) real.value();
                case Sequence sequence
                when sequence.kind() == Sequence.Kind.TUPLE && depth < 20 -> {
                    List<Object> parts = new ArrayList<>();
                    for (Value item : sequence.items()) {
                        parts.add(hashKey(item, depth + 1));
                    }
                    yield parts;
                }
                case Sequence list ->
                    throw TemplateException.failed("unhashable type: '" + Python.typeName(list) + "'");
                case Dict dict -> throw TemplateException.failed("unhashable type: 'dict'");
                default -> key;
            };
        }
    }

    /** A Python generator: it can be gone through once, has no length and is always true. */
    record Generator(Iterator<Value> items) implements Value {}

    /** Jinja's {@code namespace()}: the one thing a template can change. */
    record Namespace(Map<String, Value> attributes) implements Value {}

    /** An object with attributes and nothing else: the loop variable, a cycler. */
    non-sealed interface Attributed extends Value {
        String typeName();

        Optional<Value> attribute(String name);

        /** Its {@code len()}, if it has one. */
        default Optional<Integer> length() {
            return Optional.empty();
        }

        /** Whether Python would go through it. */
        default boolean iterable() {
            return false;
        }
    }

    /** Something that can be called: a macro, a global function, a bound method. */
    non-sealed interface Function extends Value {
        Value call(Python python, Arguments arguments);

        /** Python's name of its type. */
        default String typeName() {
            return "builtin_function_or_method";
        }
    }
}
