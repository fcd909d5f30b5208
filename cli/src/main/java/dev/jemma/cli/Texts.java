package dev.jemma.cli;

import java.math.BigDecimal;
import java.util.Locale;

/** Numbers as people read them. */
final class Texts {
    /** What is said once where a conversation was folded. */
    static final String FOLDED =
            "turns are folded, because the template refuses them as they are ('jemma render --mask' shows how)";

    private Texts() {}

    /** {@code 8 s}, {@code 2 min 5 s}, {@code 3 h 10 min}. */
    static String duration(double seconds) {
        long whole = Math.round(Math.max(0, seconds));
        if (whole < 60) {
            return whole + " s";
        }
        return whole < 3600
                ? whole / 60 + " min " + whole % 60 + " s"
                : whole / 3600 + " h " + whole % 3600 / 60 + " min";
    }

    /** {@code 512 B}, {@code 1.5 MiB}. */
    static String bytes(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < 3) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s", value, new String[] {"KiB", "MiB", "GiB", "TiB"}[unit]);
    }

    /** {@code 268,098,176}. */
    static String count(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** The shortest of the usual ways to write a number: {@code 8}, {@code 0.999}, {@code 2e-4}. */
    static String number(double value) {
        BigDecimal exact = BigDecimal.valueOf(value).stripTrailingZeros();
        String plain = exact.toPlainString();
        String scientific = exact.unscaledValue() + "e" + -exact.scale();
        return scientific.length() < plain.length() ? scientific : plain;
    }
}
