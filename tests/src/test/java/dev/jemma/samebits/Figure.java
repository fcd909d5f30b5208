package dev.jemma.samebits;

import java.util.Optional;

/**
 * A value of a JSON document, or a line of text.
 *
 * @param text as it was printed
 */
record Figure(String text) implements Value {
    /** What is shown of a long text on either side of the first difference. */
    private static final int AROUND = 40;

    @Override
    public Optional<String> difference(Value after) {
        if (!(after instanceof Figure(String other))) {
            return Optional.of("is a figure before and a tensor after");
        }
        if (text.equals(other)) {
            return Optional.empty();
        }
        int first = 0;
        while (first < Math.min(text.length(), other.length()) && text.charAt(first) == other.charAt(first)) {
            first++;
        }
        return Optional.of(near(text, first) + " before, " + near(other, first) + " after");
    }

    private static String near(String text, int at) {
        int from = at <= AROUND ? 0 : at - AROUND;
        int to = Math.min(text.length(), at + AROUND);
        return (from > 0 ? "..." : "") + text.substring(from, to) + (to < text.length() ? "..." : "");
    }
}
