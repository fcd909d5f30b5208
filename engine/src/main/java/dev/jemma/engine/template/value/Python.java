package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * What Python's built-in functions say about values: {@code bool}, {@code type}, {@code str}, {@code repr}, {@code ==},
 * {@code <}, {@code len}, {@code iter}.
 */
public final class Python {
    /** Values can be nested by a template's loops; what walks them stops here. */
    private static final int MAX_NESTING = 400;

    private final Budget budget;
    private final Arithmetic arithmetic = new Arithmetic(this);
    private final Access access = new Access(this);

    public Python(Budget budget) {
        this.budget = budget;
    }

    /** What bounds the rendering that these values belong to. */
    public Budget budget() {
        return budget;
    }

    /** Its binary operators. */
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    /** Its attributes, indexes and slices. */
    public Access access() {
        return access;
    }

    public static boolean isSpace(int c) {
        return switch (c) {
            case '\t',
                    '\n',
                    0x0b,
                    '\f',
                    '\r',
                    0x1c,
                    0x1d,
                    0x1e,
                    0x1f,
                    ' ',
                    0x85,
                    0xa0,
                    0x1680,
                    0x2028,
                    0x2029,
                    0x202f,
                    0x205f,
                    0x3000 -> true;
            default -> c >= 0x2000 && c <= 0x200a;
        };
    }

    public static boolean truth(Value value) {
        return switch (value) {
            case Text text -> !text.isEmpty();
            case Value.Undefined undefined -> false;
            case Value.Null none -> false;
            case Value.Bool bool -> bool == Value.Bool.TRUE;
            case Value.Int number -> number.value().signum() != 0;
            case Value.Real real -> real.value() != 0;
            case Value.Sequence sequence -> !sequence.items().isEmpty();
            case Value.Range range -> range.size() > 0;
            case Value.View view -> !view.items().isEmpty();
            case Value.Dict dict -> dict.size() > 0;
            case Value.Generator generator -> true;
            case Value.Namespace namespace -> true;
            case Value.Attributed object -> true;
            case Value.Function function -> true;
        };
    }

    public static String typeName(Value value) {
        return switch (value) {
            case Text text -> text.markup() ? "Markup" : "str";
            case Value.Undefined undefined -> "Undefined";
            case Value.Null none -> "NoneType";
            case Value.Bool bool -> "bool";
            case Value.Int number -> "int";
            case Value.Real real -> "float";
            case Value.Sequence sequence -> sequence.kind() == Value.Sequence.Kind.LIST ? "list" : "tuple";
            case Value.Range range -> "range";
            case Value.View view ->
                switch (view.kind()) {
                    case KEYS -> "dict_keys";
                    case VALUES -> "dict_values";
                    case ITEMS -> "dict_items";
                };
            case Value.Dict dict -> "dict";
            case Value.Generator generator -> "generator";
            case Value.Namespace namespace -> "Namespace";
            case Value.Attributed object -> object.typeName();
            case Value.Function function -> function.typeName();
        };
    }

    /** {@code str(value)}, with the marks of the texts in it. */
    public Text str(Value value) {
        return switch (value) {
            case Text text -> text.asPlain();
            case Value.Undefined undefined -> Text.EMPTY;
            default -> repr(value);
        };
    }

    Text repr(Value value) {
        var out = new Text.Builder(budget);
        repr(value, out, 0);
        return out.build();
    }

    private void repr(Value value, Text.Builder out, int depth) {
        checkNesting(depth);
        switch (value) {
            case Text text
            when text.markup() -> {
                out.append("Markup(");
                quote(text, out);
                out.append(")");
            }
            case Text text -> quote(text, out);
            case Value.Undefined undefined -> out.append("Undefined");
            case Value.Null none -> out.append("None");
            case Value.Bool bool -> out.append(bool == Value.Bool.TRUE ? "True" : "False");
            case Value.Int number -> out.append(digits(number.value()));
            case Value.Real real -> out.append(Formatting.repr(real.value()));
            case Value.Sequence sequence -> {
                boolean list = sequence.kind() == Value.Sequence.Kind.LIST;
                reprAll(
                        sequence.items(),
                        list ? "[" : "(",
                        list ? "]" : sequence.items().size() == 1 ? ",)" : ")",
                        out,
                        depth);
            }
            case Value.Range range ->
                out.append("range(" + range.start() + ", " + range.stop()
                        + (range.step() == 1 ? "" : ", " + range.step()) + ")");
            case Value.View view -> reprAll(view.items(), typeName(view) + "([", "])", out, depth);
            case Value.Dict dict -> {
                out.append("{");
                String separator = "";
                for (Value.Dict.Entry entry : dict.entries()) {
                    out.append(separator);
                    repr(entry.key(), out, depth + 1);
                    out.append(": ");
                    repr(entry.value(), out, depth + 1);
                    separator = ", ";
                }
                out.append("}");
            }
            case Value.Generator generator -> out.append("<generator object>");
            case Value.Namespace namespace -> out.append("<Namespace>");
            case Value.Attributed object -> out.append("<" + object.typeName() + ">");
            case Value.Function function -> out.append("<" + function.typeName() + ">");
        }
    }

