package dev.jemma.engine.tokenizer;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** UTF-8 in small pieces. An unpaired surrogate, which UTF-8 cannot spell, is written as U+FFFD. */
final class Utf8 {
    static final char REPLACEMENT = '\uFFFD';

    private Utf8() {}

    /** Writes one code point to the front of {@code target} (4 bytes at most) and returns how many bytes it took. */
    static int encode(int codePoint, byte[] target) {
        return encode(codePoint, target, 0);
    }

    private static int encode(int codePoint, byte[] target, int at) {
        int c = codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE ? REPLACEMENT : codePoint;
        if (c < 0x80) {
            target[at] = (byte) c;
            return 1;
        }
        if (c < 0x800) {
            target[at] = (byte) (0xC0 | c >> 6);
            target[at + 1] = (byte) (0x80 | c & 0x3F);
            return 2;
        }
        if (c < 0x10000) {
            target[at] = (byte) (0xE0 | c >> 12);
            target[at + 1] = (byte) (0x80 | c >> 6 & 0x3F);
            target[at + 2] = (byte) (0x80 | c & 0x3F);
            return 3;
        }
        target[at] = (byte) (0xF0 | c >> 18);
        target[at + 1] = (byte) (0x80 | c >> 12 & 0x3F);
        target[at + 2] = (byte) (0x80 | c >> 6 & 0x3F);
        target[at + 3] = (byte) (0x80 | c & 0x3F);
        return 4;
    }

    /**
     * Encodes chars into {@code target} from {@code at} (three bytes a char must fit) and returns the place after them.
     */
    static int encode(char[] chars, int from, int to, byte[] target, int at) {
        int end = at;
        for (int i = from; i < to; ) {
            int codePoint = Character.codePointAt(chars, i, to);
            end += encode(codePoint, target, end);
            i += Character.charCount(codePoint);
        }
        return end;
    }

    /** The code point that begins at {@code at} in well-formed UTF-8. */
    static int codePointAt(byte[] bytes, int at) {
        int b = bytes[at];
        if (b >= 0) {
            return b;
        }
        if ((b & 0xE0) == 0xC0) {
            return (b & 0x1F) << 6 | bytes[at + 1] & 0x3F;
        }
        if ((b & 0xF0) == 0xE0) {
            return (b & 0x0F) << 12 | (bytes[at + 1] & 0x3F) << 6 | bytes[at + 2] & 0x3F;
        }
        return (b & 0x07) << 18 | (bytes[at + 1] & 0x3F) << 12 | (bytes[at + 2] & 0x3F) << 6 | bytes[at + 3] & 0x3F;
    }

    /** How many bytes the code point takes that begins with byte {@code first}. */
    static int length(byte first) {
        return first >= 0 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : 4;
    }

    /**
     * The text of a run of byte tokens: decoded if the run is well-formed, else one U+FFFD for each byte, as Hugging
     * Face's decoder has it.
     */
    static String decodeRun(byte[] bytes, int length) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes, 0, length))
                    .toString();
        } catch (CharacterCodingException malformed) {
            return String.valueOf(REPLACEMENT).repeat(length);
        }
    }
}
