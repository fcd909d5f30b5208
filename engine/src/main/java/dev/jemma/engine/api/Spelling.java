package dev.jemma.engine.api;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How options, files and messages spell the constants of an enum: in lower case. */
final class Spelling {
    private Spelling() {}

    /** As {@link #read} reads it. */
    static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /**
     * The constant that {@code text} spells.
     *
     * @param what names the value in the message
     * @throws IllegalArgumentException if it spells none; the message lists all
     */
    static <E extends Enum<E>> E read(Class<E> type, String what, String text) {
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> of(constant).equals(text))
                .findAny()
                .orElseThrow(() -> new IllegalArgumentException(
                        what + " is '" + text + "', wanted " + alternatives(type.getEnumConstants())));
    }

    /** {@code f32, int8 or bf16}. */
    private static String alternatives(Enum<?>[] constants) {
        List<String> words = Arrays.stream(constants).map(Spelling::of).toList();
        return words.size() == 1
                ? words.getFirst()
                : String.join(", ", words.subList(0, words.size() - 1)) + " or " + words.getLast();
    }
}
