package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.BinaryOperator;
import dev.jemma.engine.template.value.Lazy;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.StringMethods;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/** Jinja's filters on lists, dicts and other things that can be gone through. */
final class CollectionFilters {
    static final Map<String, Filters.Filter> ALL = new HashMap<>();

    static {
        ALL.put("length", (python, v, a) -> length(v));
        ALL.put("count", (python, v, a) -> length(v));
        ALL.put("list", (python, v, a) -> Value.Sequence.list(python.list(v)));
        ALL.put("first", (python, v, a) -> first(python, v));
        ALL.put("last", (python, v, a) -> last(python, v));
        ALL.put("join", CollectionFilters::join);
        ALL.put("items", (python, v, a) -> items(v));
        ALL.put("dictsort", CollectionFilters::dictSort);
        ALL.put("sort", CollectionFilters::sort);
        ALL.put("unique", CollectionFilters::unique);
        ALL.put("reverse", (python, v, a) -> reverse(python, v));
        ALL.put("map", CollectionFilters::map);
        ALL.put("select", (python, v, a) -> select(python, v, a, true, Looks.AT_ITEM));
        ALL.put("reject", (python, v, a) -> select(python, v, a, false, Looks.AT_ITEM));
        ALL.put("selectattr", (python, v, a) -> select(python, v, a, true, Looks.AT_ATTRIBUTE));
        ALL.put("rejectattr", (python, v, a) -> select(python, v, a, false, Looks.AT_ATTRIBUTE));
        ALL.put("groupby", CollectionFilters::groupBy);
        ALL.put("batch", CollectionFilters::batch);
        ALL.put("slice", CollectionFilters::slice);
        ALL.put("sum", CollectionFilters::sum);
        ALL.put("min", (python, v, a) -> extreme(python, v, a, -1));
        ALL.put("max", (python, v, a) -> extreme(python, v, a, 1));
    }

    private CollectionFilters() {}

    private static Value length(Value value) {
        return Python.length(value)
                .map(Value.Int::of)
                .orElseThrow(
                        () -> TemplateException.failed("object of type '" + Python.typeName(value) + "' has no len()"));
    }

    private static Value first(Python python, Value value) {
        Iterator<Value> items = python.iterate(value);
        return items.hasNext() ? items.next() : new Value.Undefined("No first item, sequence was empty.");
    }

    private static Value last(Python python, Value value) {
        if (value instanceof Value.Generator) {
            throw TemplateException.failed("'generator' object is not reversible");
        }
        List<Value> items = python.list(value);
        return items.isEmpty() ? new Value.Undefined("No last item, sequence was empty.") : items.getLast();
    }

    private static Value join(Python python, Value value, Arguments arguments) {
        arguments.only("join", "d", "attribute");
        Text separator = python.str(arguments.get(0, "d").orElse(Text.EMPTY));
        Function<Value, Value> part = arguments
                .given(1, "attribute")
                .map(attribute -> getter(python, attribute, Optional.empty()))
                .orElse(Function.identity());
        var out = new Text.Builder(python.budget());
        boolean first = true;
        for (Value item : python.list(value)) {
            if (!first) {
                out.append(separator);
            }
            first = false;
            out.append(python.str(part.apply(item)));
        }
        return out.build();
    }

    private static Value items(Value value) {
        return Lazy.generator(() -> switch (value) {
            case Value.Undefined undefined -> List.<Value>of().iterator();
            case Value.Dict dict -> dict.items().iterator();
            default -> throw TemplateException.failed("Can only get item pairs from a mapping.");
        });
    }

    /** Reads an attribute path such as {@code "function.name"} or {@code "0"} of each item. */
    private static Function<Value, Value> getter(Python python, Value attribute, Optional<Value> otherwise) {
        List<Value> path = new ArrayList<>();
        if (attribute instanceof Text text) {
            for (String part : text.chars().split("\\.", -1)) {
                boolean number =
                        !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
                path.add(number ? Value.Int.of(Integer.parseInt(part)) : Text.of(part));
            }
        } else {
            path.add(attribute);
        }
        return item -> {
            Value value = item;
            for (Value part : path) {
                value = python.access().item(value, part);
                if (value instanceof Value.Undefined && otherwise.isPresent()) {
                    value = otherwise.get();
                }
            }
            return value;
        };
    }

    private static Function<Value, Value> caseless(Python python, boolean caseSensitive) {
        return value -> !caseSensitive && value instanceof Text text ? StringMethods.lower(python, text) : value;
    }

    private static Comparator<Value> order(Python python, Function<Value, Value> key, boolean reverse) {
        Comparator<Value> order = (a, b) -> {
            int sign = python.order(key.apply(a), key.apply(b), "<");
            return sign == 2 ? 0 : sign;
        };
        return reverse ? order.reversed() : order;
    }

    /** A stable sort that survives an order that is none (NaN). */
    private static List<Value> sorted(Python python, List<Value> items, Comparator<Value> order) {
        List<Value> sorted = new ArrayList<>(items);
        python.budget().charge(items.size());
        try {
            sorted.sort(order);
        } catch (IllegalArgumentException e) {
            throw TemplateException.failed("the values to sort have no order");
        }
        return sorted;
    }

