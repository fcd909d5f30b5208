package dev.jemma.engine.template.value;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Iterators that work when they are drawn from, as Python's generators do: a filter that nobody reads cannot fail. */
public final class Lazy {
    private Lazy() {}

    /** A generator whose source is only asked for when its first item is. */
    public static Value.Generator generator(Supplier<Iterator<Value>> source) {
        return new Value.Generator(new Iterator<>() {
            private Optional<Iterator<Value>> started = Optional.empty();

            private Iterator<Value> items() {
                if (started.isEmpty()) {
                    started = Optional.of(source.get());
                }
                return started.get();
            }

            @Override
            public boolean hasNext() {
                return items().hasNext();
            }

            @Override
            public Value next() {
                return items().next();
            }
        });
    }

    public static Iterator<Value> map(Iterator<Value> items, Function<Value, Value> change) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return items.hasNext();
            }

            @Override
            public Value next() {
                return change.apply(items.next());
            }
        };
    }

    public static Iterator<Value> filter(Iterator<Value> items, Predicate<Value> wanted) {
        return new Iterator<>() {
            private Optional<Value> found = Optional.empty();

            @Override
            public boolean hasNext() {
                while (found.isEmpty() && items.hasNext()) {
                    found = Optional.of(items.next()).filter(wanted);
                }
                return found.isPresent();
            }

            @Override
            public Value next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                Value item = found.orElseThrow();
                found = Optional.empty();
                return item;
            }
        };
    }
}
