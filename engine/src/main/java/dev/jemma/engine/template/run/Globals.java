package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The functions that every template finds: Jinja's range, dict, namespace, cycler and joiner, and Hugging Face's
 * raise_exception and strftime_now.
 */
final class Globals {
    private static final int MAX_RANGE = 100_000;

    private final Map<String, Value.Function> all;

    /**
     * The functions of one rendering.
     *
     * @param now what {@code strftime_now} tells
     */
    Globals(LocalDateTime now) {
        all = Map.of(
                "range", (python, a) -> range(a),
                "dict", Globals::dict,
                "namespace", Globals::namespace,
                "cycler", (python, a) -> new Cycler(a.positional()),
                "joiner", (python, a) -> joiner(a),
                "raise_exception", Globals::raise,
                "strftime_now",
                        (python, a) -> Text.of(Strftime.format(
                                a.text("strftime_now", 0, "format").chars(), now)));
    }

    Optional<Value> find(String name) {
        return Optional.ofNullable(all.get(name));
    }

    private static Value range(Arguments arguments) {
        List<Value> bounds = arguments.only("range", "start", "stop", "step").positional();
        if (bounds.isEmpty()) {
            throw TemplateException.failed("range expected at least 1 argument, got 0");
        }
        long first = Arguments.asInt(bounds.getFirst());
        long start = bounds.size() == 1 ? 0 : first;
        long stop = bounds.size() == 1 ? first : Arguments.asInt(bounds.get(1));
        long step = bounds.size() < 3 ? 1 : Arguments.asInt(bounds.get(2));
        if (step == 0) {
            throw TemplateException.failed("range() arg 3 must not be zero");
        }
        long span = step > 0 ? stop - start : start - stop;
        if (span / Math.abs(step) >= MAX_RANGE && (span + Math.abs(step) - 1) / Math.abs(step) > MAX_RANGE) {
            throw TemplateException.failed(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + MAX_RANGE + ").");
        }
        return new Value.Range(start, stop, step);
    }

    private static Value.Dict dict(Python python, Arguments arguments) {
        var dict = new Value.Dict();
        if (!arguments.positional().isEmpty()) {
            Value from = arguments.positional().getFirst();
            if (from instanceof Value.Dict other) {
                other.entries().forEach(e -> dict.put(e.key(), e.value()));
            } else {
                for (Value pair : python.list(from)) {
                    List<Value> both = python.list(pair);
                    if (both.size() != 2) {
                        throw TemplateException.failed(
                                "dictionary update sequence element has length " + both.size() + "; 2 is required");
                    }
                    dict.put(both.get(0), both.get(1));
                }
            }
        }
        arguments.named().forEach((name, value) -> dict.put(Text.of(name), value));
        return dict;
    }

    private static Value namespace(Python python, Arguments arguments) {
        Map<String, Value> attributes = new LinkedHashMap<>();
        for (Value.Dict.Entry entry : dict(python, arguments).entries()) {
            if (entry.key() instanceof Text name) {
                attributes.put(name.chars(), entry.value());
            }
        }
        return new Value.Namespace(attributes);
    }

    private static Value raise(Python python, Arguments arguments) {
        Value message = arguments.only("raise_exception", "message").require("raise_exception", 0, "message");
        throw TemplateException.raised(python.str(message).chars());
    }

    /** A function that gives nothing at its first call, and the separator from then on. */
    private static Value joiner(Arguments arguments) {
        Value separator = arguments.only("joiner", "sep").get(0, "sep").orElse(Text.of(", "));
        boolean[] used = {false};
        return (Value.Function) (python, none) -> {
            boolean first = !used[0];
            used[0] = true;
            return first ? Text.EMPTY : separator;
        };
    }

    /** Jinja's cycler: goes round its items. */
    private static final class Cycler implements Value.Attributed {
        private final Map<String, Value> methods = new HashMap<>();
        private final List<Value> items;
        private int position;

        Cycler(List<Value> items) {
            if (items.isEmpty()) {
                throw TemplateException.failed("at least one item has to be provided");
            }
            this.items = items;
            methods.put("next", (Value.Function) (python, a) -> {
                Value value = items.get(position);
                position = (position + 1) % items.size();
                return value;
            });
            methods.put("reset", (Value.Function) (python, a) -> {
                position = 0;
                return Value.Null.NONE;
            });
        }

        @Override
        public String typeName() {
            return "Cycler";
        }

        @Override
        public Optional<Value> attribute(String name) {
            return name.equals("current") ? Optional.of(items.get(position)) : Optional.ofNullable(methods.get(name));
        }
    }
}