    private static Value dictSort(Python python, Value value, Arguments arguments) {
        arguments.only("dictsort", "case_sensitive", "by", "reverse");
        String by = arguments
                .get(1, "by")
                .map(b -> Arguments.asText("dictsort", b).chars())
                .orElse("key");
        if (!by.equals("key") && !by.equals("value")) {
            throw TemplateException.failed("You can only sort by either \"key\" or \"value\"");
        }
        Python.failIfUndefined(value);
        if (!(value instanceof Value.Dict dict)) {
            throw TemplateException.failed("'" + Python.typeName(value) + "' object has no attribute 'items'");
        }
        Function<Value, Value> fold = caseless(python, arguments.truth(0, "case_sensitive", false));
        int part = by.equals("key") ? 0 : 1;
        Function<Value, Value> key =
                item -> fold.apply(((Value.Sequence) item).items().get(part));
        return Value.Sequence.list(
                sorted(python, dict.items(), order(python, key, arguments.truth(2, "reverse", false))));
    }

    /**
     * Sorts by a list of keys, one an attribute, as Jinja does even for one: equal keys are never asked for their
     * order.
     */
    private static Value sort(Python python, Value value, Arguments arguments) {
        arguments.only("sort", "reverse", "case_sensitive", "attribute");
        Function<Value, Value> fold = caseless(python, arguments.truth(1, "case_sensitive", false));
        List<Function<Value, Value>> keys = new ArrayList<>();
        Optional<Value> attribute = arguments.given(2, "attribute");
        if (attribute.isPresent() && attribute.get() instanceof Text names) {
            for (String name : names.chars().split(",", -1)) {
                keys.add(getter(python, Text.of(name), Optional.empty()).andThen(fold));
            }
        } else {
            keys.add(attribute
                    .map(a -> getter(python, a, Optional.empty()).andThen(fold))
                    .orElse(fold));
        }
        Function<Value, Value> key = item ->
                Value.Sequence.list(keys.stream().map(k -> k.apply(item)).toList());
        return Value.Sequence.list(
                sorted(python, python.list(value), order(python, key, arguments.truth(0, "reverse", false))));
    }

    private static Value unique(Python python, Value value, Arguments arguments) {
        arguments.only("unique", "case_sensitive", "attribute");
        Function<Value, Value> key = caseless(python, arguments.truth(0, "case_sensitive", false));
        Function<Value, Value> keyOf = arguments
                .given(1, "attribute")
                .map(a -> getter(python, a, Optional.empty()).andThen(key))
                .orElse(key);
        Set<Object> seen = new HashSet<>();
        return Lazy.generator(() ->
                Lazy.filter(python.iterate(value), item -> seen.add(Value.Dict.hashKey(keyOf.apply(item), 0))));
    }

    private static Value reverse(Python python, Value value) {
        if (value instanceof Text text) {
            return python.access().slice(text, Value.Null.NONE, Value.Null.NONE, Value.Int.of(-1));
        }
        if (!Python.iterable(value)) {
            throw TemplateException.failed("argument must be iterable");
        }
        List<Value> items = python.list(value);
        Collections.reverse(items);
        return value instanceof Value.Generator ? Value.Sequence.list(items) : new Value.Generator(items.iterator());
    }

    private static Value map(Python python, Value value, Arguments arguments) {
        return Lazy.generator(() -> Python.truth(value)
                ? Lazy.map(python.iterate(value), charged(python, mapping(python, arguments)))
                : Collections.emptyIterator());
    }

    private static Function<Value, Value> charged(Python python, Function<Value, Value> change) {
        return item -> {
            python.budget().charge(1);
            return change.apply(item);
        };
    }

    private static Function<Value, Value> mapping(Python python, Arguments arguments) {
        Value attribute = arguments.named().get("attribute");
        if (arguments.positional().isEmpty() && attribute != null) {
            for (String name : arguments.named().keySet()) {
                if (!name.equals("attribute") && !name.equals("default")) {
                    throw TemplateException.failed("Unexpected keyword argument " + Python.quote(name));
                }
            }
            return getter(python, attribute, arguments.given(0, "default"));
        }
        if (arguments.positional().isEmpty()) {
            throw TemplateException.failed("map requires a filter argument");
        }
        String filter =
                Arguments.asText("map", arguments.positional().getFirst()).chars();
        return item -> Filters.apply(python, filter, item, arguments.after(1));
    }

    /** What select and its kin look at. */
    private enum Looks {
        AT_ITEM,
        AT_ATTRIBUTE
    }

    private static Value select(Python python, Value value, Arguments arguments, boolean wanted, Looks looks) {
        return Lazy.generator(() -> {
            if (!Python.truth(value)) {
                return Collections.emptyIterator();
            }
            Predicate<Value> test = selection(python, arguments, looks);
            return Lazy.filter(python.iterate(value), item -> test.test(item) == wanted);
        });
    }

