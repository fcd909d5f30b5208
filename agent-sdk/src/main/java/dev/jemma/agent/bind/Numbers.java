package dev.jemma.agent.bind;

import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** JSON numbers as Java's numeric types, without losing a digit unnoticed. */
public final class Numbers {
    /** 1e999999999 is short to write and half a gigabyte as an integer. */
    private static final int MAX_DIGITS = 10_000;

    private Numbers() {}

    /** The number as {@code kind}; null if it has a fraction or is out of range. */
    static @Nullable Object exact(ScalarKind kind, JsonNode number) {
        return switch (kind) {
            case FLOAT -> finite(number.decimalValue().floatValue());
            case DOUBLE -> finite(number.decimalValue().doubleValue());
            case BIG_DECIMAL -> number.decimalValue();
            case BIG_INTEGER -> integer(number);
            case LONG, INT, SHORT, BYTE -> {
                BigInteger integer = integer(number);
                yield integer == null || integer.bitLength() >= bits(kind) ? null : narrow(kind, integer);
            }
            default -> throw new IllegalArgumentException(kind + " is no number");
        };
    }

    /**
     * Whether {@link #exact} gives another number than was written, or one of another kind: worth a coercion's report.
     */
    static boolean changes(ScalarKind kind, JsonNode number) {
        if (kind.family() == ScalarKind.Family.INTEGER) {
            return !number.isIntegralNumber();
        }
        return number.isIntegralNumber()
                && (kind == ScalarKind.DOUBLE
                                        ? new BigDecimal(number.decimalValue().doubleValue())
                                        : kind == ScalarKind.FLOAT
                                                ? new BigDecimal(
                                                        number.decimalValue().floatValue())
                                                : number.decimalValue())
                                .compareTo(number.decimalValue())
                        != 0;
    }

    /** What would have been right where {@link #exact} is null. */
    static String wanted(ScalarKind kind, JsonNode number) {
        if (kind.family() == ScalarKind.Family.DECIMAL) {
            return "a number within the range of a " + (kind == ScalarKind.FLOAT ? "float" : "double");
        }
        if (kind == ScalarKind.BIG_INTEGER) {
            return "an integer of at most " + MAX_DIGITS + " digits";
        }
        boolean fraction = !number.isIntegralNumber()
                && number.decimalValue().stripTrailingZeros().scale() > 0;
        if (fraction) {
            return "an integer";
        }
        return "an integer from " + least(kind) + " to " + most(kind);
    }

    /** The least value of an integer type of Java. */
    static long least(ScalarKind kind) {
        return Long.MIN_VALUE >> (Long.SIZE - bits(kind));
    }

    /** The largest value of an integer type of Java. */
    static long most(ScalarKind kind) {
        return Long.MAX_VALUE >> (Long.SIZE - bits(kind));
    }

    private static Object narrow(ScalarKind kind, BigInteger integer) {
        return switch (kind) {
            case BYTE -> integer.byteValue();
            case SHORT -> integer.shortValue();
            case INT -> integer.intValue();
            default -> integer.longValue();
        };
    }

    private static int bits(ScalarKind kind) {
        return switch (kind) {
            case BYTE -> Byte.SIZE;
            case SHORT -> Short.SIZE;
            case INT -> Integer.SIZE;
            default -> Long.SIZE;
        };
    }

    private static @Nullable BigInteger integer(JsonNode number) {
        if (number.isIntegralNumber()) {
            return number.bigIntegerValue();
        }
        BigDecimal decimal = number.decimalValue();
        if ((long) decimal.precision() - decimal.scale() > MAX_DIGITS) {
            return null;
        }
        return decimal.signum() == 0 || decimal.stripTrailingZeros().scale() <= 0 ? decimal.toBigIntegerExact() : null;
    }

    private static @Nullable Float finite(float value) {
        return Float.isFinite(value) ? value : null;
    }

    private static @Nullable Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
