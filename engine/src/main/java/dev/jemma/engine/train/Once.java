package dev.jemma.engine.train;

import java.util.Optional;
import java.util.function.Supplier;

/**
 * A value that a supplier gives, asked for once: when it is first needed, or never. Safe for threads; a failure is not
 * kept.
 */
final class Once<T> implements Supplier<T> {
    private final Supplier<T> source;
    private volatile Optional<T> value = Optional.empty();

    Once(Supplier<T> source) {
        this.source = source;
    }

    @Override
    public T get() {
        return value.orElseGet(this::first);
    }

    private synchronized T first() {
        if (value.isEmpty()) {
            value = Optional.of(source.get());
        }
        return value.get();
    }
}