    private static Predicate<Value> selection(Python python, Arguments arguments, Looks looks) {
        int used = looks == Looks.AT_ATTRIBUTE ? 1 : 0;
        if (arguments.positional().size() < used) {
            throw TemplateException.failed("Missing parameter for attribute name");
        }
        Function<Value, Value> read = charged(
                python,
                looks == Looks.AT_ATTRIBUTE
                        ? getter(python, arguments.positional().getFirst(), Optional.empty())
                        : Function.identity());
        if (arguments.positional().size() == used) {
            return item -> Python.truth(read.apply(item));
        }
        String name =
                Arguments.asText("select", arguments.positional().get(used)).chars();
        return item -> Predicates.apply(python, name, read.apply(item), arguments.after(used + 1));
    }

    private static Value groupBy(Python python, Value value, Arguments arguments) {
        arguments.only("groupby", "attribute", "default", "case_sensitive");
        Function<Value, Value> read =
                getter(python, arguments.require("groupby", 0, "attribute"), arguments.given(1, "default"));
        Function<Value, Value> key = read.andThen(caseless(python, arguments.truth(2, "case_sensitive", false)));
        List<Value> groups = new ArrayList<>();
        List<Value> group = new ArrayList<>();
        for (Value item : sorted(python, python.list(value), order(python, key, false))) {
            if (!group.isEmpty() && !python.equal(key.apply(group.getFirst()), key.apply(item))) {
                groups.add(group(read, group));
                group = new ArrayList<>();
            }
            group.add(item);
        }
        if (!group.isEmpty()) {
            groups.add(group(read, group));
        }
        return Value.Sequence.list(groups);
    }

    private static Value group(Function<Value, Value> read, List<Value> items) {
        return Value.Sequence.tuple(read.apply(items.getFirst()), Value.Sequence.list(items));
    }

    private static Value batch(Python python, Value value, Arguments arguments) {
        arguments.only("batch", "linecount", "fill_with");
        int size = Arguments.asInt(arguments.require("batch", 0, "linecount"));
        Optional<Value> fill = arguments.given(1, "fill_with");
        return Lazy.generator(() -> {
            List<Value> batches = new ArrayList<>();
            List<Value> batch = new ArrayList<>();
            for (Value item : python.list(value)) {
                if (batch.size() == size) {
                    batches.add(Value.Sequence.list(batch));
                    batch = new ArrayList<>();
                }
                batch.add(item);
            }
            if (!batch.isEmpty()) {
                int missing = fill.isPresent() ? Math.max(0, size - batch.size()) : 0;
                python.budget().charge(missing);
                batch.addAll(Collections.nCopies(missing, fill.orElse(Value.Null.NONE)));
                batches.add(Value.Sequence.list(batch));
            }
            return batches.iterator();
        });
    }

    private static Value slice(Python python, Value value, Arguments arguments) {
        arguments.only("slice", "slices", "fill_with");
        int slices = Arguments.asInt(arguments.require("slice", 0, "slices"));
        Optional<Value> fill = arguments.given(1, "fill_with");
        return Lazy.generator(() -> {
            List<Value> items = python.list(value);
            if (slices == 0) {
                throw TemplateException.failed("integer division or modulo by zero");
            }
            python.budget().charge(Math.max(0, slices));
            int each = items.size() / slices;
            int extra = items.size() % slices;
            List<Value> result = new ArrayList<>();
            int start = 0;
            for (int i = 0; i < slices; i++) {
                int end = start + each + (i < extra ? 1 : 0);
                List<Value> part = new ArrayList<>(items.subList(start, end));
                if (fill.isPresent() && i >= extra) {
                    part.add(fill.get());
                }
                result.add(Value.Sequence.list(part));
                start = end;
            }
            return result.iterator();
        });
    }

    private static Value sum(Python python, Value value, Arguments arguments) {
        arguments.only("sum", "attribute", "start");
        Function<Value, Value> read = arguments
                .given(0, "attribute")
                .map(a -> getter(python, a, Optional.empty()))
                .orElse(Function.identity());
        Value sum = arguments.get(1, "start").orElse(Value.Int.of(0));
        if (sum instanceof Text) {
            throw TemplateException.failed("sum() can't sum strings [use ''.join(seq) instead]");
        }
        for (Value item : python.list(value)) {
            sum = python.arithmetic().apply(BinaryOperator.ADD, sum, read.apply(item));
        }
        return sum;
    }

    private static Value extreme(Python python, Value value, Arguments arguments, int sign) {
        arguments.only(sign < 0 ? "min" : "max", "case_sensitive", "attribute");
        Function<Value, Value> fold = caseless(python, arguments.truth(0, "case_sensitive", false));
        Function<Value, Value> key = arguments
                .given(1, "attribute")
                .map(a -> getter(python, a, Optional.empty()).andThen(fold))
                .orElse(fold);
        List<Value> items = python.list(value);
        if (items.isEmpty()) {
            return new Value.Undefined("No aggregated item, sequence was empty.");
        }
        Value best = items.getFirst();
        for (Value item : items.subList(1, items.size())) {
            if (python.order(key.apply(item), key.apply(best), sign < 0 ? "<" : ">") == sign) {
                best = item;
            }
        }
        return best;
    }
}
