package dev.jemma.engine.template.syntax;

import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.template.value.Python;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Splits a template into tokens, with the settings of Hugging Face's environment: trim_blocks and lstrip_blocks on, no
 * line statements, one trailing newline dropped.
 *
 * <p>Trim rules: a {@code -} inside a tag strips all white space on its side; a {@code +} keeps it; otherwise white
 * space between the line's start and a block or comment tag goes, and one newline after it. Output tags ({@code {{ }}})
 * are only trimmed where they ask for it.
 */
final class Lexer {
    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int lineCountedTo;
    private int line = 1;
    private int lineStart;

    /** Whether the tag before ended with a newline, so that the text after it begins a line. */
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokenize(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        var lexer = new Lexer(source);
        lexer.root();
        return lexer.tokens;
    }

    private Position position(int offset) {
        for (; lineCountedTo < offset; lineCountedTo++) {
            if (source.charAt(lineCountedTo) == '\n') {
                line++;
                lineStart = lineCountedTo + 1;
            }
        }
        return new Position(line, offset - lineStart + 1);
    }

    private void add(Token.Type type, String text, int offset) {
        tokens.add(new Token(type, text, position(offset)));
    }

    private TemplateException error(int offset, String reason) {
        return position(offset).syntax(reason);
    }

    private void root() {
        while (at < source.length()) {
            int tag = nextTag(at);
            if (tag < 0) {
                add(Token.Type.DATA, source.substring(at), at);
                at = source.length();
                break;
            }
            char kind = source.charAt(tag + 1);
            int after = tag + 2;
            char sign = after < source.length() ? source.charAt(after) : ' ';
            if (sign == '-' || sign == '+') {
                after++;
            }
            data(at, tag, sign, kind != '{');
            if (kind == '#') {
                comment(tag, after);
            } else if (kind == '%') {
                int raw = rawTagEnd(after);
                if (raw >= 0) {
                    raw(tag, raw);
                } else {
                    add(Token.Type.BLOCK_BEGIN, "{%", tag);
                    at = after;
                    inside(Token.Type.BLOCK_END, "%}");
                }
            } else {
                add(Token.Type.VARIABLE_BEGIN, "{{", tag);
                at = after;
                inside(Token.Type.VARIABLE_END, "}}");
            }
        }
        add(Token.Type.END, "", source.length());
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    /** Adds the text before a tag, stripped as the tag asks. */
    private void data(int start, int end, char sign, boolean strippable) {
        int stop = end;
        if (sign == '-') {
            stop = strippedEnd(start, end);
        } else if (sign != '+' && strippable) {
            int lineBegin = source.lastIndexOf('\n', end - 1) + 1;
            if (lineBegin > start || lineStarting) {
                lineBegin = Math.max(lineBegin, start);
                if (strippedEnd(lineBegin, end) == lineBegin) {
                    stop = lineBegin;
                }
            }
        }
        if (stop > start) {
            add(Token.Type.DATA, source.substring(start, stop), start);
        }
    }

    private int strippedEnd(int start, int end) {
        int stop = end;
        while (stop > start && Python.isSpace(source.charAt(stop - 1))) {
            stop--;
        }
        return stop;
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && Python.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    /** Moves past a tag's end that was found at {@code end} (where a sign may stand), with what it trims. */
    private void endTag(int end, TrimNewline newline) {
        char sign = source.charAt(end);
        int after = end + (sign == '-' || sign == '+' ? 3 : 2);
        if (sign == '-') {
            after = skipSpace(after);
        } else if (sign != '+'
                && newline == TrimNewline.YES
                && after < source.length()
                && source.charAt(after) == '\n') {
            after++;
        }
        at = after;
        lineStarting = source.charAt(after - 1) == '\n';
    }

    private enum TrimNewline {
        YES,
        NO
    }

    private void comment(int tag, int from) {
        int close = source.indexOf("#}", from);
        if (close < 0) {
            throw error(tag, "Missing end of comment tag");
        }
        boolean signed = close > from && (source.charAt(close - 1) == '-' || source.charAt(close - 1) == '+');
        endTag(signed ? close - 1 : close, TrimNewline.YES);
    }

    /** The offset behind {@code {% raw %}} if one stands here, else -1. */
    private int rawTagEnd(int from) {
        int i = skipSpace(from);
        if (!source.startsWith("raw", i)) {
            return -1;
        }
        i = skipSpace(i + 3);
        if (source.startsWith("-%}", i)) {
            return skipSpace(i + 3);
        }
        return source.startsWith("%}", i) ? i + 2 : -1;
    }

    private void raw(int tag, int from) {
        lineStarting = source.charAt(from - 1) == '\n';
        for (int i = source.indexOf("{%", from); i >= 0; i = source.indexOf("{%", i + 1)) {
            int word = i + 2;
            char sign = word < source.length() ? source.charAt(word) : ' ';
            word = skipSpace(sign == '-' || sign == '+' ? word + 1 : word);
            int end = source.startsWith("endraw", word) ? skipSpace(word + 6) : source.length();
            boolean signed = end < source.length() && (source.charAt(end) == '-' || source.charAt(end) == '+');
            if (source.startsWith("%}", signed ? end + 1 : end)) {
                data(from, i, sign, true);
                endTag(end, TrimNewline.YES);
                return;
            }
        }
        throw error(tag, "Missing end of raw directive");
    }

    /** The tokens of a tag, up to its end. */
    private void inside(Token.Type endType, String end) {
        Deque<Character> open = new ArrayDeque<>();
        while (true) {
            at = skipSpace(at);
            if (at >= source.length()) {
                return;
            }
            char c = source.charAt(at);
            if (open.isEmpty()) {
                boolean signed = c == '-' || (c == '+' && endType == Token.Type.BLOCK_END);
                if (source.startsWith(end, signed ? at + 1 : at)) {
                    add(endType, end, at);
                    endTag(at, endType == Token.Type.BLOCK_END ? TrimNewline.YES : TrimNewline.NO);
                    return;
                }
            }
            if (isDigit(c)) {
                number();
            } else if (Character.isLetter(c) || c == '_') {
                name();
            } else if (c == '"' || c == '\'') {
                string(c);
            } else {
                operator(c, open);
            }
        }
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /** Digits with single underscores between them; the offset behind them, or {@code from} if there are none. */
    private int digits(int from) {
        int i = from;
        while (i < source.length()
                && (isDigit(source.charAt(i))
                        || (i > from
                                && source.charAt(i) == '_'
                                && i + 1 < source.length()
                                && isDigit(source.charAt(i + 1))))) {
            i++;
        }
        return i;
    }

    private void number() {
        int start = at;
        int whole = digits(start);
        boolean afterDot = start > 0 && source.charAt(start - 1) == '.';
        int end = whole;
        if (!afterDot) {
            if (end < source.length() && source.charAt(end) == '.' && digits(end + 1) > end + 1) {
                end = digits(end + 1);
            }
            if (end < source.length() && (source.charAt(end) == 'e' || source.charAt(end) == 'E')) {
                int exponent = end + 1;
                if (exponent < source.length() && (source.charAt(exponent) == '+' || source.charAt(exponent) == '-')) {
                    exponent++;
                }
                end = digits(exponent) > exponent ? digits(exponent) : end;
            }
        }
        if (end > whole) {
            add(Token.Type.FLOAT, source.substring(start, end).replace("_", ""), start);
            at = end;
            return;
        }
        integer(start, whole);
    }

    private void integer(int start, int decimalEnd) {
        int end = decimalEnd;
        if (source.charAt(start) == '0') {
            int radix = start + 1 < source.length() ? "bBoOxX".indexOf(source.charAt(start + 1)) / 2 : -1;
            boolean prefixed = start + 1 < source.length() && "bBoOxX".indexOf(source.charAt(start + 1)) >= 0;
            end = start + 1;
            if (prefixed) {
                int base = radix == 0 ? 2 : radix == 1 ? 8 : 16;
                int i = start + 2;
                while (i < source.length()) {
                    int digit = source.charAt(i) == '_' && i + 1 < source.length() ? i + 1 : i;
                    if (Character.digit(source.charAt(digit), base) < 0) {
                        break;
                    }
                    i = digit + 1;
                }
                if (i > start + 2) {
                    add(
                            Token.Type.INTEGER,
                            new java.math.BigInteger(
                                            source.substring(start + 2, i).replace("_", ""), base)
                                    .toString(),
                            start);
                    at = i;
                    return;
                }
            } else {
                while (end < decimalEnd && (source.charAt(end) == '0' || source.charAt(end) == '_')) {
                    end++;
                }
            }
        }
        if (end - start > 4300) {
            throw error(start, "an integer of " + (end - start) + " digits is longer than the 4300 allowed");
        }
        add(Token.Type.INTEGER, source.substring(start, end).replace("_", ""), start);
        at = end;
    }

    private void name() {
        int start = at;
        while (at < source.length() && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '_')) {
            at++;
        }
        add(Token.Type.NAME, source.substring(start, at), start);
    }

    private void string(char quote) {
        int start = at;
        int i = at + 1;
        while (i < source.length() && source.charAt(i) != quote) {
            i += source.charAt(i) == '\\' ? 2 : 1;
        }
        if (i >= source.length()) {
            throw error(start, "unexpected char " + Python.quote(String.valueOf(quote)) + " at " + start);
        }
        add(Token.Type.STRING, unescape(start + 1, i), start);
        at = i + 1;
    }

    /** Python's escapes of a string literal; an unknown one stays as it is written. */
    private String unescape(int from, int to) {
        if (source.indexOf('\\', from) < 0 || source.indexOf('\\', from) >= to) {
            return source.substring(from, to);
        }
        var text = new StringBuilder();
        for (int i = from; i < to; i++) {
            char c = source.charAt(i);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            char kind = source.charAt(++i);
            int simple = "\\'\"abfnrtv\n".indexOf(kind);
            if (simple >= 0) {
                text.append(kind == '\n' ? "" : String.valueOf("\\'\"\u0007\b\f\n\r\t\u000b".charAt(simple)));
            } else if (kind >= '0' && kind <= '7') {
                int end = i + 1;
                while (end < to && end < i + 3 && source.charAt(end) >= '0' && source.charAt(end) <= '7') {
                    end++;
                }
                text.append((char) Integer.parseInt(source.substring(i, end), 8));
                i = end - 1;
            } else if (kind == 'x' || kind == 'u' || kind == 'U') {
                int length = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
                int code = hex(i + 1, Math.min(to, i + 1 + length), length);
                if (!Character.isValidCodePoint(code)) {
                    throw error(i - 1, "truncated or illegal \\" + kind + " escape in a string");
                }
                text.appendCodePoint(code);
                i += length;
            } else if (kind == 'N') {
                throw error(i - 1, "\\N{...} escapes are not supported in a string");
            } else {
                text.append('\\').append(kind);
            }
        }
        return text.toString();
    }

    private int hex(int from, int to, int length) {
        long code = to - from == length ? 0 : -1;
        for (int i = from; i < to && code >= 0; i++) {
            int digit = Character.digit(source.charAt(i), 16);
            code = digit < 0 ? -1 : code * 16 + digit;
        }
        return code > Character.MAX_CODE_POINT ? -1 : (int) code;
    }

    private void operator(char c, Deque<Character> open) {
        int start = at;
        String two = source.substring(at, Math.min(at + 2, source.length()));
        String operator = switch (two) {
            case "//", "**", "==", "!=", ">=", "<=" -> two;
            default -> "+-/*%~[](){}><=.:|,;".indexOf(c) >= 0 ? String.valueOf(c) : "";
        };
        if (operator.isEmpty()) {
            throw error(
                    start,
                    "unexpected char " + Python.quote(new String(Character.toChars(source.codePointAt(at)))) + " at "
                            + start);
        }
        switch (c) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty()) {
                    throw error(start, "unexpected '" + c + "'");
                }
                char expected = open.pop();
                if (expected != c) {
                    throw error(start, "unexpected '" + c + "', expected '" + expected + "'");
                }
            }
            default -> {}
        }
        at += operator.length();
        add(Token.Type.OPERATOR, operator, start);
    }
}
