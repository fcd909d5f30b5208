package dev.jemma.engine.api;

import java.util.List;
import java.util.Locale;

/** Which modules a setting of an adapter means, in PEFT's three forms. */
public sealed interface TargetModules {
    /** A module of one of these names, or whose name ends with a dot and one of them. */
    record Names(List<String> names) implements TargetModules {
        public Names {
            names = List.copyOf(names);
        }
    }

    /** A module whose whole name matches this regular expression of Python. */
    record Regex(String pattern) implements TargetModules {}

    /** Every linear map but the head. */
    record AllLinear() implements TargetModules {}

    /** The form of a text: {@code all-linear} in any case, or a regular expression. */
    static TargetModules of(String text) {
        return text.toLowerCase(Locale.ROOT).equals("all-linear") ? new AllLinear() : new Regex(text);
    }

    /** Modules by name. */
    static TargetModules of(List<String> names) {
        return new Names(names);
    }
}
