package dev.jemma.engine.template.run;

import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Value;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The names of a block, behind them those of the blocks around it, and behind all of them the globals. Assignments stay
 * in the innermost scope, as Jinja's do.
 */
final class Scope {
    private final Globals globals;
    private final Optional<Scope> outer;
    private final Map<String, Value> names = new HashMap<>();

    private Scope(Globals globals, Optional<Scope> outer) {
        this.globals = globals;
        this.outer = outer;
    }

    static Scope outermost(Globals globals, Map<String, Value> names) {
        var scope = new Scope(globals, Optional.empty());
        scope.names.putAll(names);
        return scope;
    }

    Scope inner() {
        return new Scope(globals, Optional.of(this));
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
                return globals.find(name).orElseGet(() -> new Value.Undefined(Python.quote(name) + " is undefined"));
            }
            scope = scope.outer.get();
        }
    }
}
