package dev.jemma.engine.template.value;

import java.math.BigInteger;
import java.util.Locale;
import java.util.Optional;

/** Python's {@code int(text, base)} and {@code float(text)}. */
public final class Numbers {
    private Numbers() {}

    public static Optional<BigInteger> parseInt(String text, int base) {
        String digits = text.strip().toLowerCase(Locale.ROOT);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        int radix = base;
        String prefix = digits.length() > 1 && digits.charAt(0) == '0' ? digits.substring(0, 2) : "";
        int named = prefix.equals("0x") ? 16 : prefix.equals("0o") ? 8 : prefix.equals("0b") ? 2 : 0;
        if (named != 0 && (base == named || base == 0)) {
            radix = named;
            digits = digits.substring(2);
        } else if (base == 0) {
            radix = 10;
            if (digits.startsWith("0") && !digits.chars().allMatch(c -> c == '0' || c == '_')) {
                return Optional.empty();
            }
        }
        if (radix < 2 || radix > 36 || digits.length() > 4300 || !wellFormed(digits, radix)) {
            return Optional.empty();
        }
        BigInteger value = new BigInteger(digits.replace("_", ""), radix);
        return Optional.of(negative ? value.negate() : value);
    }

    private static boolean wellFormed(String digits, int radix) {
        boolean afterDigit = false;
        for (int i = 0; i < digits.length(); i++) {
            boolean digit = Character.digit(digits.charAt(i), radix) >= 0;
            if (!digit && !(digits.charAt(i) == '_' && afterDigit)) {
                return false;
            }
            afterDigit = digit;
        }
        return afterDigit;
    }

    public static Optional<Double> parseReal(String text) {
        String number = text.strip().toLowerCase(Locale.ROOT);
        String size = number.startsWith("-") || number.startsWith("+") ? number.substring(1) : number;
        double sign = number.startsWith("-") ? -1 : 1;
        switch (size) {
            case "inf", "infinity" -> {
                return Optional.of(sign * Double.POSITIVE_INFINITY);
            }
            case "nan" -> {
                return Optional.of(Double.NaN);
            }
            default -> {}
        }
        boolean plain = !size.isEmpty()
                && size.length() < 5000
                && size.chars().allMatch(c -> c >= '0' && c <= '9' || ".e+-_".indexOf(c) >= 0);
        boolean underscores = size.startsWith("_")
                || size.endsWith("_")
                || size.contains("__")
                || size.matches(".*(_[^0-9]|[^0-9]_).*");
        if (!plain || underscores) {
            return Optional.empty();
        }
        try {
            return Optional.of(sign * Double.parseDouble(size.replace("_", "")));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }
}
