package dev.jemma.engine.io;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Typed access to the keys of one JSON object of a file. A value of the wrong type or out of range becomes a
 * {@link Problems} entry that shows it ({@code config.json: hidden_size is "x", wanted a whole number from 1 to
 * 1048576}), and the fallback stands in for it, so that one pass finds everything. A key that is null counts as left
 * out.
 *
 * @param json the object
 * @param place how messages name it: {@code config.json}, {@code config.json: text_config}
 * @param problems where complaints go
 */
public record JsonFields(ObjectNode json, String place, Problems problems) {

    /** Whether the key is there and not null. */
    public boolean has(String key) {
        return json.hasNonNull(key);
    }

    /** The whole number at {@code key}. {@code 8.0} is one, as Python writes numbers that passed through a float. */
    public int integer(String key, int fallback, int min, int max) {
        if (!has(key)) {
            return fallback;
        }
        JsonNode value = json.get(key);
        if (value.isNumber()) {
            double number = value.doubleValue();
            if (number == Math.rint(number) && number >= min && number <= max) {
                return (int) number;
            }
        }
        wanted(key, "a whole number from " + min + " to " + max);
        return fallback;
    }

    /** The finite number at {@code key}. */
    public double number(String key, double fallback, double min, double max) {
        if (!has(key)) {
            return fallback;
        }
        JsonNode value = json.get(key);
        if (value.isNumber()) {
            double number = value.doubleValue();
            if (number >= min && number <= max) {
                return number;
            }
        }
        wanted(key, "a number from " + shortest(min) + " to " + shortest(max));
        return fallback;
    }

    /** The boolean at {@code key}. */
    public boolean flag(String key, boolean fallback) {
        if (!has(key)) {
            return fallback;
        }
        JsonNode value = json.get(key);
        if (value.isBoolean()) {
            return value.booleanValue();
        }
        wanted(key, "true or false");
        return fallback;
    }

    /** The string at {@code key}. */
    public Optional<String> text(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = json.get(key);
        if (value.isString()) {
            return Optional.of(value.stringValue());
        }
        wanted(key, "a string");
        return Optional.empty();
    }

    /** The object at {@code key}, whose place in messages is {@code place.key}. */
    public Optional<JsonFields> object(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (json.get(key) instanceof ObjectNode object) {
            String inner = place.contains(": ") ? place + "." + key : place + ": " + key;
            return Optional.of(new JsonFields(object, inner, problems));
        }
        wanted(key, "an object");
        return Optional.empty();
    }

    /** The strings at {@code key}. */
    public Optional<List<String>> texts(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        List<String> texts = new ArrayList<>();
        JsonNode value = json.get(key);
        if (value.isArray()) {
            for (JsonNode item : value) {
                if (item.isString()) {
                    texts.add(item.stringValue());
                }
            }
            if (texts.size() == value.size()) {
                return Optional.of(List.copyOf(texts));
            }
        }
        wanted(key, "a list of strings");
        return Optional.empty();
    }

    /** The whole numbers at {@code key}: one number counts as a list of one. */
    public Optional<List<Integer>> integers(String key, int min, int max) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = json.get(key);
        List<Integer> numbers = new ArrayList<>();
        for (JsonNode item : value.isArray() ? value : List.of(value)) {
            if (!item.isIntegralNumber() || !item.canConvertToInt() || item.intValue() < min || item.intValue() > max) {
                wanted(key, "whole numbers from " + min + " to " + max);
                return Optional.empty();
            }
            numbers.add(item.intValue());
        }
        return Optional.of(List.copyOf(numbers));
    }

    /** Complains that the value at {@code key} is not what is wanted. */
    public void wanted(String key, String wanted) {
        JsonNode value = json.path(key);
        problem(key + " is " + JsonFile.describe(value) + ", wanted " + wanted);
    }

    /** Complains about this object. */
    public void problem(String message) {
        String separator = place.contains(": ") ? "." : ": ";
        problems.add(place + separator + message);
    }

    private static String shortest(double number) {
        return number == Math.rint(number) && Math.abs(number) < 1e15
                ? Long.toString((long) number)
                : Double.toString(number);
    }
}
