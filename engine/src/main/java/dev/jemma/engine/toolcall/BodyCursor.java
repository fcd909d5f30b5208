package dev.jemma.engine.toolcall;

import dev.jemma.engine.toolcall.CallError.Kind;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * A place in one call's body, the repairs made so far, and the tokens that both formats share: numbers and quoted
 * strings. Offsets count from the start of the answer.
 */
final class BodyCursor {
    /** Digits of one number; as many as Jackson reads. */
    private static final int MAX_DIGITS = 1000;

    private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");
    /** Exponents of decimal128 and a little more; beyond, an exact integer would not fit into memory. */
    private static final int MAX_EXPONENT_DIGITS = 4;

    private static final Pattern LOOSE_NUMBER = Pattern.compile("[+-]?\\d*\\.?\\d*(?:[eE][+-]?\\d+)?");

    private final ReplyBuffer buffer;
    private final int end;
    private final Set<Repair> allowed;
    private final List<AppliedRepair> repairs = new ArrayList<>();
    private int at;
    private int depth;

    BodyCursor(ReplyBuffer buffer, int from, int end, Set<Repair> allowed) {
        this.buffer = buffer;
        this.at = from;
        this.end = end;
        this.allowed = allowed;
    }

    List<AppliedRepair> repairs() {
        return List.copyOf(repairs);
    }

    /** Notes that a repair was needed, or refuses if the caller forbade it. */
    void flag(Repair repair, int offset) {
        if (!allowed.contains(repair)) {
            throw new CallSyntaxException(
                    new CallError(Kind.REPAIR_FORBIDDEN, offset, "not well-formed: would need the repair " + repair));
        }
        repairs.add(new AppliedRepair(repair, offset));
    }

    int offset() {
        return at;
    }

    void moveTo(int offset) {
        at = offset;
    }

    boolean atEnd() {
        return at >= end;
    }

    /** The char here, or 0 at the end. */
    char peek() {
        return at < end ? buffer.charAt(at) : 0;
    }

    /** The char {@code ahead} further on, or 0 past the end. */
    char peek(int ahead) {
        return at + ahead < end ? buffer.charAt(at + ahead) : 0;
    }

    void skip(int chars) {
        at += chars;
    }

    void skipSpace() {
        while (at < end && Character.isWhitespace(buffer.charAt(at))) {
            at++;
        }
    }

