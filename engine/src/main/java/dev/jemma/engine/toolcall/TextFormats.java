package dev.jemma.engine.toolcall;

import static dev.jemma.engine.toolcall.Grammar.either;
import static dev.jemma.engine.toolcall.Grammar.one;
import static dev.jemma.engine.toolcall.Grammar.optional;
import static dev.jemma.engine.toolcall.Grammar.repeat;
import static dev.jemma.engine.toolcall.Grammar.sequence;
import static dev.jemma.engine.toolcall.Grammar.text;
import static dev.jemma.engine.toolcall.Grammar.then;

import dev.jemma.engine.toolcall.Grammar.Chars;
import java.time.ZoneId;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Grammars of JSON Schema's formats date, time, date-time, uuid and uri (http and https), of formats of java.time that
 * JSON Schema lacks (local-date-time, zoned-date-time, java-duration, java-period, year, year-month, zone-id), and of
 * numbers.
 */
final class TextFormats {
    private static final Grammar DIGIT = one(Chars.DIGIT);
    private static final Grammar DATE = new Grammar.Part(date());
    private static final Grammar TIME = new Grammar.Part(sequence(
            two(0, 23),
            text(":"),
            two(0, 59),
            optional(sequence(text(":"), two(0, 59), optional(then(text("."), digits(1, 9)))))));
    private static final Grammar OFFSET =
            either(text("Z"), sequence(either(text("+"), text("-")), two(0, 17), text(":"), two(0, 59)));

    private TextFormats() {}

    /** The texts of a format, without quotes; {@link Grammar#NOTHING} if it is none of those known. */
    static Grammar string(String format) {
        return switch (format) {
            case "date" -> DATE;
            case "time" -> TIME;
            case "local-date-time" -> sequence(DATE, text("T"), TIME);
            case "date-time" -> sequence(DATE, text("T"), TIME, OFFSET);
            case "zoned-date-time" -> sequence(DATE, text("T"), TIME, either(text("Z[UTC]"), text("Z")));
            case "java-duration" -> duration();
            case "java-period" -> amounts("P", "Y", "M", "D");
            case "year" -> digits(4, 4);
            case "year-month" -> sequence(digits(4, 4), text("-"), two(1, 12));
            case "zone-id" ->
                new Grammar.Part(either(ZoneId.getAvailableZoneIds().stream()
                        .sorted()
                        .map(Grammar::text)
                        .toArray(Grammar[]::new)));
            case "uuid" ->
                sequence(hex(8), text("-"), hex(4), text("-"), hex(4), text("-"), hex(4), text("-"), hex(12));
            case "uri" ->
                sequence(
                        text("http"),
                        optional(text("s")),
                        text("://"),
                        digitOrLetter(),
                        repeat(one(Chars.IN_PATH), 0, 2000));
            default -> Grammar.NOTHING;
        };
    }

    /**
     * JSON's numbers, of at most 17 digits before the point and after it, and 10^99; format {@code float} within 10^20.
     */
    static Grammar number(String format) {
        Grammar whole = either(text("0"), then(nonZero(), digits(0, 16)));
        Grammar plain = sequence(optional(text("-")), whole, optional(then(text("."), digits(1, 17))));
        Grammar exponent = sequence(either(text("e"), text("E")), optional(either(text("+"), text("-"))), digits(1, 2));
        return new Grammar.Part(format.equals("float") ? plain : then(plain, optional(exponent)));
    }

    private static Grammar digits(int least, int most) {
        return repeat(DIGIT, least, most);
    }

    private static Grammar hex(int count) {
        return repeat(one(Chars.HEX), count, count);
    }

    private static Grammar nonZero() {
        return either(IntStream.rangeClosed(1, 9)
                .mapToObj(i -> text(Integer.toString(i)))
                .toArray(Grammar[]::new));
    }

    private static Grammar digitOrLetter() {
        return either(
                DIGIT,
                either(IntStream.rangeClosed('a', 'z')
                        .mapToObj(c -> text(String.valueOf((char) c)))
                        .toArray(Grammar[]::new)));
    }

    /** Two digits from {@code least} to {@code most}. */
    private static Grammar two(int least, int most) {
        return two(least, most, i -> true);
    }

    private static Grammar two(int least, int most, IntPredicate counts) {
        return either(IntStream.rangeClosed(least, most)
                .filter(counts)
                .mapToObj(i -> text(String.format("%02d", i)))
                .toArray(Grammar[]::new));
    }

    /** Years 0000 to 9999 of the Gregorian calendar, the 29th of February in leap years only. */
    private static Grammar date() {
        Grammar leapOfCentury = then(digits(2, 2), two(4, 96, i -> i % 4 == 0));
        Grammar leapCentury = then(two(0, 96, i -> i % 4 == 0), text("00"));
        Grammar days = either(
                sequence(two(1, 12, month -> month != 2), text("-"), two(1, 30)),
                sequence(
                        two(1, 12, month -> month != 2 && month != 4 && month != 6 && month != 9 && month != 11),
                        text("-31")),
                sequence(text("02-"), two(1, 28)));
        return either(
                sequence(digits(4, 4), text("-"), days), sequence(either(leapOfCentury, leapCentury), text("-02-29")));
    }

    private static Grammar duration() {
        return amounts("PT", "H", "M", "S");
    }

    /** A prefix and up to three amounts with their units, in order, at least one. */
    private static Grammar amounts(String prefix, String a, String b, String c) {
        Grammar first = then(digits(1, 4), text(a));
        Grammar second = then(digits(1, 4), text(b));
        Grammar third = then(digits(1, 4), text(c));
        return then(
                text(prefix),
                either(sequence(first, optional(second), optional(third)), sequence(second, optional(third)), third));
    }
}
