package dev.jemma.engine.toolcall;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A language of texts, as its own recogniser: {@link #after} is the language of what may follow a char (Brzozowski's
 * derivative), {@link #mayEnd} whether nothing more need follow. Immutable; equal languages that were reached on
 * different ways are usually equal objects, so that what was computed for one can be kept.
 *
 * <p>Every grammar but {@link Nothing} has a text: the operations that build grammars drop parts that cannot be
 * finished, so a reader that only takes chars whose {@link #after} is not {@link Nothing} never gets stuck.
 *
 * <p>J. A. Brzozowski, Derivatives of regular expressions, JACM 11 (1964).
 */
sealed interface Grammar {
    /** The language without any text. */
    Grammar NOTHING = new Nothing();

    /** The language of the empty text. */
    Grammar EMPTY = new Empty();

    /** What may follow {@code c}. */
    Grammar after(char c);

    /** Whether the empty text is in the language. */
    boolean mayEnd();

    /** No text. */
    record Nothing() implements Grammar {
        @Override
        public Grammar after(char c) {
            return this;
        }

        @Override
        public boolean mayEnd() {
            return false;
        }
    }

    /** The empty text. */
    record Empty() implements Grammar {
        @Override
        public Grammar after(char c) {
            return NOTHING;
        }

        @Override
        public boolean mayEnd() {
            return true;
        }
    }

    /** One text; never empty. */
    record Literal(String text) implements Grammar {
        @Override
        public Grammar after(char c) {
            return text.charAt(0) == c ? Grammar.text(text.substring(1)) : NOTHING;
        }

        @Override
        public boolean mayEnd() {
            return false;
        }
    }

    /** Which chars {@link One} takes. */
    enum Chars {
        /** What JSON strings hold without escapes. */
        IN_STRING,
        /** The same without halves of surrogate pairs. */
        IN_STRING_WHOLE,
        /** 0 to 9. */
        DIGIT,
        /** 0 to 9, a to f. */
        HEX,
        /** Letters and digits of ASCII, point, hyphen and slash. */
        IN_PATH;

        boolean contains(char c) {
            return switch (this) {
                case IN_STRING -> c >= ' ' && c != '"' && c != '\\';
                case IN_STRING_WHOLE -> c >= ' ' && c != '"' && c != '\\' && !Character.isSurrogate(c);
                case DIGIT -> c >= '0' && c <= '9';
                case HEX -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f';
                case IN_PATH ->
                    c >= '0' && c <= '9'
                            || c >= 'a' && c <= 'z'
                            || c >= 'A' && c <= 'Z'
                            || c == '.'
                            || c == '-'
                            || c == '/';
            };
        }
    }

    /** One char of a set. */
    record One(Chars chars) implements Grammar {
        @Override
        public Grammar after(char c) {
            return chars.contains(c) ? EMPTY : NOTHING;
        }

        @Override
        public boolean mayEnd() {
            return false;
        }
    }

    /** A text of one, then one of the other. */
    record Then(Grammar first, Grammar second) implements Grammar {
        @Override
        public Grammar after(char c) {
            Grammar stays = then(first.after(c), second);
            return first.mayEnd() ? either(stays, second.after(c)) : stays;
        }

        @Override
        public boolean mayEnd() {
            return first.mayEnd() && second.mayEnd();
        }
    }

    /** A text of any option; two or more, none of them {@link Either}. */
    record Either(Set<Grammar> options) implements Grammar {
        @Override
        public Grammar after(char c) {
            Grammar[] rests = new Grammar[options.size()];
            int i = 0;
            for (Grammar option : options) {
                rests[i++] = option.after(c);
            }
            return either(rests);
        }

        @Override
        public boolean mayEnd() {
            return options.stream().anyMatch(Grammar::mayEnd);
        }
    }

    /** Between {@code least} and {@code most} texts of an item that is never empty. */
    record Repeat(Grammar item, int least, int most) implements Grammar {
        @Override
        public Grammar after(char c) {
            return then(
                    item.after(c), repeat(item, Math.max(0, least - 1), most == Integer.MAX_VALUE ? most : most - 1));
        }

        @Override
        public boolean mayEnd() {
            return least == 0;
        }
    }

    /** An integer from {@code least} to {@code most}, of which {@code written} is written already. */
    record Integers(BigInteger least, BigInteger most, String written) implements Grammar {
        @Override
        public Grammar after(char c) {
            boolean grows = c == '-'
                    ? written.isEmpty()
                    : c >= '0' && c <= '9' && !written.equals("0") && !written.equals("-0");
            Integers next = new Integers(least, most, written + c);
            return grows && next.canEnd() ? next : NOTHING;
        }

        @Override
        public boolean mayEnd() {
            return isNumber() && !written.equals("-0") && contains(new BigInteger(written), BigInteger.ZERO);
        }

        private boolean isNumber() {
            return !written.isEmpty() && !written.equals("-");
        }

        private boolean contains(BigInteger value, BigInteger span) {
            BigInteger low = value.signum() < 0 ? value.subtract(span) : value;
            BigInteger high = value.signum() < 0 ? value : value.add(span);
            return low.compareTo(most) <= 0 && high.compareTo(least) >= 0;
        }

        /** Whether more digits lead into the range. */
        boolean canEnd() {
            if (written.isEmpty()) {
                return least.compareTo(most) <= 0;
            }
            if (written.equals("-")) {
                return least.signum() < 0;
            }
            BigInteger value = new BigInteger(written);
            if (value.signum() == 0) {
                return !written.equals("-0") && contains(value, BigInteger.ZERO);
            }
            BigInteger power = BigInteger.ONE;
            int digits = Math.max(
                    least.abs().toString().length(), most.abs().toString().length());
            for (int length = written.length(); length <= digits + 1; length++) {
                if (contains(value.multiply(power), power.subtract(BigInteger.ONE))) {
                    return true;
                }
                power = power.multiply(BigInteger.TEN);
            }
            return false;
        }
    }

    /** Part of a larger grammar that is only equal to itself: keeps comparisons of states short. */
    final class Part implements Grammar {
        private final Grammar whole;

        Part(Grammar whole) {
            this.whole = whole;
        }

        @Override
        public Grammar after(char c) {
            return whole.after(c);
        }

        @Override
        public boolean mayEnd() {
            return whole.mayEnd();
        }
    }

    /** The entries of an object that are still to come, and its closing bracket. */
    record Members(Entries entries, long left, boolean first) implements Grammar {
        @Override
        public Grammar after(char c) {
            return entries.options(left, first).after(c);
        }

        @Override
        public boolean mayEnd() {
            return false;
        }
    }

    /**
     * What an object may hold: its keys as JSON texts, its values, and which must be there; at most 64. Only equal to
     * itself.
     */
    final class Entries {
        private final List<String> keys;
        private final List<Grammar> values;
        private final long required;

        Entries(List<String> keys, List<Grammar> values, long required) {
            this.keys = List.copyOf(keys);
            this.values = List.copyOf(values);
            this.required = required;
        }

        private Grammar options(long left, boolean first) {
            List<Grammar> options = new ArrayList<>();
            if ((left & required) == 0) {
                options.add(text("}"));
            }
            for (int i = 0; i < keys.size(); i++) {
                if ((left >>> i & 1) != 0) {
                    Grammar entry = then(text((first ? "" : ", ") + keys.get(i) + ": "), values.get(i));
                    options.add(then(entry, new Members(this, left & ~(1L << i), false)));
                }
            }
            return either(options.toArray(Grammar[]::new));
        }
    }

    /** One text. */
    static Grammar text(String text) {
        return text.isEmpty() ? EMPTY : new Literal(text);
    }

    /** One of some chars. */
    static Grammar one(Chars chars) {
        return new One(chars);
    }

    /** One after the other; leans to the right, so that states reached on different ways are equal. */
    static Grammar then(Grammar first, Grammar second) {
        if (first == NOTHING || second == NOTHING) {
            return NOTHING;
        }
        if (first == EMPTY) {
            return second;
        }
        if (second == EMPTY) {
            return first;
        }
        return first instanceof Then(Grammar a, Grammar b) ? then(a, then(b, second)) : new Then(first, second);
    }

    /** All of these, one after the other. */
    static Grammar sequence(Grammar... parts) {
        Grammar all = EMPTY;
        for (int i = parts.length - 1; i >= 0; i--) {
            all = then(parts[i], all);
        }
        return all;
    }

    /** Any of these. */
    static Grammar either(Grammar... options) {
        Set<Grammar> kept = new LinkedHashSet<>();
        for (Grammar option : options) {
            if (option instanceof Either(Set<Grammar> inner)) {
                kept.addAll(inner);
            } else if (option != NOTHING) {
                kept.add(option);
            }
        }
        return switch (kept.size()) {
            case 0 -> NOTHING;
            case 1 -> kept.iterator().next();
            default -> new Either(kept);
        };
    }

    /** This or nothing. */
    static Grammar optional(Grammar grammar) {
        return either(grammar, EMPTY);
    }

    /** Between {@code least} and {@code most} of these. */
    static Grammar repeat(Grammar item, int least, int most) {
        if (most == 0 || item == NOTHING && least == 0) {
            return EMPTY;
        }
        return item == NOTHING ? NOTHING : new Repeat(item, least, most);
    }
}
