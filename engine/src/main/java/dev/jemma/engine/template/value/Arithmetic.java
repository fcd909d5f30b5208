package dev.jemma.engine.template.value;

import dev.jemma.engine.api.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's binary operators on values. Ints are exact and bounded in size, floats are doubles, division floors. */
public final class Arithmetic {
    private static final int MAX_BITS = 1 << 16;

    private final Python python;

    Arithmetic(Python python) {
        this.python = python;
    }

    public Value apply(BinaryOperator operator, Value left, Value right) {
        Python.failIfUndefined(left);
        if (!(left instanceof Text && operator == BinaryOperator.MODULO)) {
            Python.failIfUndefined(right);
        }
        if (Python.isNumber(left) && Python.isNumber(right)) {
            return left instanceof Value.Real || right instanceof Value.Real
                    ? reals(operator, Python.real(left), Python.real(right))
                    : integers(operator, Python.integer(left), Python.integer(right));
        }
        return switch (operator) {
            case ADD -> add(left, right);
            case MULTIPLY -> multiply(left, right);
            case MODULO ->
                left instanceof Text format
                        ? Formatting.percent(python, format, right)
                        : unsupported(operator, left, right);
            default -> unsupported(operator, left, right);
        };
    }

    private static Value unsupported(BinaryOperator operator, Value left, Value right) {
        throw TemplateException.failed("unsupported operand type(s) for " + operator.symbol + ": '"
                + Python.typeName(left) + "' and '" + Python.typeName(right) + "'");
    }

    private Value add(Value left, Value right) {
        if (left instanceof Text a) {
            if (right instanceof Text b) {
                return concat(a, b);
            }
            throw TemplateException.failed("can only concatenate str (not \"" + Python.typeName(right) + "\") to str");
        }
        if (left instanceof Value.Sequence a) {
            if (right instanceof Value.Sequence b && a.kind() == b.kind()) {
                python.budget().charge(a.items().size() + b.items().size());
                List<Value> items = new ArrayList<>(a.items());
                items.addAll(b.items());
                return new Value.Sequence(a.kind(), items);
            }
            String type = Python.typeName(left);
            throw TemplateException.failed(
                    "can only concatenate " + type + " (not \"" + Python.typeName(right) + "\") to " + type);
        }
        return unsupported(BinaryOperator.ADD, left, right);
    }

    /** Joins two strings; where one is marked safe, the other is escaped first, as markupsafe does. */
    private Text concat(Text a, Text b) {
        boolean markup = a.markup() || b.markup();
        var out = new Text.Builder(python.budget());
        out.append(markup && !a.markup() ? a.escaped(python.budget()) : a);
        out.append(markup && !b.markup() ? b.escaped(python.budget()) : b);
        return markup ? out.build().asMarkup() : out.build();
    }

    private Value multiply(Value left, Value right) {
        if (right instanceof Text || right instanceof Value.Sequence) {
            return left instanceof Text || left instanceof Value.Sequence ? repeat(left, right) : repeat(right, left);
        }
        return left instanceof Text || left instanceof Value.Sequence
                ? repeat(left, right)
                : unsupported(BinaryOperator.MULTIPLY, left, right);
    }

    private Value repeat(Value what, Value times) {
        if (!(times instanceof Value.Int || times instanceof Value.Bool)) {
            throw TemplateException.failed(
                    "can't multiply sequence by non-int of type '" + Python.typeName(times) + "'");
        }
        long count = Math.max(0, Arguments.asInt(times));
        if (what instanceof Text text) {
            python.budget().checkLength(text.length() * count);
            var out = new Text.Builder(python.budget());
            for (long i = 0; i < count && !text.isEmpty(); i++) {
                out.append(text);
            }
            return text.markup() ? out.build().asMarkup() : out.build();
        }
        var sequence = (Value.Sequence) what;
        python.budget().charge(Math.multiplyExact(sequence.items().size(), count));
        List<Value> items = new ArrayList<>();
        for (long i = 0; i < count && !sequence.items().isEmpty(); i++) {
            items.addAll(sequence.items());
        }
        return new Value.Sequence(sequence.kind(), items);
    }

    private static Value integers(BinaryOperator operator, BigInteger a, BigInteger b) {
        return switch (operator) {
            case ADD -> integer(a.add(b));
            case SUBTRACT -> integer(a.subtract(b));
            case MULTIPLY -> integer(a.multiply(b));
            case DIVIDE -> {
                checkDivisor(b.signum() == 0, "division by zero");
                double quotient = new BigDecimal(a)
                        .divide(new BigDecimal(b), new java.math.MathContext(60))
                        .doubleValue();
                if (Double.isInfinite(quotient)) {
                    throw TemplateException.failed("integer division result too large for a float");
                }
                yield new Value.Real(a.signum() == 0 && b.signum() < 0 ? -0.0 : quotient);
            }
            case FLOOR_DIVIDE -> {
                checkDivisor(b.signum() == 0, "integer division or modulo by zero");
                yield integer(floorDivide(a, b));
            }
            case MODULO -> {
                checkDivisor(b.signum() == 0, "integer modulo by zero");
                yield integer(a.subtract(floorDivide(a, b).multiply(b)));
            }
            case POWER -> {
                if (b.signum() < 0) {
                    yield reals(operator, a.doubleValue(), b.doubleValue());
                }
                boolean small = a.abs().bitLength() <= 1;
                if (!small && (b.bitLength() > 20 || (long) a.bitLength() * b.intValue() > MAX_BITS)) {
                    throw TemplateException.limit("a power has more than " + MAX_BITS + " bits");
                }
                yield integer(
                        small
                                ? (a.signum() == 0 && b.signum() > 0
                                        ? BigInteger.ZERO
                                        : a.signum() < 0 && b.testBit(0) ? a : BigInteger.ONE)
                                : a.pow(b.intValue()));
            }
        };
    }

