package dev.jemma.agent.bind;

import java.util.Objects;

/**
 * A difference between the value given and the value wanted that was accepted.
 *
 * @param path where, such as {@code rooms[2].level}
 * @param kind what was done
 * @param detail from what to what
 */
public record Coercion(String path, Kind kind, String detail) {
    /** What can be accepted. */
    public enum Kind {
        /** A decimal without a fraction, for an integer. */
        DECIMAL_TO_INTEGER,
        /** A string that holds a number. */
        STRING_TO_NUMBER,
        /** A string that holds true or false. */
        STRING_TO_BOOLEAN,
        /** A number or boolean, for a string. */
        VALUE_TO_STRING,
        /** An integer with more digits than the floating-point type has. */
        ROUNDED,
        /** Another spelling of an enum constant or of a time. */
        SPELLING,
        /** A single value, for a list. */
        SINGLE_TO_LIST,
        /** A string that holds JSON. */
        JSON_IN_STRING,
        /** An entry that nothing asked for. */
        EXTRA_IGNORED
    }

    public Coercion {
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(detail, "detail");
    }

    @Override
    public String toString() {
        return path + ": " + detail;
    }
}
