package dev.jemma.engine.template.run;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Arguments;
import dev.jemma.engine.template.value.Formatting;
import dev.jemma.engine.template.value.Methods;
import dev.jemma.engine.template.value.Numbers;
import dev.jemma.engine.template.value.Python;
import dev.jemma.engine.template.value.PythonJson;
import dev.jemma.engine.template.value.StringMethods;
import dev.jemma.engine.template.value.Text;
import dev.jemma.engine.template.value.Value;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Jinja's filters on texts and numbers; those on collections are in {@link CollectionFilters}. {@code tojson} is
 * Hugging Face's.
 */
final class Filters {
    /** A filter: its subject is what stands before the bar. */
    interface Filter {
        Value apply(Python python, Value subject, Arguments arguments);
    }

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        ALL.putAll(CollectionFilters.ALL);
        ALL.put("tojson", (python, v, a) -> PythonJson.dump(python, v, a));
        ALL.put("default", Filters::otherwise);
        ALL.put("d", Filters::otherwise);
        ALL.put("string", (python, v, a) -> v instanceof Text text ? text : python.str(v));
        ALL.put("safe", (python, v, a) -> python.str(v).asMarkup());
        ALL.put("escape", (python, v, a) -> escaped(python, v));
        ALL.put("e", (python, v, a) -> escaped(python, v));
        ALL.put(
                "forceescape",
                (python, v, a) -> python.str(v).escaped(python.budget()).asMarkup());
        ALL.put("upper", (python, v, a) -> StringMethods.upper(python, soft(python, v)));
        ALL.put("lower", (python, v, a) -> StringMethods.lower(python, soft(python, v)));
        ALL.put("capitalize", (python, v, a) -> StringMethods.capitalize(python, soft(python, v)));
        ALL.put("title", (python, v, a) -> title(python, soft(python, v)));
        ALL.put(
                "trim",
                (python, v, a) -> StringMethods.strip(
                        soft(python, v), a.only("trim", "chars").given(0, "chars"), true, true));
        ALL.put("replace", Filters::replace);
        ALL.put(
                "center",
                (python, v, a) -> StringMethods.center(python, soft(python, v), a.integer(0, "width", 80), ' '));
        ALL.put("format", Filters::format);
        ALL.put("indent", Filters::indent);
        ALL.put("truncate", Filters::truncate);
        ALL.put(
                "wordcount",
                (python, v, a) -> Value.Int.of(wordCount(soft(python, v).chars())));
        ALL.put("urlencode", (python, v, a) -> urlEncode(python, v));
        ALL.put("int", Filters::toInt);
        ALL.put("float", Filters::toReal);
        ALL.put("abs", (python, v, a) -> absolute(v));
        ALL.put("round", Filters::round);
        ALL.put("attr", Filters::attribute);
    }

    private Filters() {}

    static Set<String> names() {
        return Collections.unmodifiableSet(ALL.keySet());
    }

    static Value apply(Python python, String name, Value subject, Arguments arguments) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw TemplateException.failed("No filter named " + Python.quote(name) + ".");
        }
        if (subject instanceof Text text) {
            python.budget().chargeText(text.length());
        }
        return filter.apply(python, subject, arguments);
    }

    /** A text as it is, anything else as its string. */
    static Text soft(Python python, Value value) {
        return value instanceof Text text ? text : python.str(value);
    }

    private static Value otherwise(Python python, Value value, Arguments arguments) {
        arguments.only("default", "default_value", "boolean");
        boolean replaced =
                value instanceof Value.Undefined || (arguments.truth(1, "boolean", false) && !Python.truth(value));
        return replaced ? arguments.get(0, "default_value").orElse(Text.EMPTY) : value;
    }

    private static Text escaped(Python python, Value value) {
        return value instanceof Text text && text.markup()
                ? text
                : python.str(value).escaped(python.budget()).asMarkup();
    }

    private static Text title(Python python, Text text) {
        var out = new Text.Builder(python.budget());
        String chars = text.chars();
        boolean start = true;
        for (int i = 0; i < chars.length(); ) {
            int c = chars.codePointAt(i);
            int next = i + Character.charCount(c);
            Text one = text.substring(i, next);
            out.append(start ? StringMethods.upper(python, one) : StringMethods.lower(python, one));
            start = Python.isSpace(c) || "-({[<".indexOf(c) >= 0;
            i = next;
        }
        return out.build();
    }

    private static Value replace(Python python, Value value, Arguments arguments) {
        arguments.only("replace", "old", "new", "count");
        Text old = python.str(arguments.require("replace", 0, "old"));
        Text with = python.str(arguments.require("replace", 1, "new"));
        int count = arguments.given(2, "count").map(Arguments::asInt).orElse(-1);
        return StringMethods.replace(python, python.str(value), old, with, count);
    }

    private static Value format(Python python, Value value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw TemplateException.failed("can't handle positional and keyword arguments at the same time");
        }
        Value filled = new Value.Sequence(Value.Sequence.Kind.TUPLE, arguments.positional());
        if (!arguments.named().isEmpty()) {
            var dict = new Value.Dict();
            arguments.named().forEach((name, item) -> dict.put(Text.of(name), item));
            filled = dict;
        }
        return Formatting.percent(python, soft(python, value), filled);
    }

    /** Lines are split and joined anew, so that every kind of line break becomes a newline. */
    private static Value indent(Python python, Value value, Arguments arguments) {
        arguments.only("indent", "width", "first", "blank");
        Value width = arguments.get(0, "width").orElse(Value.Int.of(4));
        Text indent = width instanceof Text text
                ? text
                : Text.of(" ".repeat(Math.max(0, Math.min(100_000, Arguments.asInt(width)))));
        boolean first = arguments.truth(1, "first", false);
        boolean blank = arguments.truth(2, "blank", false);
        Text text = Arguments.asText("indent", value);
        List<Value> lines = StringMethods.lines(python, text, false);
        char last = text.isEmpty() ? '\n' : text.chars().charAt(text.length() - 1);
        if (StringMethods.isLineBreak(last) && last != '\r') {
            lines.add(Text.EMPTY);
        }
        var out = new Text.Builder(python.budget());
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

    private static Value truncate(Python python, Value value, Arguments arguments) {
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
        return new Text.Builder(python.budget()).append(kept).append(end).build();
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

    private static Value urlEncode(Python python, Value value) {
        if (value instanceof Text || !Python.iterable(value)) {
            return urlQuote(python, soft(python, value), "/");
        }
        var out = new Text.Builder(python.budget());
        List<Value> pairs = value instanceof Value.Dict dict ? dict.items() : python.list(value);
        for (Value pair : pairs) {
            List<Value> both = python.list(pair);
            if (both.size() != 2) {
                throw TemplateException.failed("not enough values to unpack (expected 2, got " + both.size() + ")");
            }
            out.append(out.length() > 0 ? "&" : "");
            out.append(urlQuote(python, soft(python, both.get(0)), "+"))
                    .append("=")
                    .append(urlQuote(python, soft(python, both.get(1)), "+"));
        }
        return out.build();
    }

    /** Percent-encodes UTF-8; {@code kept} is "/" to keep slashes, or "+" to write spaces so. */
    private static Text urlQuote(Python python, Text text, String kept) {
        var out = new Text.Builder(python.budget());
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

    private static Value toInt(Python python, Value value, Arguments arguments) {
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

    private static Value toReal(Python python, Value value, Arguments arguments) {
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

    private static Value round(Python python, Value value, Arguments arguments) {
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
    private static Value attribute(Python python, Value value, Arguments arguments) {
        String name = arguments.only("attr", "name").text("attr", 0, "name").chars();
        Python.failIfUndefined(value);
        if (value instanceof Value.Dict && Methods.find(value, name).isEmpty()) {
            return new Value.Undefined("'dict object' has no attribute " + Python.quote(name));
        }
        return python.access().attribute(value, name);
    }
}