    private static Value integer(BigInteger value) {
        if (value.bitLength() > MAX_BITS) {
            throw TemplateException.limit("an integer has more than " + MAX_BITS + " bits");
        }
        return new Value.Int(value);
    }

    private static BigInteger floorDivide(BigInteger a, BigInteger b) {
        BigInteger[] parts = a.divideAndRemainder(b);
        boolean down = parts[1].signum() != 0 && parts[1].signum() != b.signum();
        return down ? parts[0].subtract(BigInteger.ONE) : parts[0];
    }

    private static void checkDivisor(boolean zero, String reason) {
        if (zero) {
            throw TemplateException.failed(reason);
        }
    }

    private static Value reals(BinaryOperator operator, double a, double b) {
        return switch (operator) {
            case ADD -> new Value.Real(a + b);
            case SUBTRACT -> new Value.Real(a - b);
            case MULTIPLY -> new Value.Real(a * b);
            case DIVIDE -> {
                checkDivisor(b == 0, "float division by zero");
                yield new Value.Real(a / b);
            }
            case FLOOR_DIVIDE -> {
                checkDivisor(b == 0, "float floor division by zero");
                yield new Value.Real(floorQuotient(a, b));
            }
            case MODULO -> {
                checkDivisor(b == 0, "float modulo");
                yield new Value.Real(floorRemainder(a, b));
            }
            case POWER -> {
                checkDivisor(a == 0 && b < 0, "0.0 cannot be raised to a negative power");
                double power = Math.pow(a, b);
                if (a < 0 && b != Math.rint(b)) {
                    throw TemplateException.failed(
                            "complex numbers are not supported: a negative number raised to a fraction");
                }
                if (Double.isInfinite(power) && Double.isFinite(a) && Double.isFinite(b)) {
                    throw TemplateException.failed("(34, 'Numerical result out of range')");
                }
                yield new Value.Real(power);
            }
        };
    }

    private static double floorRemainder(double a, double b) {
        double remainder = a % b;
        if (remainder == 0) {
            return Math.copySign(0.0, b);
        }
        return (b < 0) != (remainder < 0) ? remainder + b : remainder;
    }

    /** CPython's float floor division: from the exact remainder, so that rounding of a / b does no harm. */
    private static double floorQuotient(double a, double b) {
        double remainder = a % b;
        double quotient = (a - remainder) / b;
        if (remainder != 0 && (b < 0) != (remainder < 0)) {
            quotient -= 1;
        }
        if (quotient == 0) {
            return Math.copySign(0.0, a / b);
        }
        double floor = Math.floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    public Value negate(Value value) {
        Python.failIfUndefined(value);
        return switch (value) {
            case Value.Real real -> new Value.Real(-real.value());
            case Value.Int number -> new Value.Int(number.value().negate());
            case Value.Bool bool -> Value.Int.of(-bool.ordinal());
            default -> throw TemplateException.failed("bad operand type for unary -: '" + Python.typeName(value) + "'");
        };
    }

    public Value plus(Value value) {
        Python.failIfUndefined(value);
        return switch (value) {
            case Value.Real real -> real;
            case Value.Int number -> number;
            case Value.Bool bool -> Value.Int.of(bool.ordinal());
            default -> throw TemplateException.failed("bad operand type for unary +: '" + Python.typeName(value) + "'");
        };
    }

    /** {@code needle in haystack}. */
    public boolean contains(Value haystack, Value needle) {
        switch (haystack) {
            case Text text -> {
                if (!(needle instanceof Text part)) {
                    throw TemplateException.failed(
                            "'in <string>' requires string as left operand, not " + Python.typeName(needle));
                }
                python.budget().chargeText(text.length());
                return text.chars().contains(part.chars());
            }
            case Value.Dict dict -> {
                return dict.get(needle).isPresent();
            }
            default -> {
                if (!Python.iterable(haystack)) {
                    throw TemplateException.failed(
                            "argument of type '" + Python.typeName(haystack) + "' is not iterable");
                }
                for (var items = python.iterate(haystack); items.hasNext(); ) {
                    if (python.equal(items.next(), needle)) {
                        return true;
                    }
                }
                return false;
            }
        }
    }
}
