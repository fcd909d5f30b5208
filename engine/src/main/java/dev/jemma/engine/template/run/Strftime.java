package dev.jemma.engine.template.run;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** {@code datetime.strftime} in the C locale, for dates in system prompts. */
final class Strftime {
    private Strftime() {}

    static String format(String pattern, LocalDateTime now) {
        var out = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%' || i + 1 == pattern.length()) {
                out.append(c);
                continue;
            }
            char kind = pattern.charAt(++i);
            boolean unpadded = (kind == '-' || kind == '#') && i + 1 < pattern.length();
            if (unpadded) {
                kind = pattern.charAt(++i);
            }
            String field = field(kind, now);
            if (unpadded) {
                field = field.replaceFirst("^[0 ]+(?=.)", "");
            }
            out.append(field);
        }
        return out.toString();
    }

    private static String field(char kind, LocalDateTime now) {
        return switch (kind) {
            case 'Y' -> Integer.toString(now.getYear());
            case 'y' -> two(now.getYear() % 100);
            case 'C' -> two(now.getYear() / 100);
            case 'm' -> two(now.getMonthValue());
            case 'd' -> two(now.getDayOfMonth());
            case 'e' -> String.format("%2d", now.getDayOfMonth());
            case 'H' -> two(now.getHour());
            case 'I' -> two((now.getHour() + 11) % 12 + 1);
            case 'M' -> two(now.getMinute());
            case 'S' -> two(now.getSecond());
            case 'f' -> String.format("%06d", now.getNano() / 1000);
            case 'j' -> String.format("%03d", now.getDayOfYear());
            case 'p' -> now.getHour() < 12 ? "AM" : "PM";
            case 'B' -> now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' ->
                now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
            case 'A' -> now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'a' ->
                now.getDayOfWeek()
                        .getDisplayName(TextStyle.FULL, Locale.ENGLISH)
                        .substring(0, 3);
            case 'u' -> Integer.toString(now.getDayOfWeek().getValue());
            case 'w' -> Integer.toString(now.getDayOfWeek().getValue() % 7);
            case 'U' -> two((now.getDayOfYear() + 6 - now.getDayOfWeek().getValue() % 7) / 7);
            case 'W' -> two((now.getDayOfYear() + 6 - (now.getDayOfWeek().getValue() + 6) % 7) / 7);
            case 'V' -> two(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'G' -> Integer.toString(now.get(IsoFields.WEEK_BASED_YEAR));
            case 's' ->
                Long.toString(now.atZone(java.time.ZoneId.systemDefault()).toEpochSecond());
            case 'F' -> format("%Y-%m-%d", now);
            case 'T' -> format("%H:%M:%S", now);
            case 'R' -> format("%H:%M", now);
            case 'D', 'x' -> format("%m/%d/%y", now);
            case 'X' -> format("%H:%M:%S", now);
            case 'r' -> format("%I:%M:%S %p", now);
            case 'c' -> format("%a %b %e %H:%M:%S %Y", now);
            case 'k' -> String.format("%2d", now.getHour());
            case 'l' -> String.format("%2d", (now.getHour() + 11) % 12 + 1);
            case 'n' -> "\n";
            case 't' -> "\t";
            case 'Z', 'z' -> "";
            case '%' -> "%";
            default -> "%" + kind;
        };
    }

    private static String two(long number) {
        return String.format("%02d", number);
    }
}
