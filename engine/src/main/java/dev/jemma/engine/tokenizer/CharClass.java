package dev.jemma.engine.tokenizer;

/** The two character classes that the flags of added tokens speak of, as Unicode regular expressions define them. */
final class CharClass {
    private CharClass() {}

    /** {@code \s}: the property White_Space, all of whose characters are in the basic plane. */
    static boolean white(char c) {
        return switch (c) {
            case '\t', '\n', 0x0B, '\f', '\r', ' ', 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 -> true;
            default -> c >= 0x2000 && c <= 0x200A;
        };
    }

    /** {@code \w}: letters, marks, decimal digits, connectors and joiners. */
    static boolean word(int codePoint) {
        return Character.isAlphabetic(codePoint)
                || switch (Character.getType(codePoint)) {
                    case Character.NON_SPACING_MARK,
                            Character.ENCLOSING_MARK,
                            Character.COMBINING_SPACING_MARK,
                            Character.DECIMAL_DIGIT_NUMBER,
                            Character.CONNECTOR_PUNCTUATION -> true;
                    default -> codePoint == 0x200C || codePoint == 0x200D;
                };
    }

    /** Whether a word character ends right before {@code at}, looking no further back than {@code from}. */
    static boolean wordBefore(char[] text, int from, int at) {
        return at > from && word(Character.codePointBefore(text, at, from));
    }

    /** Whether a word character begins at {@code at}, before {@code to}. */
    static boolean wordAt(char[] text, int at, int to) {
        return at < to && word(Character.codePointAt(text, at, to));
    }
}
