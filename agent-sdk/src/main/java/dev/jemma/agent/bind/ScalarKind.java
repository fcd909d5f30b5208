package dev.jemma.agent.bind;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** The types without parts, and how each is spelled on the wire. */
public enum ScalarKind {
    /** Text. */
    STRING(Family.TEXT, "a string", "", String.class),
    /** Text of one char. */
    CHAR(Family.CHARACTER, "one character", "", char.class, Character.class),
    /** True or false. */
    BOOLEAN(Family.BOOLEAN, "true or false", "", boolean.class, Boolean.class),
    /** 8 bits. */
    BYTE(Family.INTEGER, "an integer from -128 to 127", "", byte.class, Byte.class),
    /** 16 bits. */
    SHORT(Family.INTEGER, "an integer from -32768 to 32767", "", short.class, Short.class),
    /** 32 bits. */
    INT(Family.INTEGER, "an integer", "", int.class, Integer.class),
    /** 64 bits. */
    LONG(Family.INTEGER, "an integer", "", long.class, Long.class),
    /** An integer of any size. */
    BIG_INTEGER(Family.INTEGER, "an integer", "", BigInteger.class),
    /** Single precision. */
    FLOAT(Family.DECIMAL, "a number", "", float.class, Float.class),
    /** Double precision. */
    DOUBLE(Family.DECIMAL, "a number", "", double.class, Double.class),
    /** An exact decimal. */
    BIG_DECIMAL(Family.DECIMAL, "a number", "", BigDecimal.class, Number.class),
    /** A date. */
    LOCAL_DATE(LocalDate::parse, "a date like 2026-01-31", "date", LocalDate.class),
    /** A time of day. */
    LOCAL_TIME(LocalTime::parse, "a time like 17:30:00", "time", LocalTime.class),
    /** Date and time without zone. */
    LOCAL_DATE_TIME(LocalDateTime::parse, "date and time like 2026-01-31T17:30:00", "", LocalDateTime.class),
    /** Date and time with offset. */
    OFFSET_DATE_TIME(
            OffsetDateTime::parse,
            "date, time and offset like 2026-01-31T17:30:00+01:00",
            "date-time",
            OffsetDateTime.class),
    /** Date and time with zone. */
    ZONED_DATE_TIME(
            ZonedDateTime::parse,
            "date, time and zone like 2026-01-31T17:30:00+01:00[Europe/Paris]",
            "",
            ZonedDateTime.class),
    /** A moment. */
    INSTANT(
            text -> OffsetDateTime.parse(text).toInstant(),
            "date, time and offset like 2026-01-31T17:30:00Z",
            "date-time",
            Instant.class),
    /** A span of time in hours, minutes and seconds. */
    DURATION(Duration::parse, "an ISO 8601 duration like PT1H30M", "duration", Duration.class),
    /** A span of time in years, months and days. */
    PERIOD(Period::parse, "an ISO 8601 period like P1Y2M3D", "duration", Period.class),
    /** A year. */
    YEAR(Year::parse, "a year like 2026", "", Year.class),
    /** A month of a year. */
    YEAR_MONTH(YearMonth::parse, "a month like 2026-01", "", YearMonth.class),
    /** A time zone. */
    ZONE(ZoneId::of, "a time zone like Europe/Paris", "", ZoneId.class),
    /** A UUID. */
    UUID_VALUE(ScalarKind::uuid, "a UUID", "uuid", UUID.class),
    /** A URI. */
    URI_VALUE(URI::create, "a URI", "uri", URI.class);

    /** What a kind is on the wire. */
    enum Family {
        TEXT,
        CHARACTER,
        BOOLEAN,
        INTEGER,
        DECIMAL,
        PARSED
    }

    private final Family family;
    private final String description;
    private final String format;
    private final Function<String, Object> parser;
    private final Class<?>[] types;

    ScalarKind(Family family, String description, String format, Class<?>... types) {
        this.family = family;
        this.description = description;
        this.format = format;
        this.parser = text -> text;
        this.types = types;
    }

    ScalarKind(Function<String, Object> parser, String description, String format, Class<?> type) {
        this.family = Family.PARSED;
        this.description = description;
        this.format = format;
        this.parser = parser;
        this.types = new Class<?>[] {type};
    }

    static Optional<ScalarKind> of(Class<?> type) {
        return Arrays.stream(values())
                .filter(kind -> Arrays.asList(kind.types).contains(type))
                .findFirst();
    }

    Family family() {
        return family;
    }

    /** What is wanted, for messages: "a date like 2026-01-31". */
    String description() {
        return description;
    }

    /** JSON Schema's format; empty if it has none. */
    String format() {
        return format;
    }

    /**
     * As {@link #format}, with names of our own where JSON Schema has none or too wide a one: what may be written is
     * what binds.
     */
    String exactFormat() {
        return switch (this) {
            case FLOAT -> "float";
            case LOCAL_DATE_TIME -> "local-date-time";
            case ZONED_DATE_TIME -> "zoned-date-time";
            case DURATION -> "java-duration";
            case PERIOD -> "java-period";
            case YEAR -> "year";
            case YEAR_MONTH -> "year-month";
            case ZONE -> "zone-id";
            default -> format;
        };
    }

    /** JSON Schema's type. */
    String schemaType() {
        return switch (family) {
            case TEXT, CHARACTER, PARSED -> "string";
            case BOOLEAN -> "boolean";
            case INTEGER -> "integer";
            case DECIMAL -> "number";
        };
    }

    /** The value that text stands for; throws what the type's own parser throws. */
    Object parse(String text) {
        return parser.apply(text);
    }

    /** UUID.fromString takes short forms that nobody means. */
    private static UUID uuid(String text) {
        UUID uuid = UUID.fromString(text);
        if (!uuid.toString().equalsIgnoreCase(text)) {
            throw new IllegalArgumentException("not the canonical form of a UUID");
        }
        return uuid;
    }
}
