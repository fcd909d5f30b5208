package dev.jemma.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Jinja's filters on texts and numbers; those on collections are in {@link CollectionFilters}. {@code tojson} is Hugging Face's. */
final class Filters {
    /** A filter: its subject is what stands before the bar. */
    interface Filter {
        Value apply(Interpreter in, Value subject, Arguments arguments);
    }

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        ALL.putAll(CollectionFilters.ALL);
        ALL.put("tojson", (in, v, a) -> PythonJson.dump(in, v, a));
        ALL.put("default", Filters::otherwise);
        ALL.put("d", Filters::otherwise);
        ALL.put(
                "string",
                (in, v, a) -> v instanceof Text text ? text : in.python().str(v));
        ALL.put("safe", (in, v, a) -> in.python().str(v).asMarkup());
        ALL.put("escape", (in, v, a) -> escaped(in, v));
        ALL.put("e", (in, v, a) -> escaped(in, v));
        ALL.put(
                "forceescape",
                (in, v, a) -> escape(in.python(), in.python().str(v)).asMarkup());
        ALL.put("upper", (in, v, a) -> StringMethods.upper(in, soft(in, v)));
        ALL.put("lower", (in, v, a) -> StringMethods.lower(in, soft(in, v)));
        ALL.put("capitalize", (in, v, a) -> StringMethods.capitalize(in, soft(in, v)));
        ALL.put("title", (in, v, a) -> title(in, soft(in, v)));
        ALL.put(
                "trim",
                (in, v, a) ->
                        StringMethods.strip(soft(in, v), a.only("trim", "chars").given(0, "chars"), true, true));
        ALL.put("replace", Filters::replace);
        ALL.put("center", (in, v, a) -> StringMethods.center(in, soft(in, v), a.integer(0, "width", 80), ' '));
        ALL.put("format", Filters::format);
        ALL.put("indent", Filters::indent);
        ALL.put("truncate", Filters::truncate);
        ALL.put("wordcount", (in, v, a) -> Value.Int.of(wordCount(soft(in, v).chars())));
        ALL.put("urlencode", (in, v, a) -> urlEncode(in, v));
        ALL.put("int", Filters::toInt);
        ALL.put("float", Filters::toReal);
        ALL.put("abs", (in, v, a) -> absolute(v));
        ALL.put("round", Filters::round);
        ALL.put("attr", Filters::attribute);
    }

    private Filters() {}

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    static Value apply(Interpreter in, String name, Value subject, Arguments arguments) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw TemplateException.failed("No filter named " + Python.quote(name) + ".");
        }
        if (subject instanceof Text text) {
            in.budget().chargeText(text.length());
        }
        return filter.apply(in, subject, arguments);
    }

    /** A text as it is, anything else as its string. */
    static Text soft(Interpreter in, Value value) {
        return value instanceof Text text ? text : in.python().str(value);
    }

    private static Value otherwise(Interpreter in, Value value, Arguments arguments) {
        arguments.only("default", "default_value", "boolean");
        boolean replaced =
                value instanceof Value.Undefined || (arguments.truth(1, "boolean", false) && !Python.truth(value));
        return replaced ? arguments.get(0, "default_value").orElse(Text.EMPTY) : value;
    }

    private static Text escaped(Interpreter in, Value value) {
        return value instanceof Text text && text.markup()
                ? text
                : escape(in.python(), in.python().str(value)).asMarkup();
    }

    /** HTML's escapes, as markupsafe writes them. */
    static Text escape(Python python, Text text) {
        var out = new Text.Builder(python.budget());
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            String escape = switch (text.chars().charAt(i)) {
                case '&' -> "&amp;";
                case '<' -> "&lt;";
                case '>' -> "&gt;";
                case '\'' -> "&#39;";
                case '"' -> "&#34;";
                default -> "";
            };
            if (!escape.isEmpty()) {
                out.append(text.substring(plain, i)).append(escape, text.mark(i));
                plain = i + 1;
            }
        }
        return out.append(text.substring(plain, text.length())).build();
    }

    private static Text title(Interpreter in, Text text) {
        var out = new Text.Builder(in.budget());
        String chars = text.chars();
        boolean start = true;
        for (int i = 0; i < chars.length(); ) {
            int c = chars.codePointAt(i);
            int next = i + Character.charCount(c);
            Text one = text.substring(i, next);
            out.append(start ? StringMethods.upper(in, one) : StringMethods.lower(in, one));
            start = Python.isSpace(c) || "-({[<".indexOf(c) >= 0;
            i = next;
        }
        return out.build();
    }

    private static Value replace(Interpreter in, Value value, Arguments arguments) {
        arguments.only("replace", "old", "new", "count");
        Text old = in.python().str(arguments.require("replace", 0, "old"));
        Text with = in.python().str(arguments.require("replace", 1, "new"));
        int count = arguments.given(2, "count").map(Arguments::asInt).orElse(-1);
        return StringMethods.replace(in, in.python().str(value), old, with, count);
    }

    private static Value format(Interpreter in, Value value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw TemplateException.failed("can't handle positional and keyword arguments at the same time");
        }
        Value filled = new Value.Sequence(Value.Sequence.Kind.TUPLE, arguments.positional());
        if (!arguments.named().isEmpty()) {
            var dict = new Value.Dict();
            arguments.named().forEach((name, item) -> dict.put(Text.of(name), item));
            filled = dict;
        }
        return Formatting.percent(in.python(), soft(in, value), filled);
    }

    /** Lines are split and joined anew, so that every kind of line break becomes a newline. */
    private static Value indent(Interpreter in, Value value, Arguments arguments) {
        arguments.only("indent", "width", "first", "blank");
        Value width = arguments.get(0, "width").orElse(Value.Int.of(4));
        Text indent = width instanceof Text text
                ? text
                : Text.of(" ".repeat(Math.max(0, Math.min(100_000, Arguments.asInt(width)))));
        boolean first = arguments.truth(1, "first", false);
        boolean blank = arguments.truth(2, "blank", false);
        Text text = Arguments.asText("indent", value);
        List<Value> lines = StringMethods.lines(in, text, false);
        char last = text.isEmpty() ? '\n' : text.chars().charAt(text.length() - 1);
        if (StringMethods.isLineBreak(last) && last != '\r') {
            lines.add(Text.EMPTY);
        }
        var out = new Text.Builder(in.budget());
        for (int i = 0; i < lines.size(); i++) {
            var line = (Text) lines.get(i);
            out.append(i > 0 ? "\n" : "");
            if (i == 0 ? first : blank || !line.isEmpty()) {
                out.append(indent);
            }
            out.append(line.asPlain());
        }
        return out.build();
    }

    private static Value truncate(Interpreter in, Value value, Arguments arguments) {
        arguments.only("truncate", "length", "killwords", "end", "leeway");
        int length = arguments.integer(0, "length", 255);
        Text end = arguments
                .get(2, "end")
                .map(e -> Arguments.asText("truncate", e))
                .orElse(Text.of("..."));
        int leeway = arguments.given(3, "leeway").map(Arguments::asInt).orElse(5);
        int ending = end.codePoints();
        if (length < ending) {
            throw TemplateException.failed("expected length >= " + ending + ", got " + length);
        }
        if (leeway < 0) {
            throw TemplateException.failed("expected leeway >= 0, got " + leeway);
        }
        int size = Python.length(value)
                .orElseThrow(
                        () -> TemplateException.failed("object of type '" + Python.typeName(value) + "' has no len()"));
        if (size <= (long) length + leeway) {
            return value;
        }
        Text text = Arguments.asText("truncate", value);
        Text kept = text.slice(0, length - ending);
        int space = kept.chars().lastIndexOf(' ');
        if (!arguments.truth(1, "killwords", false) && space >= 0) {
            kept = kept.substring(0, space);
        }
        return new Text.Builder(in.budget()).append(kept).append(end).build();
    }

    private static long wordCount(String chars) {
        long words = 0;
        boolean inside = false;
        for (int c : chars.codePoints().toArray()) {
            boolean word = Character.isLetterOrDigit(c) || c == '_';
            words += word && !inside ? 1 : 0;
            inside = word;
        }
        return words;
    }

    private static Value urlEncode(Interpreter in, Value value) {
        if (value instanceof Text || !Python.iterable(value)) {
            return urlQuote(in, soft(in, value), "/");
        }
        var out = new Text.Builder(in.budget());
        List<Value> pairs =
                value instanceof Value.Dict dict ? dict.items() : in.python().list(value);
        for (Value pair : pairs) {
            List<Value> both = in.python().list(pair);
            if (both.size() != 2) {
                throw TemplateException.failed("not enough values to unpack (expected 2, got " + both.size() + ")");
            }
            out.append(out.length() > 0 ? "&" : "");
            out.append(urlQuote(in, soft(in, both.get(0)), "+"))
                    .append("=")
                    .append(urlQuote(in, soft(in, both.get(1)), "+"));
        }
        return out.build();
    }

    /** Percent-encodes UTF-8; {@code kept} is "/" to keep slashes, or "+" to write spaces so. */
    private static Text urlQuote(Interpreter in, Text text, String kept) {
        var out = new Text.Builder(in.budget());
        for (int i = 0; i < text.length(); ) {
            int c = text.chars().codePointAt(i);
            int next = i + Character.charCount(c);
            boolean plain = c < 128
                    && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0 || (c == '/' && kept.equals("/")));
            if (plain) {
                out.append(text.substring(i, next));
            } else if (c == ' ' && kept.equals("+")) {
                out.append("+", text.mark(i));
            } else {
                for (byte b : Character.toString(c).getBytes(StandardCharsets.UTF_8)) {
                    out.append(String.format("%%%02X", b & 0xff), text.mark(i));
                }
            }
            i = next;
        }
        return out.build();
    }

    private static Value toInt(Interpreter in, Value value, Arguments arguments) {
        arguments.only("int", "default", "base");
        Python.failIfUndefined(value);
        Value otherwise = arguments.get(0, "default").orElse(Value.Int.of(0));
        if (value instanceof Text text) {
            int base = arguments.integer(1, "base", 10);
            Optional<BigInteger> parsed = Numbers.parseInt(text.chars(), base);
            if (parsed.isPresent()) {
                return new Value.Int(parsed.get());
            }
        }
        if (Python.isNumber(value) && !(value instanceof Value.Real)) {
            return new Value.Int(Python.integer(value));
        }
        Optional<Double> real = value instanceof Value.Real r
                ? Optional.of(r.value())
                : value instanceof Text t ? Numbers.parseReal(t.chars()) : Optional.empty();
        return real.filter(Double::isFinite)
                .<Value>map(d -> new Value.Int(new BigDecimal(d).toBigInteger()))
                .orElse(otherwise);
    }

    private static Value toReal(Interpreter in, Value value, Arguments arguments) {
        arguments.only("float", "default");
        Python.failIfUndefined(value);
        if (Python.isNumber(value)) {
            double real = Python.real(value);
            if (Double.isInfinite(real) && !(value instanceof Value.Real)) {
                throw TemplateException.failed("int too large to convert to float");
            }
            return new Value.Real(real);
        }
        Optional<Double> parsed = value instanceof Text text ? Numbers.parseReal(text.chars()) : Optional.empty();
        return parsed.<Value>map(Value.Real::new)
                .orElse(arguments.get(0, "default").orElse(new Value.Real(0)));
    }

    private static Value absolute(Value value) {
        Python.failIfUndefined(value);
        return switch (value) {
            case Value.Real real -> new Value.Real(Math.abs(real.value()));
            case Value.Int number -> new Value.Int(number.value().abs());
            case Value.Bool bool -> Value.Int.of(bool.ordinal());
            default -> throw TemplateException.failed("bad operand type for abs(): '" + Python.typeName(value) + "'");
        };
    }

    private static Value round(Interpreter in, Value value, Arguments arguments) {
        arguments.only("round", "precision", "method");
        int precision = arguments.integer(0, "precision", 0);
        String method = arguments
                .get(1, "method")
                .map(m -> Arguments.asText("round", m).chars())
                .orElse("common");
        Python.failIfUndefined(value);
        if (!Python.isNumber(value)) {
            throw TemplateException.failed("type " + Python.typeName(value) + " doesn't define __round__ method");
        }
        if (Math.abs(precision) > 400) {
            throw TemplateException.limit("round to " + precision + " digits");
        }
        return switch (method) {
            case "common" -> roundHalfEven(value, precision);
            case "ceil", "floor" -> {
                double power = Math.pow(10, precision);
                double scaled = Python.real(value) * power;
                if (!Double.isFinite(scaled)) {
                    throw TemplateException.failed("cannot convert float infinity to integer");
                }
                yield new Value.Real((method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / power);
            }
            default -> throw TemplateException.failed("method must be common, ceil or floor");
        };
    }

    private static Value roundHalfEven(Value value, int precision) {
        if (value instanceof Value.Real real) {
            double number = real.value();
            boolean exact = !Double.isFinite(number) || number == 0;
            double rounded = exact
                    ? number
                    : new BigDecimal(number)
                            .setScale(precision, RoundingMode.HALF_EVEN)
                            .doubleValue();
            return new Value.Real(Math.copySign(rounded, number));
        }
        BigInteger number = Python.integer(value);
        return new Value.Int(
                precision >= 0
                        ? number
                        : new BigDecimal(number)
                                .setScale(precision, RoundingMode.HALF_EVEN)
                                .toBigInteger());
    }

    /** {@code object|attr("name")}: methods only, never entries. */
    private static Value attribute(Interpreter in, Value value, Arguments arguments) {
        String name = arguments.only("attr", "name").text("attr", 0, "name").chars();
        Python.failIfUndefined(value);
        if (value instanceof Value.Dict && Methods.find(value, name).isEmpty()) {
            return new Value.Undefined("'dict object' has no attribute " + Python.quote(name));
        }
        return in.access().attribute(value, name);
    }

    /** Filters as a list, for tests that name all of them. */
    static List<String> names() {
        List<String> names = new ArrayList<>(ALL.keySet());
        names.sort(null);
        return names;
    }
}
