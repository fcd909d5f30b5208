package dev.jemma.engine.template.value;

import dev.jemma.engine.api.Origin;
import java.util.Arrays;

/**
 * A Python string that remembers, character by character, whose text it is.
 *
 * <p>A mark is an {@link Origin} and one bit for "inside a generation block". Marks follow their characters through
 * every operation. Positions are UTF-16; {@link #codePoints()} and {@link #slice} count code points as Python does.
 * Equality and hash are those of the characters alone.
 */
public final class Text implements Value {
    static final byte TEMPLATE = (byte) Origin.TEMPLATE.ordinal();
    public static final byte GENERATED = 4;
    public static final Text EMPTY = new Text("", new byte[] {TEMPLATE}, false);

    private final String chars;

    /** One mark for all characters, or one for each. */
    private final byte[] marks;

    private final boolean markup;

    private Text(String chars, byte[] marks, boolean markup) {
        this.chars = chars;
        this.marks = marks;
        this.markup = markup;
    }

    /** Text of the template itself. */
    public static Text of(String chars) {
        return chars.isEmpty() ? EMPTY : new Text(chars, new byte[] {TEMPLATE}, false);
    }

    public static Text of(String chars, byte mark) {
        return new Text(chars, new byte[] {mark}, false);
    }

    public static Text of(String chars, Origin origin) {
        return of(chars, (byte) origin.ordinal());
    }

    public String chars() {
        return chars;
    }

    public int length() {
        return chars.length();
    }

    public boolean isEmpty() {
        return chars.isEmpty();
    }

    public byte mark(int index) {
        return marks.length == 1 ? marks[0] : marks[index];
    }

    /** Whether all characters have one mark. */
    public boolean uniform() {
        return marks.length == 1;
    }

    /**
     * The mark that text derived from the whole (a changed case, a padding) gets: the least trusted of its characters.
     */
    byte overallMark() {
        byte worst = marks[0];
        for (byte mark : marks) {
            worst = (mark & 3) > (worst & 3) ? mark : worst;
        }
        return worst;
    }

    /** Whether Jinja's {@code safe} or {@code escape} made this: adding plain text to it escapes that text. */
    public boolean markup() {
        return markup;
    }

    public Text asMarkup() {
        return new Text(chars, marks, true);
    }

    public Text asPlain() {
        return markup ? new Text(chars, marks, false) : this;
    }

    public Text substring(int start, int end) {
        if (start == 0 && end == chars.length()) {
            return this;
        }
        if (start >= end) {
            return markup ? EMPTY.asMarkup() : EMPTY;
        }
        byte[] part = marks.length == 1 ? marks : Arrays.copyOfRange(marks, start, end);
        return new Text(chars.substring(start, end), part, markup);
    }

    public int codePoints() {
        return chars.codePointCount(0, chars.length());
    }

    /** The UTF-16 position of a code point, which may be the end. */
    int offset(int codePoint) {
        return chars.offsetByCodePoints(0, codePoint);
    }

    /** Code points {@code start} to {@code end}. */
    public Text slice(int start, int end) {
        return start >= end ? EMPTY : substring(offset(start), offset(end));
    }

    /** The same characters, all inside a generation block. */
    public Text generated() {
        byte[] all = marks.clone();
        for (int i = 0; i < all.length; i++) {
            all[i] |= GENERATED;
        }
        return new Text(chars, all, markup);
    }

    /**
     * The same text with HTML's escapes, as markupsafe writes them; an escape has the mark of the character it stands
     * for.
     */
    public Text escaped(Budget budget) {
        var out = new Builder(budget);
        int plain = 0;
        for (int i = 0; i < chars.length(); i++) {
            String escape = switch (chars.charAt(i)) {
                case '&' -> "&amp;";
                case '<' -> "&lt;";
                case '>' -> "&gt;";
                case '\'' -> "&#39;";
                case '"' -> "&#34;";
                default -> "";
            };
            if (!escape.isEmpty()) {
                out.append(substring(plain, i)).append(escape, mark(i));
                plain = i + 1;
            }
        }
        return out.append(substring(plain, chars.length())).build();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Text text && chars.equals(text.chars);
    }

    @Override
    public int hashCode() {
        return chars.hashCode();
    }

    @Override
    public String toString() {
        return chars;
    }

    /** Grows a text within a budget. */
    public static final class Builder {
        private final Budget budget;
        private final StringBuilder chars = new StringBuilder();
        private byte[] marks = new byte[64];
        private boolean uniform = true;

        public Builder(Budget budget) {
            this.budget = budget;
        }

        public Builder append(Text text) {
            int from = grow(text.length());
            if (text.marks.length == 1) {
                fill(from, text.marks[0]);
            } else {
                System.arraycopy(text.marks, 0, marks, from, text.length());
                uniform = false;
            }
            chars.append(text.chars);
            return this;
        }

        public Builder append(String text, byte mark) {
            int from = grow(text.length());
            fill(from, mark);
            chars.append(text);
            return this;
        }

        public Builder append(String text) {
            return append(text, TEMPLATE);
        }

        private int grow(int extra) {
            int from = chars.length();
            budget.chargeText(extra);
            budget.checkLength((long) from + extra);
            if (from + extra > marks.length) {
                marks = Arrays.copyOf(marks, Math.max(from + extra, 2 * marks.length));
            }
            length = from + extra;
            return from;
        }

        private int length;

        private void fill(int from, byte mark) {
            Arrays.fill(marks, from, length, mark);
            if (length > from && mark != marks[0]) {
                uniform = false;
            }
        }

        public int length() {
            return length;
        }

        public Text build() {
            if (length == 0) {
                return EMPTY;
            }
            return new Text(chars.toString(), uniform ? new byte[] {marks[0]} : Arrays.copyOf(marks, length), false);
        }
    }
}