    private void reprAll(List<Value> items, String open, String close, Text.Builder out, int depth) {
        out.append(open);
        String separator = "";
        for (Value item : items) {
            out.append(separator);
            repr(item, out, depth + 1);
            separator = ", ";
        }
        out.append(close);
    }

    private void checkNesting(int depth) {
        budget.charge(1);
        if (depth > MAX_NESTING) {
            throw TemplateException.limit("a value is nested deeper than " + MAX_NESTING + " levels");
        }
    }

    /** Decimal digits; Python refuses to print ints of more than 4300 of them. */
    static String digits(BigInteger value) {
        if (value.bitLength() > 14_284) {
            throw TemplateException.failed("Exceeds the limit (4300 digits) for integer string conversion");
        }
        return value.toString();
    }

    /** {@code repr} of a string, for error messages. */
    public static String quote(String text) {
        var out = new Text.Builder(new Budget(Long.MAX_VALUE, Long.MAX_VALUE));
        quote(Text.of(text), out);
        return out.build().chars();
    }

    private static void quote(Text text, Text.Builder out) {
        String chars = text.chars();
        char quote = chars.indexOf('\'') >= 0 && chars.indexOf('"') < 0 ? '"' : '\'';
        out.append(String.valueOf(quote));
        int plainFrom = 0;
        for (int i = 0; i < chars.length(); ) {
            int c = chars.codePointAt(i);
            int next = i + Character.charCount(c);
            String escape = escape(c, quote);
            if (!escape.isEmpty()) {
                out.append(text.substring(plainFrom, i).asPlain());
                out.append(escape, text.mark(i));
                plainFrom = next;
            }
            i = next;
        }
        out.append(text.substring(plainFrom, chars.length()).asPlain());
        out.append(String.valueOf(quote));
    }

    private static String escape(int c, char quote) {
        return switch (c) {
            case '\\' -> "\\\\";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> {
                if (c == quote) {
                    yield "\\" + quote;
                }
                if (isPrintable(c)) {
                    yield "";
                }
                yield c <= 0xff
                        ? String.format("\\x%02x", c)
                        : c <= 0xffff ? String.format("\\u%04x", c) : String.format("\\U%08x", c);
            }
        };
    }

    static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    public boolean equal(Value a, Value b) {
        return equal(a, b, 0);
    }

