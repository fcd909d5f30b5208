package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.CallError.Kind;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The body of a FunctionGemma call: {@code call:name{key:value,...}}. */
final class FunctionGemmaBody {
    /** Names and keys longer than this are not looked for where one is only guessed. */
    private static final int MAX_NAME = 128;

    private final BodyCursor in;

    FunctionGemmaBody(BodyCursor in) {
        this.in = in;
    }

    ToolCall call() {
        prefix();
        int from = in.offset();
        while (isNamePart(in.peek())) {
            in.skip(1);
        }
        String name = in.text(from, in.offset());
        if (name.isEmpty()) {
            throw in.wanted("the name of a function");
        }
        in.skipSpace();
        ObjectNode arguments = arguments();
        in.skipSpace();
        while (in.peek() == '}' || in.peek() == ')' || in.peek() == ']') {
            in.flag(Repair.EXTRA_CLOSER, in.offset());
            in.skip(1);
            in.skipSpace();
        }
        if (!in.atEnd()) {
            throw in.wanted("the end of the call");
        }
        return new ToolCall(name, arguments);
    }

    private void prefix() {
        in.skipSpace();
        int from = in.offset();
        if (in.take("call:")) {
            return;
        }
        if (in.take(':') || in.take("call ")) {
            in.flag(Repair.CALL_PREFIX, from);
        } else if (isNamePart(in.peek())) {
            in.flag(Repair.CALL_PREFIX, from);
        } else {
            throw in.wanted("'call:'");
        }
        in.skipSpace();
    }

    private ObjectNode arguments() {
        if (in.peek() == '{') {
            return object('}');
        }
        if (in.peek() == '(') {
            in.flag(Repair.ROUND_BRACKETS, in.offset());
            return object(')');
        }
        if (!in.atEnd()) {
            throw in.wanted("'{'");
        }
        in.flag(Repair.MISSING_ARGUMENTS, in.offset());
        return JsonNodeFactory.instance.objectNode();
    }

    private ObjectNode object(char close) {
        in.enter();
        in.skip(1);
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        in.skipSpace();
        while (!in.take(close)) {
            if (closedByEnd()) {
                break;
            }
            int at = in.offset();
            String key = key();
            in.skipSpace();
            if (in.peek() == '=') {
                in.flag(Repair.EQUALS_SIGN, in.offset());
                in.skip(1);
            } else if (!in.take(':')) {
                throw in.wanted("':'");
            }
            JsonNode value = value(close);
            if (object.has(key)) {
                in.flag(Repair.DUPLICATE_KEY, at);
            } else {
                object.set(key, value);
            }
            separate(close);
        }
        in.leave();
        return object;
    }

    private ArrayNode array() {
        in.enter();
        in.skip(1);
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        in.skipSpace();
        while (!in.take(']')) {
            if (closedByEnd()) {
                break;
            }
            array.add(value(']'));
            separate(']');
        }
        in.leave();
        return array;
    }

    /** After an entry: a comma, or the closing bracket, which stays. */
    private void separate(char close) {
        in.skipSpace();
        int at = in.offset();
        if (in.take(',')) {
            in.skipSpace();
            if (in.peek() == close) {
                in.flag(Repair.TRAILING_COMMA, at);
            }
        } else if (in.peek() != close && !in.atEnd()) {
            boolean another = close == ']' ? in.looksAtMarker(FunctionGemmaFormat.ESCAPE) : looksAtKey(0);
            if (!another) {
                throw in.wanted("',' or '" + close + "'");
            }
            in.flag(Repair.MISSING_COMMA, at);
        }
    }

    private boolean closedByEnd() {
        if (!in.atEnd()) {
            return false;
        }
        in.flag(Repair.MISSING_CLOSER, in.offset());
        return true;
    }

    private String key() {
        int from = in.offset();
        if (in.looksAtMarker(FunctionGemmaFormat.ESCAPE)) {
            in.flag(Repair.QUOTED_KEY, from);
            return escaped();
        }
        if (in.peek() == '"' || in.peek() == '\'') {
            in.flag(Repair.QUOTED_KEY, from);
            return in.quoted();
        }
        while (isNamePart(in.peek())) {
            in.skip(1);
        }
        if (in.offset() == from) {
            throw in.wanted("a key");
        }
        return in.text(from, in.offset());
    }

