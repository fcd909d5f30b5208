package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code object.name}, {@code object[index]} and slices. What is not there is undefined, not an error; methods that
 * would change a value do not exist.
 */
public final class Access {
    private final Python python;

    Access(Python python) {
        this.python = python;
    }

    /** {@code object.name}: a method if the type has one of that name, else the dict's entry. */
    public Value attribute(Value object, String name) {
        Python.failIfUndefined(object);
        Optional<Value> found = own(object, name);
        if (found.isEmpty() && object instanceof Value.Dict dict) {
            found = dict.get(name);
        }
        return found.orElseGet(() -> missing(object, Text.of(name)));
    }

    /** {@code object[index]}: the element, else a method of that name. */
    public Value item(Value object, Value index) {
        Python.failIfUndefined(object);
        Optional<Value> found = switch (object) {
            case Value.Dict dict -> isHashable(index) ? dict.get(index) : Optional.empty();
            case Value.Sequence sequence ->
                position(index, sequence.items().size()).map(sequence.items()::get);
            case Value.Range range -> position(index, range.size()).map(range::get);
            case Text text ->
                position(index, text.codePoints()).map(i -> text.slice(i, i + 1).asPlain());
            default -> Optional.empty();
        };
        if (found.isEmpty() && index instanceof Text name) {
            found = own(object, name.chars());
        }
        return found.orElseGet(() -> missing(object, index));
    }

    private static boolean isHashable(Value value) {
        return switch (value) {
            case Value.Dict dict -> false;
            case Value.Sequence sequence ->
                sequence.kind() == Value.Sequence.Kind.TUPLE
                        && sequence.items().stream().allMatch(i -> i instanceof Text || Python.isNumber(i));
            default -> true;
        };
    }

    private static Optional<Integer> position(Value index, int size) {
        if (!(index instanceof Value.Int || index instanceof Value.Bool)) {
            return Optional.empty();
        }
        long at = Arguments.asInt(index);
        long position = at < 0 ? at + size : at;
        return position >= 0 && position < size ? Optional.of((int) position) : Optional.empty();
    }

    private Optional<Value> own(Value object, String name) {
        return switch (object) {
            case Value.Namespace namespace ->
                Optional.ofNullable(namespace.attributes().get(name));
            case Value.Attributed attributed -> attributed.attribute(name);
            default -> Methods.find(object, name);
        };
    }

    private Value missing(Value object, Value name) {
        String of = object instanceof Value.Null ? "None" : Python.typeName(object) + " object";
        return new Value.Undefined(
                name instanceof Text text
                        ? Python.quote(of) + " has no attribute " + Python.quote(text.chars())
                        : of + " has no element " + python.repr(name).chars());
    }

    /** {@code object[start:stop:step]}; a bound that is absent is {@code None}. */
    public Value slice(Value object, Value start, Value stop, Value step) {
        Python.failIfUndefined(object);
        int size = switch (object) {
            case Text text -> text.codePoints();
            case Value.Sequence sequence -> sequence.items().size();
            case Value.Range range -> range.size();
            default -> -1;
        };
        if (size < 0) {
            throw TemplateException.failed(
                    object instanceof Value.Dict
                            ? "unhashable type: 'slice'"
                            : "'" + Python.typeName(object) + "' object is not subscriptable");
        }
        long stride = step == Value.Null.NONE ? 1 : index(step);
        if (stride == 0) {
            throw TemplateException.failed("slice step cannot be zero");
        }
        boolean forward = stride > 0;
        long from = bound(start, size, forward ? 0 : size - 1, forward ? 0 : -1, forward ? size : size - 1);
        long to = bound(stop, size, forward ? size : -1, forward ? 0 : -1, forward ? size : size - 1);
        python.budget().charge(1 + Math.max(0, (to - from) / stride) / 4);
        if (object instanceof Text text) {
            if (stride == 1) {
                return text.slice((int) from, (int) Math.max(from, to)).asPlain();
            }
            var out = new Text.Builder(python.budget());
            for (long i = from; forward ? i < to : i > to; i += stride) {
                out.append(text.slice((int) i, (int) i + 1).asPlain());
            }
            return out.build();
        }
        if (object instanceof Value.Range range) {
            return new Value.Range(
                    range.start() + from * range.step(), range.start() + to * range.step(), range.step() * stride);
        }
        var sequence = (Value.Sequence) object;
        if (stride == 1) {
            return new Value.Sequence(
                    sequence.kind(), List.copyOf(sequence.items().subList((int) from, (int) Math.max(from, to))));
        }
        List<Value> items = new ArrayList<>();
        for (long i = from; forward ? i < to : i > to; i += stride) {
            items.add(sequence.items().get((int) i));
        }
        return new Value.Sequence(sequence.kind(), items);
    }

    private static long bound(Value value, int size, long otherwise, long least, long most) {
        if (value == Value.Null.NONE) {
            return otherwise;
        }
        long at = index(value);
        at = at < 0 ? at + size : at;
        return Math.max(least, Math.min(most, at));
    }

    private static long index(Value value) {
        if (value instanceof Value.Int || value instanceof Value.Bool) {
            BigInteger number = Python.integer(value);
            return number.bitLength() > 40 ? (number.signum() < 0 ? -(1L << 40) : 1L << 40) : number.longValue();
        }
        Python.failIfUndefined(value);
        throw TemplateException.failed("slice indices must be integers or None or have an __index__ method");
    }
}
