package dev.jemma.cli.demo;

import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Java methods that the demo teaches a model to call: six, with text, numbers, dates, a list, an enum and a record
 * among their parameters.
 *
 * <p>They keep what they were told, so that a call is seen to have happened; each answers in a sentence.
 */
public final class Household {
    /** Kinds of sport. */
    public enum Sport {
        RUN,
        SWIM,
        CYCLE,
        ROW
    }

    /** Where a parcel goes. */
    public record Address(
            @Param("who receives it") String name,
            @Param("street name") String street,
            @Param("house number") int number) {}

    private final Map<String, Double> heating = new LinkedHashMap<>();
    private final List<String> shopping = new ArrayList<>();

    @Tool("Sets the heating of a room")
    public String heatRoom(@Param("name of the room") String room, @Param("degrees Celsius") double celsius) {
        heating.put(room, celsius);
        return "The " + room + " is set to " + celsius + " degrees.";
    }

    @Tool("Reserves a table in a restaurant")
    public String reserveTable(
            @Param("name of the restaurant") String place,
            @Param("number of guests") int guests,
            @Param("day as yyyy-mm-dd") LocalDate day) {
        return "Table for " + guests + " at the " + place + " on " + day + ".";
    }

    @Tool("Puts things on the shopping list")
    public String addShopping(@Param("what to buy") List<String> items) {
        shopping.addAll(items);
        return "The list has " + String.join(", ", shopping) + ".";
    }

    @Tool("Notes time spent on sport")
    public String logSport(@Param("kind of sport") Sport sport, @Param("minutes spent") int minutes) {
        return sport + " for " + minutes + " minutes.";
    }

    @Tool("Sends a parcel")
    public String shipParcel(@Param("where it goes") Address to, @Param("weight in kilograms") double kilos) {
        return kilos + " kilos go to " + to.name() + ", " + to.street() + " " + to.number() + ".";
    }

    @Tool("Counts the days from one date to another")
    public String daysBetween(
            @Param("first day as yyyy-mm-dd") LocalDate from, @Param("last day as yyyy-mm-dd") LocalDate to) {
        return ChronoUnit.DAYS.between(from, to) + " days.";
    }
}