    private JsonNode value(char close) {
        in.skipSpace();
        int from = in.offset();
        if (in.looksAtMarker(FunctionGemmaFormat.ESCAPE)) {
            return JsonNodeFactory.instance.stringNode(escaped());
        }
        return switch (in.peek()) {
            case '{' -> object('}');
            case '[' -> array();
            case '"', '\'' -> {
                in.flag(Repair.QUOTED_STRING, from);
                yield JsonNodeFactory.instance.stringNode(in.quoted());
            }
            default -> bare(close);
        };
    }

    /**
     * A string in delimiters. A delimiter closes it if a comma, a closing bracket, a colon, the end or another key
     * follows; else it is taken as text.
     */
    private String escaped() {
        int open = in.offset();
        int mark = FunctionGemmaFormat.ESCAPE.length();
        in.skip(mark);
        StringBuilder text = new StringBuilder();
        while (!in.atEnd()) {
            if (!in.looksAtMarker(FunctionGemmaFormat.ESCAPE)) {
                text.append(in.peek());
                in.skip(1);
                continue;
            }
            int at = in.offset();
            in.skip(mark);
            if (canFollowString()) {
                return text.toString();
            }
            in.moveTo(at);
            in.flag(Repair.INNER_DELIMITER, at);
            in.skip(mark);
            text.append(FunctionGemmaFormat.ESCAPE);
        }
        throw in.error(Kind.SYNTAX, open, "the string that begins here has no end");
    }

    private boolean canFollowString() {
        int ahead = spaceAhead(0);
        char c = in.peek(ahead);
        return switch (c) {
            case 0, ',', '}', ']', ')', ':', '=' -> true;
            default -> looksAtKey(ahead) || looksAtMarker(ahead, FunctionGemmaFormat.ESCAPE);
        };
    }

    /** A number, a literal, or a string without delimiters. */
    private JsonNode bare(char close) {
        int from = in.offset();
        while (!in.atEnd() && !bareEnds(close)) {
            in.skip(1);
        }
        int to = in.offset();
        while (to > from && Character.isWhitespace(in.text(to - 1, to).charAt(0))) {
            to--;
        }
        String text = in.text(from, to);
        if (text.isEmpty()) {
            throw in.wanted("a value");
        }
        if (in.looksAtMarker(FunctionGemmaFormat.ESCAPE)) {
            in.flag(Repair.MISSING_OPENING_DELIMITER, from);
            in.skip(FunctionGemmaFormat.ESCAPE.length());
            return JsonNodeFactory.instance.stringNode(text);
        }
        JsonNode literal = HermesBody.LITERALS.get(text);
        if (literal != null) {
            if (Character.isUpperCase(text.charAt(0))) {
                in.flag(Repair.PYTHON_LITERAL, from);
            }
            return literal;
        }
        JsonNode number = in.number(text, from);
        if (number != null) {
            return number;
        }
        in.flag(Repair.BARE_STRING, from);
        return JsonNodeFactory.instance.stringNode(text);
    }

    private boolean bareEnds(char close) {
        char c = in.peek();
        if (c == '}' || c == ']' || c == close || in.looksAtMarker(FunctionGemmaFormat.ESCAPE)) {
            return true;
        }
        if (c != ',') {
            return false;
        }
        // a comma inside of prose is text; one before the next key ends the value
        int ahead = spaceAhead(1);
        char next = in.peek(ahead);
        return close == ']'
                || next == close
                || next == 0
                || next == '"'
                || next == '\''
                || looksAtKey(ahead)
                || looksAtMarker(ahead, FunctionGemmaFormat.ESCAPE);
    }

    private int spaceAhead(int ahead) {
        int i = ahead;
        while (i < ahead + MAX_NAME && Character.isWhitespace(in.peek(i))) {
            i++;
        }
        return i;
    }

    /** Whether a bare key and its colon (or equals sign) stand {@code ahead} chars further on. */
    private boolean looksAtKey(int ahead) {
        int i = ahead;
        while (i < ahead + MAX_NAME && isNamePart(in.peek(i))) {
            i++;
        }
        char after = in.peek(spaceAhead(i));
        return i > ahead && (after == ':' || after == '=');
    }

    private boolean looksAtMarker(int ahead, String marker) {
        int from = in.offset();
        in.moveTo(from + ahead);
        boolean found = in.looksAtMarker(marker);
        in.moveTo(from);
        return found;
    }

    /** What names and keys consist of: letters, digits and the punctuation of qualified names. */
    static boolean isNamePart(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.' || c == '$' || c == '/' || c == '@';
    }
}
