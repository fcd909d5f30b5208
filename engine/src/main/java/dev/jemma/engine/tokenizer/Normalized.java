package dev.jemma.engine.tokenizer;

import java.util.Arrays;

/**
 * Text on its way through a normalizer, with the place in the original text that each char came from.
 *
 * @param chars the text
 * @param origin for each char its index in the original
 */
record Normalized(char[] chars, int[] origin) {
    /** {@code text[from, to)} as it is. */
    static Normalized of(char[] text, int from, int to) {
        int[] origin = new int[to - from];
        Arrays.setAll(origin, i -> from + i);
        return new Normalized(Arrays.copyOfRange(text, from, to), origin);
    }

    /**
     * Every occurrence of {@code pattern}, from left to right, becomes {@code content}, whose chars count as the
     * pattern's first.
     */
    Normalized replace(char[] pattern, char[] content) {
        int hits = 0;
        for (int i = 0; i + pattern.length <= chars.length; ) {
            if (matches(pattern, i)) {
                hits++;
                i += pattern.length;
            } else {
                i++;
            }
        }
        if (hits == 0) {
            return this;
        }
        int length = Math.toIntExact(chars.length + (long) hits * (content.length - pattern.length));
        char[] newChars = new char[length];
        int[] newOrigin = new int[length];
        int at = 0;
        for (int i = 0; i < chars.length; ) {
            if (matches(pattern, i)) {
                for (char c : content) {
                    newChars[at] = c;
                    newOrigin[at++] = origin[i];
                }
                i += pattern.length;
            } else {
                newChars[at] = chars[i];
                newOrigin[at++] = origin[i++];
            }
        }
        return new Normalized(newChars, newOrigin);
    }

    /** {@code content} put before the text, unless the text is empty. */
    Normalized prepend(char[] content) {
        if (chars.length == 0) {
            return this;
        }
        char[] newChars = Arrays.copyOf(content, content.length + chars.length);
        System.arraycopy(chars, 0, newChars, content.length, chars.length);
        int[] newOrigin = new int[newChars.length];
        Arrays.fill(newOrigin, 0, content.length, origin[0]);
        System.arraycopy(origin, 0, newOrigin, content.length, origin.length);
        return new Normalized(newChars, newOrigin);
    }

    private boolean matches(char[] pattern, int at) {
        if (at + pattern.length > chars.length) {
            return false;
        }
        for (int i = 0; i < pattern.length; i++) {
            if (chars[at + i] != pattern[i]) {
                return false;
            }
        }
        return true;
    }
}
