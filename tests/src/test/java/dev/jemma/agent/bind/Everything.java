package dev.jemma.agent.bind;

import dev.jemma.agent.Param;
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
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A record with a component of every kind that binds, and random instances of it. */
record Everything(
        String text,
        char letter,
        boolean flag,
        byte tiny,
        short small,
        int number,
        long big,
        BigInteger huge,
        float single,
        double decimal,
        BigDecimal exact,
        LocalDate date,
        LocalTime time,
        LocalDateTime dateTime,
        OffsetDateTime offset,
        ZonedDateTime zoned,
        Instant instant,
        Duration duration,
        Period period,
        Year year,
        YearMonth month,
        ZoneId zone,
        UUID uuid,
        URI uri,
        Color color,
        Point<Double> point,
        Shape shape,
        Tree tree,
        List<Map<String, Optional<Integer>>> nested,
        Set<Color> colors,
        Map<Color, List<Point<Long>>> byColor,
        Map<Integer, String> byNumber,
        Optional<String> maybe,
        OptionalInt maybeInt,
        OptionalLong maybeLong,
        OptionalDouble maybeDouble,
        @Param(required = false) @Nullable Integer boxed) {

    enum Color {
        @Param(name = "light-red")
        LIGHT_RED,
        GREEN {
            @Override
            public String toString() {
                return "leaf";
            }
        }
    }

    record Point<T>(T x, T y) {}

    sealed interface Shape permits Circle, Polygon {}

    record Circle(@Param(name = "radius_cm") double radius) implements Shape {}

    sealed interface Polygon extends Shape permits Square, Group {}

    record Square(int side) implements Polygon {}

    record Group(List<Shape> members) implements Polygon {}

    record Tree(String name, List<Tree> children) {}

    static Everything random(RandomGenerator random, Supplier<String> text) {
        return new Everything(
                text.get(),
                (char) ('!' + random.nextInt(90)),
                random.nextBoolean(),
                (byte) random.nextInt(),
                (short) random.nextInt(),
                random.nextInt(),
                random.nextLong(),
                BigInteger.valueOf(random.nextLong()).pow(3),
                Float.intBitsToFloat(random.nextInt() & 0xBFFFFFFF),
                Double.longBitsToDouble(random.nextLong() & 0xBFFFFFFFFFFFFFFFL),
                new BigDecimal(BigInteger.valueOf(random.nextLong()), random.nextInt(1, 30)),
                date(random),
                time(random),
                LocalDateTime.of(date(random), time(random)),
                OffsetDateTime.of(date(random), time(random), ZoneOffset.ofHours(random.nextInt(-11, 12))),
                ZonedDateTime.of(date(random), LocalTime.NOON, ZoneId.of("Europe/Paris")),
                Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000)),
                Duration.ofMillis(random.nextInt()),
                Period.of(random.nextInt(100), random.nextInt(12), random.nextInt(30)),
                Year.of(random.nextInt(1000, 3000)),
                YearMonth.of(random.nextInt(1000, 3000), random.nextInt(1, 13)),
                ZoneId.of(random.nextBoolean() ? "Asia/Tokyo" : "Z"),
                new UUID(random.nextLong(), random.nextLong()),
                URI.create("https://example.org/a?b=" + random.nextInt()),
                color(random),
                new Point<>(random.nextDouble(), random.nextGaussian()),
                shape(random, 3),
                tree(random, text, 3),
                some(
                        random,
                        () -> Map.of(
                                text.get(), random.nextBoolean() ? Optional.of(random.nextInt()) : Optional.empty())),
                new LinkedHashSet<>(some(random, () -> color(random))),
                byColor(random),
                Map.of(random.nextInt(), text.get()),
                random.nextBoolean() ? Optional.of(text.get()) : Optional.empty(),
                random.nextBoolean() ? OptionalInt.of(random.nextInt()) : OptionalInt.empty(),
                random.nextBoolean() ? OptionalLong.of(random.nextLong()) : OptionalLong.empty(),
                random.nextBoolean() ? OptionalDouble.of(random.nextDouble()) : OptionalDouble.empty(),
                random.nextBoolean() ? random.nextInt() : null);
    }

    private static LocalDate date(RandomGenerator random) {
        return LocalDate.of(random.nextInt(1000, 3000), random.nextInt(1, 13), random.nextInt(1, 29));
    }

    private static LocalTime time(RandomGenerator random) {
        return LocalTime.ofNanoOfDay(random.nextLong(86_400_000_000_000L));
    }

    private static Color color(RandomGenerator random) {
        return Color.values()[random.nextInt(2)];
    }

    private static Shape shape(RandomGenerator random, int depth) {
        return switch (random.nextInt(depth > 0 ? 3 : 2)) {
            case 0 -> new Circle(random.nextDouble());
            case 1 -> new Square(random.nextInt());
            default -> new Group(some(random, () -> shape(random, depth - 1)));
        };
    }

    private static Tree tree(RandomGenerator random, Supplier<String> text, int depth) {
        return new Tree(text.get(), depth == 0 ? List.of() : some(random, () -> tree(random, text, depth - 1)));
    }

    private static Map<Color, List<Point<Long>>> byColor(RandomGenerator random) {
        Map<Color, List<Point<Long>>> map = new LinkedHashMap<>();
        map.put(color(random), some(random, () -> new Point<>(random.nextLong(), random.nextLong())));
        return map;
    }

    private static <T> List<T> some(RandomGenerator random, Supplier<T> make) {
        List<T> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            list.add(make.get());
        }
        return list;
    }
}
