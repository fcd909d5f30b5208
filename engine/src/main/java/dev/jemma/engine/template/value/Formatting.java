package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/**
 * How Python writes numbers and fills fields: {@code repr(float)}, the {@code %} operator and {@code str.format}'s
 * specifications.
 */
public final class Formatting {
    private static final int MAX_WIDTH = 100_000;

    private Formatting() {}

    /** The shortest digits that read back as the same double, in Python's notation. */
    static String repr(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        BigDecimal oneDigit = shortest.round(new MathContext(1)); // Double.toString never writes fewer than two
        shortest = oneDigit.doubleValue() == value ? oneDigit.stripTrailingZeros() : shortest;
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent < -4 || exponent >= 16) {
            return scientific(shortest, exponent, "");
        }
        String plain = shortest.toPlainString();
        return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }

    private static String scientific(BigDecimal value, int exponent, String pad) {
        String digits = value.unscaledValue().abs().toString();
        String fraction = digits.substring(1) + pad;
        return (value.signum() < 0 ? "-" : "")
                + digits.charAt(0)
                + (fraction.isEmpty() ? "" : "." + fraction)
                + exponent(exponent);
    }

    private static String exponent(int exponent) {
        return String.format(Locale.ROOT, "e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    /**
     * A float with {@code precision} digits in the style of {@code e}, {@code f} or {@code g}, without a sign for
     * positive numbers.
     */
    static String real(double value, char style, int precision) {
        if (!Double.isFinite(value)) {
            String name = repr(value);
            return Character.isUpperCase(style) ? name.toUpperCase(Locale.ROOT) : name;
        }
        BigDecimal exact = new BigDecimal(value);
        String sign = value < 0 || (value == 0 && 1 / value < 0) ? "-" : "";
        BigDecimal size = exact.abs();
        String text = switch (Character.toLowerCase(style)) {
            case 'f' -> size.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
            case 'e' -> exponential(size, precision);
            default -> general(size, Math.max(1, precision));
        };
        return sign + (Character.isUpperCase(style) ? text.toUpperCase(Locale.ROOT) : text);
    }

    private static String exponential(BigDecimal size, int precision) {
        if (size.signum() == 0) {
            return "0" + (precision > 0 ? "." + "0".repeat(precision) : "") + "e+00";
        }
        BigDecimal rounded = size.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
        int exponent = rounded.precision() - rounded.scale() - 1;
        int missing = precision + 1 - rounded.precision();
        return scientific(rounded, exponent, "0".repeat(Math.max(0, missing)));
    }

    private static String general(BigDecimal size, int precision) {
        if (size.signum() == 0) {
            return "0";
        }
        BigDecimal rounded =
                size.round(new MathContext(precision, RoundingMode.HALF_EVEN)).stripTrailingZeros();
        int exponent = rounded.precision() - rounded.scale() - 1;
        return exponent < -4 || exponent >= precision ? scientific(rounded, exponent, "") : rounded.toPlainString();
    }

    /** The {@code %} operator of strings: {@code arguments} is a tuple, a dict for {@code %(name)s}, or one value. */
    public static Text percent(Python python, Text format, Value arguments) {
        var out = new Text.Builder(python.budget());
        String chars = format.chars();
        boolean tuple = arguments instanceof Value.Sequence s && s.kind() == Value.Sequence.Kind.TUPLE;
        var values = tuple ? ((Value.Sequence) arguments).items() : java.util.List.of(arguments);
        int used = 0;
        int plain = 0;
        for (int i = chars.indexOf('%'); i >= 0; i = chars.indexOf('%', plain)) {
            out.append(format.substring(plain, i).asPlain());
            int at = i + 1;
            Value named = Value.Null.NONE;
            boolean byName = at < chars.length() && chars.charAt(at) == '(';
            if (byName) {
                int close = chars.indexOf(')', at);
                if (close < 0) {
                    throw TemplateException.failed("incomplete format key");
                }
                if (!(arguments instanceof Value.Dict dict)) {
                    throw TemplateException.failed("format requires a mapping");
                }
                String key = chars.substring(at + 1, close);
                named = dict.get(key).orElseThrow(() -> TemplateException.failed(Python.quote(key)));
                at = close + 1;
            }
            int flags = at;
            while (at < chars.length() && "-+ 0#".indexOf(chars.charAt(at)) >= 0) {
                at++;
            }
            String flag = chars.substring(flags, at);
            int widthFrom = at;
            at = digitsEnd(chars, at);
            int width = number(chars, widthFrom, at, 0);
            int precision = -1;
            if (at < chars.length() && chars.charAt(at) == '.') {
                int from = at + 1;
                at = digitsEnd(chars, from);
                precision = number(chars, from, at, 0);
            }
            if (at >= chars.length()) {
                throw TemplateException.failed("incomplete format");
            }
            char type = chars.charAt(at);
            plain = at + 1;
            if (type == '%') {
                out.append("%");
                continue;
            }
            Value value = named;
            if (!byName) {
                if (used >= values.size()) {
                    throw TemplateException.failed("not enough arguments for format string");
                }
                value = values.get(used++);
            }
            Text field = percentField(python, value, type, precision, flag);
            char fill = flag.indexOf('0') >= 0 && flag.indexOf('-') < 0 && "sr".indexOf(type) < 0 ? '0' : ' ';
            out.append(pad(python, field, width, fill == '0' ? '=' : flag.indexOf('-') >= 0 ? '<' : '>', fill));
        }
        out.append(format.substring(plain, chars.length()).asPlain());
        if (used < values.size() && !(used == 0 && !tuple && isMapping(arguments))) {
            throw TemplateException.failed("not all arguments converted during string formatting");
        }
        return out.build();
    }

    /**
     * What Python takes for a mapping here, which need not be used up: anything with elements but tuples and strings.
     */
    private static boolean isMapping(Value value) {
        return switch (value) {
            case Value.Dict dict -> true;
            case Value.Sequence list -> true;
            case Value.Range range -> true;
            case Value.Undefined undefined -> true;
            default -> false;
        };
    }

    private static int digitsEnd(String chars, int from) {
        int at = from;
        while (at < chars.length() && chars.charAt(at) >= '0' && chars.charAt(at) <= '9') {
            at++;
        }
        return at;
    }

    private static int number(String chars, int from, int to, int otherwise) {
        if (from == to) {
            return otherwise;
        }
        int value = to - from > 6 ? Integer.MAX_VALUE : Integer.parseInt(chars.substring(from, to));
        if (value > MAX_WIDTH) {
            throw TemplateException.limit("a format field is wider than " + MAX_WIDTH);
        }
        return value;
    }

    private static Text percentField(Python python, Value value, char type, int precision, String flag) {
        if (type != 's' && type != 'r') {
            Python.failIfUndefined(value);
        }
        switch (type) {
            case 's', 'r' -> {
                Text text = type == 's' ? python.str(value) : python.repr(value);
                return precision < 0 ? text : text.slice(0, Math.min(precision, text.codePoints()));
            }
            case 'c' -> {
                if (value instanceof Text text && text.codePoints() == 1) {
                    return text;
                }
                return Text.of(Character.toString(Arguments.asInt(value)));
            }
            case 'd', 'i', 'u', 'x', 'X', 'o' -> {
                if (!Python.isNumber(value)) {
                    throw TemplateException.failed(
                            "%" + type + " format: a real number is required, not " + Python.typeName(value));
                }
                BigInteger integer = value instanceof Value.Real real
                        ? new BigDecimal(real.value()).toBigInteger()
                        : Python.integer(value);
                String digits = radix(integer.abs(), type, flag.indexOf('#') >= 0);
                return Text.of(sign(integer.signum() < 0, flag)
                        + "0".repeat(Math.max(0, precision - digits.length()))
                        + digits);
            }
            case 'f', 'F', 'e', 'E', 'g', 'G' -> {
                if (!Python.isNumber(value)) {
                    throw TemplateException.failed("must be real number, not " + Python.typeName(value));
                }
                String text = real(Python.real(value), type, precision < 0 ? 6 : precision);
                return Text.of(text.startsWith("-") ? text : sign(false, flag) + text);
            }
            default -> throw TemplateException.failed("unsupported format character '" + type + "'");
        }
    }

    private static String radix(BigInteger size, char type, boolean prefixed) {
        return switch (type) {
            case 'x' -> (prefixed ? "0x" : "") + size.toString(16);
            case 'X' -> (prefixed ? "0X" : "") + size.toString(16).toUpperCase(Locale.ROOT);
            case 'o' -> (prefixed ? "0o" : "") + size.toString(8);
            case 'b' -> (prefixed ? "0b" : "") + size.toString(2);
            default -> Python.digits(size);
        };
    }

    private static String sign(boolean negative, String flag) {
        return negative ? "-" : flag.indexOf('+') >= 0 ? "+" : flag.indexOf(' ') >= 0 ? " " : "";
    }

    /**
     * Fills to {@code width} code points; {@code align} is {@code <}, {@code >}, {@code ^} or {@code =} (behind the
     * sign).
     */
    static Text pad(Python python, Text text, int width, char align, int fill) {
        int missing = width - text.codePoints();
        if (missing <= 0) {
            return text;
        }
        if (width > MAX_WIDTH) {
            throw TemplateException.limit("a field is wider than " + MAX_WIDTH);
        }
        int left = switch (align) {
            case '<' -> 0;
            case '^' -> missing / 2;
            default -> missing;
        };
        String filler = Character.toString(fill);
        var out = new Text.Builder(python.budget());
        int signed =
                align == '=' && !text.isEmpty() && "+- ".indexOf(text.chars().charAt(0)) >= 0 ? 1 : 0;
        out.append(text.substring(0, signed).asPlain());
        out.append(filler.repeat(left), text.overallMark());
        out.append(text.substring(signed, text.length()).asPlain());
        out.append(filler.repeat(missing - left), text.overallMark());
        return out.build();
    }

    /** One replacement field of {@code str.format}: {@code [[fill]align][sign][#][0][width][,][.precision][type]}. */
    static Text field(Python python, Value value, String spec) {
        if (spec.isEmpty()) {
            return python.str(value);
        }
        int at = 0;
        int fill = ' ';
        char align = 0;
        int first = spec.codePointAt(0);
        int second = Character.charCount(first);
        if (second < spec.length() && "<>^=".indexOf(spec.charAt(second)) >= 0) {
            fill = first;
            align = spec.charAt(second);
            at = second + 1;
        } else if ("<>^=".indexOf(spec.charAt(0)) >= 0) {
            align = spec.charAt(0);
            at = 1;
        }
        String flag =
                at < spec.length() && "+- ".indexOf(spec.charAt(at)) >= 0 ? String.valueOf(spec.charAt(at++)) : "";
        boolean prefixed = at < spec.length() && spec.charAt(at) == '#';
        at += prefixed ? 1 : 0;
        if (at < spec.length() && spec.charAt(at) == '0') {
            fill = align == 0 ? '0' : fill;
            align = align == 0 ? '=' : align;
            at++;
        }
        int end = digitsEnd(spec, at);
        int width = number(spec, at, end, 0);
        at = end;
        boolean grouped = at < spec.length() && (spec.charAt(at) == ',' || spec.charAt(at) == '_');
        String group = grouped ? String.valueOf(spec.charAt(at++)) : "";
        int precision = -1;
        if (at < spec.length() && spec.charAt(at) == '.') {
            end = digitsEnd(spec, at + 1);
            if (end == at + 1) {
                throw TemplateException.failed("Format specifier missing precision");
            }
            precision = number(spec, at + 1, end, 0);
            at = end;
        }
        char type = at < spec.length() ? spec.charAt(at++) : 0;
        if (at < spec.length()) {
            throw TemplateException.failed(
                    "Invalid format specifier '" + spec + "' for object of type '" + Python.typeName(value) + "'");
        }
        if (value instanceof Text text) {
            if ((type != 0 && type != 's') || align == '=' || !flag.isEmpty() || prefixed || grouped) {
                throw unknown(type == 0 ? '=' : type, value);
            }
            Text cut = precision < 0 ? text : text.slice(0, Math.min(precision, text.codePoints()));
            return pad(python, cut, width, align == 0 ? '<' : align, fill);
        }
        if (!Python.isNumber(value)) {
            throw TemplateException.failed(
                    "unsupported format string passed to " + Python.typeName(value) + ".__format__");
        }
        String body = numberField(value, type, precision, prefixed);
        boolean negative = body.startsWith("-");
        String size = negative ? body.substring(1) : body;
        String text = sign(negative, flag) + (grouped ? group(size, group) : size);
        return pad(python, Text.of(text), width, align == 0 ? '>' : align, fill);
    }

    private static String numberField(Value value, char type, int precision, boolean prefixed) {
        if (value instanceof Value.Real || "eEfFgG%".indexOf(type) >= 0 && type != 0) {
            double number = Python.real(value);
            return switch (type) {
                case 0 -> precision < 0 ? repr(number) : general(number, precision);
                case 'e', 'E', 'f', 'F', 'g', 'G' -> real(number, type, precision < 0 ? 6 : precision);
                case '%' -> real(number * 100, 'f', precision < 0 ? 6 : precision) + "%";
                default -> throw unknown(type, value);
            };
        }
        if (precision >= 0) {
            throw TemplateException.failed("Precision not allowed in integer format specifier");
        }
        BigInteger integer = Python.integer(value);
        if (type != 0 && "dxXob".indexOf(type) < 0) {
            throw unknown(type, value);
        }
        return (integer.signum() < 0 ? "-" : "") + radix(integer.abs(), type == 0 ? 'd' : type, prefixed);
    }

    /** A float with a precision but no type: like {@code g}, with at least one digit behind the point. */
    private static String general(double number, int precision) {
        String text = real(number, 'g', precision);
        return text.indexOf('.') < 0 && text.indexOf('e') < 0 && Double.isFinite(number) ? text + ".0" : text;
    }

    private static TemplateException unknown(char type, Value value) {
        return TemplateException.failed(
                "Unknown format code '" + type + "' for object of type '" + Python.typeName(value) + "'");
    }

    private static String group(String size, String separator) {
        int point = digitsEnd(size, 0);
        var out = new StringBuilder(size);
        for (int at = point - 3; at > 0; at -= 3) {
            out.insert(at, separator);
        }
        return out.toString();
    }
}
