package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.Value;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * The {@code loop} variable. Items are drawn one by one, one ahead only where the template asks for it, so that a lazy
 * condition sees what the body changed.
 */
final class LoopState implements Value.Attributed, Value.Function {
    private static final Value.Undefined NO_PREVIOUS = new Value.Undefined("there is no previous item");
    private static final Value.Undefined NO_NEXT = new Value.Undefined("there is no next item");

    private final Python python;
    private final int depth;
    private final Optional<Value.Function> recursion;
    private Iterator<Value> items;
    private Optional<Integer> length;
    private Optional<Value> ahead = Optional.empty();
    private Value previous = NO_PREVIOUS;
    private Value current = NO_PREVIOUS;
    private int index = -1;
    private List<Value> changed = List.of();
    private boolean everChanged;

    LoopState(
            Python python,
            Iterator<Value> items,
            Optional<Integer> length,
            int depth,
            Optional<Value.Function> recursion) {
        this.python = python;
        this.items = items;
        this.length = length;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean hasNext() {
        return ahead.isPresent() || items.hasNext();
    }

    Value next() {
        Value value = ahead.orElseGet(items::next);
        ahead = Optional.empty();
        previous = current;
        current = value;
        index++;
        return value;
    }

    private Optional<Value> peek() {
        if (ahead.isEmpty() && items.hasNext()) {
            ahead = Optional.of(items.next());
        }
        return ahead;
    }

    @Override
    public Optional<Integer> length() {
        return Optional.of(size());
    }

    @Override
    public boolean iterable() {
        return true;
    }

    private int size() {
        if (length.isEmpty()) {
            List<Value> rest = new ArrayList<>();
            items.forEachRemaining(item -> {
                python.budget().charge(1);
                rest.add(item);
            });
            items = rest.iterator();
            length = Optional.of(rest.size() + index + 1 + (ahead.isPresent() ? 1 : 0));
        }
        return length.get();
    }

    int depth() {
        return depth;
    }

    @Override
    public String typeName() {
        return "LoopContext";
    }

    @Override
    public Optional<Value> attribute(String name) {
        return switch (name) {
            case "index" -> Optional.of(Value.Int.of(index + 1));
            case "index0" -> Optional.of(Value.Int.of(index));
            case "revindex" -> Optional.of(Value.Int.of(size() - index));
            case "revindex0" -> Optional.of(Value.Int.of(size() - index - 1));
            case "first" -> Optional.of(Value.Bool.of(index == 0));
            case "last" -> Optional.of(Value.Bool.of(peek().isEmpty()));
            case "length" -> Optional.of(Value.Int.of(size()));
            case "depth" -> Optional.of(Value.Int.of(depth + 1));
            case "depth0" -> Optional.of(Value.Int.of(depth));
            case "previtem" -> Optional.of(index == 0 ? NO_PREVIOUS : previous);
            case "nextitem" -> Optional.of(peek().orElse(NO_NEXT));
            case "cycle" -> Optional.of((Value.Function) (python, arguments) -> cycle(arguments));
            case "changed" -> Optional.of((Value.Function) (python, arguments) -> changed(arguments));
            default -> Optional.empty();
        };
    }

    private Value cycle(Arguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw TemplateException.failed("no items for cycling given");
        }
        return arguments.positional().get(index % arguments.positional().size());
    }

    private Value changed(Arguments arguments) {
        boolean same =
                everChanged && python.equal(Value.Sequence.list(changed), Value.Sequence.list(arguments.positional()));
        changed = arguments.positional();
        everChanged = true;
        return Value.Bool.of(!same);
    }

    /** {@code loop(items)} in a recursive loop. */
    @Override
    public Value call(Python python, Arguments arguments) {
        return recursion
                .orElseThrow(() ->
                        TemplateException.failed("The loop must have the 'recursive' marker to be called recursively."))
                .call(python, arguments);
    }
}