    private boolean equal(Value a, Value b, int depth) {
        checkNesting(depth);
        if (a instanceof Text x && b instanceof Text y) {
            return x.chars().equals(y.chars());
        }
        if (isNumber(a) && isNumber(b)) {
            return compareNumbers(a, b) == 0;
        }
        if (a instanceof Value.Undefined && b instanceof Value.Undefined) {
            return true;
        }
        if (a instanceof Value.Sequence x && b instanceof Value.Sequence y) {
            if (x.kind() != y.kind() || x.items().size() != y.items().size()) {
                return false;
            }
            for (int i = 0; i < x.items().size(); i++) {
                if (!equal(x.items().get(i), y.items().get(i), depth + 1)) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Value.Dict x && b instanceof Value.Dict y) {
            if (x.size() != y.size()) {
                return false;
            }
            for (Value.Dict.Entry entry : x.entries()) {
                Optional<Value> other = y.get(entry.key());
                if (other.isEmpty() || !equal(entry.value(), other.get(), depth + 1)) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Value.Range x && b instanceof Value.Range y) {
            int size = x.size();
            return size == y.size() && (size == 0 || x.start() == y.start() && (size == 1 || x.step() == y.step()));
        }
        return a == b;
    }

    public static boolean isNumber(Value value) {
        return value instanceof Value.Int || value instanceof Value.Bool || value instanceof Value.Real;
    }

    /** The order of two numbers; 2 if one of them is not a number (NaN). */
    static int compareNumbers(Value a, Value b) {
        if (a instanceof Value.Real || b instanceof Value.Real) {
            double x = real(a);
            double y = real(b);
            if (Double.isNaN(x) || Double.isNaN(y)) {
                return 2;
            }
            if (Double.isInfinite(x) || Double.isInfinite(y) || (a instanceof Value.Real && b instanceof Value.Real)) {
                return x < y ? -1 : x > y ? 1 : 0;
            }
            return exact(a).compareTo(exact(b));
        }
        return integer(a).compareTo(integer(b));
    }

    private static BigDecimal exact(Value number) {
        return number instanceof Value.Real real ? new BigDecimal(real.value()) : new BigDecimal(integer(number));
    }

    public static BigInteger integer(Value value) {
        return value instanceof Value.Int i ? i.value() : value == Value.Bool.TRUE ? BigInteger.ONE : BigInteger.ZERO;
    }

    public static double real(Value value) {
        return value instanceof Value.Real real ? real.value() : integer(value).doubleValue();
    }

    /**
     * Orders as {@code <} does, or fails as Python does; {@code operator} is for the message. NaN is ordered with
     * nothing: 2.
     */
    public int order(Value a, Value b, String operator) {
        return order(a, b, operator, 0);
    }

    private int order(Value a, Value b, String operator, int depth) {
        checkNesting(depth);
        if (isNumber(a) && isNumber(b)) {
            return compareNumbers(a, b);
        }
        if (a instanceof Text x && b instanceof Text y) {
            budget.chargeText(Math.min(x.length(), y.length()));
            return compareCodePoints(x.chars(), y.chars());
        }
        if (a instanceof Value.Sequence x && b instanceof Value.Sequence y && x.kind() == y.kind()) {
            int shared = Math.min(x.items().size(), y.items().size());
            for (int i = 0; i < shared; i++) {
                if (!equal(x.items().get(i), y.items().get(i), depth + 1)) {
                    return order(x.items().get(i), y.items().get(i), operator, depth + 1);
                }
            }
            return Integer.compare(x.items().size(), y.items().size());
        }
        failIfUndefined(a);
        failIfUndefined(b);
        throw TemplateException.failed("'" + operator + "' not supported between instances of '" + typeName(a)
                + "' and '" + typeName(b) + "'");
    }

    static int compareCodePoints(String a, String b) {
        int shared = Math.min(a.length(), b.length());
        for (int i = 0; i < shared; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
                return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : (x < y ? -1 : 1);
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    public static void failIfUndefined(Value value) {
        if (value instanceof Value.Undefined undefined) {
            throw undefined.failure();
        }
    }

    /** {@code len(value)}, or empty if it has none. */
    public static Optional<Integer> length(Value value) {
        return switch (value) {
            case Text text -> Optional.of(text.codePoints());
            case Value.Undefined undefined -> Optional.of(0);
            case Value.Sequence sequence -> Optional.of(sequence.items().size());
            case Value.Range range -> Optional.of(range.size());
            case Value.View view -> Optional.of(view.items().size());
            case Value.Dict dict -> Optional.of(dict.size());
            case Value.Attributed object -> object.length();
            default -> Optional.empty();
        };
    }

    /** {@code iter(value)}, or empty if it cannot be gone through. */
    Optional<Iterator<Value>> iterator(Value value) {
        return switch (value) {
            case Text text -> Optional.of(characters(text).iterator());
            case Value.Undefined undefined -> Optional.of(List.<Value>of().iterator());
            case Value.Sequence sequence -> Optional.of(sequence.items().iterator());
            case Value.Range range -> Optional.of(all(range).iterator());
            case Value.View view -> Optional.of(view.items().iterator());
            case Value.Dict dict -> Optional.of(dict.keys().iterator());
            case Value.Generator generator -> Optional.of(generator.items());
            default -> Optional.empty();
        };
    }

    public static boolean iterable(Value value) {
        return switch (value) {
            case Text text -> true;
            case Value.Undefined undefined -> true;
            case Value.Sequence sequence -> true;
            case Value.Range range -> true;
            case Value.View view -> true;
            case Value.Dict dict -> true;
            case Value.Generator generator -> true;
            case Value.Attributed object -> object.iterable();
            default -> false;
        };
    }

    public Iterator<Value> iterate(Value value) {
        return iterator(value)
                .orElseThrow(() -> TemplateException.failed("'" + typeName(value) + "' object is not iterable"));
    }

    /** All items of an iterable, each charged. */
    public List<Value> list(Value value) {
        List<Value> items = new ArrayList<>();
        for (Iterator<Value> i = iterate(value); i.hasNext(); ) {
            budget.charge(1);
            items.add(i.next());
        }
        return items;
    }

    private List<Value> characters(Text text) {
        budget.charge(text.length());
        List<Value> characters = new ArrayList<>(text.length());
        for (int i = 0; i < text.length(); ) {
            int next = i + Character.charCount(text.chars().codePointAt(i));
            characters.add(text.substring(i, next).asPlain());
            i = next;
        }
        return characters;
    }

    private List<Value> all(Value.Range range) {
        int size = range.size();
        budget.charge(size);
        List<Value> items = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            items.add(range.get(i));
        }
        return items;
    }
}
