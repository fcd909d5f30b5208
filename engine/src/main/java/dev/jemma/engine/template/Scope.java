package dev.jemma.engine.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The names of a block, and behind them those of the blocks around it. Assignments stay in the innermost scope, as Jinja's do. */
final class Scope {
    private final Optional<Scope> outer;
    private final Map<String, Value> names = new HashMap<>();

    private Scope(Optional<Scope> outer) {
        this.outer = outer;
    }

    static Scope outermost(Map<String, Value> names) {
        var scope = new Scope(Optional.empty());
        scope.names.putAll(names);
        return scope;
    }

    Scope inner() {
        return new Scope(Optional.of(this));
    }

    Scope outermost() {
        Scope scope = this;
        while (scope.outer.isPresent()) {
            scope = scope.outer.get();
        }
        return scope;
    }

    void set(String name, Value value) {
        names.put(name, value);
    }

    Value get(String name) {
        Scope scope = this;
        while (true) {
            Value value = scope.names.get(name);
            if (value != null) {
                return value;
            }
            if (scope.outer.isEmpty()) {
                return Globals.find(name).orElseGet(() -> new Value.Undefined(Python.quote(name) + " is undefined"));
            }
            scope = scope.outer.get();
        }
    }
}