    boolean take(char c) {
        if (at < end && buffer.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    /** Whether {@code word} stands here. */
    boolean looksAt(String word) {
        if (at + word.length() > end) {
            return false;
        }
        for (int i = 0; i < word.length(); i++) {
            if (buffer.charAt(at + i) != word.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    boolean take(String word) {
        if (looksAt(word)) {
            at += word.length();
            return true;
        }
        return false;
    }

    /** Whether the marker stands here, as text or as a token, whichever counts for this answer. */
    boolean looksAtMarker(String marker) {
        return at + marker.length() <= end && buffer.match(at, marker) == ReplyBuffer.Match.YES;
    }

    String text(int from, int to) {
        return buffer.substring(from, to);
    }

    void enter() {
        if (++depth > CallReader.MAX_DEPTH) {
            throw error(Kind.TOO_DEEP, at, "brackets nest deeper than " + CallReader.MAX_DEPTH);
        }
    }

    void leave() {
        depth--;
    }

    CallSyntaxException error(Kind kind, int offset, String message) {
        return new CallSyntaxException(new CallError(kind, offset, message));
    }

    CallSyntaxException wanted(String what) {
        return error(Kind.SYNTAX, at, "found " + here() + ", wanted " + what);
    }

    private String here() {
        if (at >= end) {
            return "the end of the call";
        }
        int length = Character.isHighSurrogate(peek()) && at + 1 < end ? 2 : 1;
        return "'" + buffer.substring(at, at + length).replace("\n", "\\n").replace("\r", "\\r") + "'";
    }

    /** The number that {@code text} is, or null: exact, an integer if it has neither point nor exponent. */
    @Nullable
    JsonNode number(String text, int offset) {
        Matcher strict = NUMBER.matcher(text);
        if (!strict.matches()) {
            return looseNumber(text, offset);
        }
        if (text.length() > MAX_DIGITS) {
            throw error(Kind.SYNTAX, offset, "a number of " + text.length() + " digits, wanted at most " + MAX_DIGITS);
        }
        if (strict.group(1) == null && strict.group(2) == null) {
            return integer(new BigInteger(text));
        }
        String exponent = strict.group(2);
        if (exponent != null && exponent.replaceFirst("[eE][+-]?0*", "").length() > MAX_EXPONENT_DIGITS) {
            throw error(Kind.SYNTAX, offset, "the number " + text + " has an exponent beyond 9999");
        }
        BigDecimal value = new BigDecimal(text);
        boolean negativeZero = value.signum() == 0 && text.startsWith("-");
        return negativeZero ? JsonNodeFactory.instance.numberNode(-0.0) : JsonNodeFactory.instance.numberNode(value);
    }

    private @Nullable JsonNode looseNumber(String text, int offset) {
        if (text.isEmpty()
                || text.length() > MAX_DIGITS
                || !LOOSE_NUMBER.matcher(text).matches()) {
            return null;
        }
        String plain = text.startsWith("+") ? text.substring(1) : text;
        String sign = plain.startsWith("-") ? "-" : "";
        String rest = plain.substring(sign.length());
        rest = rest.startsWith(".") ? "0" + rest : rest;
        rest = rest.endsWith(".") ? rest + "0" : rest.replaceFirst("\\.(?=[eE])", ".0");
        if (!NUMBER.matcher(sign + rest).matches()) {
            return null;
        }
        flag(Repair.NUMBER_SPELLING, offset);
        return number(sign + rest, offset);
    }

    private static JsonNode integer(BigInteger value) {
        if (value.bitLength() < Integer.SIZE) {
            return JsonNodeFactory.instance.numberNode(value.intValue());
        }
        return value.bitLength() < Long.SIZE
                ? JsonNodeFactory.instance.numberNode(value.longValue())
                : JsonNodeFactory.instance.numberNode(value);
    }

    /** A string in the quotes that stand here, JSON's or Python's. */
    String quoted() {
        int from = at;
        char quote = peek();
        if (quote == '\'') {
            flag(Repair.PYTHON_LITERAL, from);
        }
        at++;
        StringBuilder text = new StringBuilder();
        while (at < end) {
            char c = buffer.charAt(at++);
            if (c == quote) {
                return text.toString();
            }
            if (c == '\\' && at < end) {
                escape(quote, text);
            } else {
                if (c < ' ') {
                    flagOnce(Repair.CONTROL_CHARACTER, at - 1);
                }
                text.append(c);
            }
        }
        throw error(Kind.SYNTAX, from, "the string that begins here has no end");
    }

    private void escape(char quote, StringBuilder text) {
        int from = at - 1;
        char c = buffer.charAt(at++);
        switch (c) {
            case '"', '\\', '/' -> text.append(c);
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'n' -> text.append('\n');
            case 'r' -> text.append('\r');
            case 't' -> text.append('\t');
            case 'u' -> text.append((char) hex(4, from));
            default -> pythonEscape(c, quote, from, text);
        }
    }

    /** What Python writes and JSON does not know. */
    private void pythonEscape(char c, char quote, int from, StringBuilder text) {
        if (quote == '"') {
            flagOnce(c == '\'' || c == 'x' || c == 'U' ? Repair.PYTHON_LITERAL : Repair.UNKNOWN_ESCAPE, from);
        }
        switch (c) {
            case '\'' -> text.append(c);
            case 'x' -> text.append((char) hex(2, from));
            case 'U' -> {
                int codePoint = hex(8, from);
                if (!Character.isValidCodePoint(codePoint)) {
                    throw error(Kind.SYNTAX, from, "no such character: \\U" + buffer.substring(at - 8, at));
                }
                text.appendCodePoint(codePoint);
            }
            default -> {
                if (quote == '\'') {
                    flagOnce(Repair.UNKNOWN_ESCAPE, from);
                }
                text.append('\\').append(c);
            }
        }
    }

    private int hex(int digits, int from) {
        if (at + digits > end) {
            throw error(Kind.SYNTAX, from, "the escape that begins here wants " + digits + " hexadecimal digits");
        }
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(buffer.charAt(at + i), 16);
            if (digit < 0) {
                throw error(Kind.SYNTAX, from, "the escape that begins here wants " + digits + " hexadecimal digits");
            }
            value = value << 4 | digit;
        }
        at += digits;
        return value;
    }

    /** As {@link #flag}, for repairs that one string can need many times. */
    private void flagOnce(Repair repair, int offset) {
        AppliedRepair last = repairs.isEmpty() ? null : repairs.getLast();
        if (last == null || last.repair() != repair) {
            flag(repair, offset);
        }
    }
}
