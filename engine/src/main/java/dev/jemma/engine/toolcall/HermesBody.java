package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.CallError.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The body of a Hermes call: an object in JSON or, as a repair, in Python's spelling. */
final class HermesBody {
    private static final Set<String> CALL_KEYS = Set.of("name", "arguments", "parameters");

    private final BodyCursor in;
    private boolean fenced;

    HermesBody(BodyCursor in) {
        this.in = in;
    }

    List<ToolCall> calls() {
        List<ToolCall> calls = new ArrayList<>();
        openFence();
        in.skipSpace();
        if (in.peek() == '[') {
            in.flag(Repair.CALL_LIST, in.offset());
            int from = in.offset();
            for (JsonNode call : array(']')) {
                calls.add(call(call, from));
            }
            if (calls.isEmpty()) {
                throw in.error(Kind.NOT_A_CALL, from, "the list of calls is empty");
            }
        } else {
            calls.add(call());
        }
        while (!end()) {
            in.flag(Repair.SEVERAL_OBJECTS, in.offset());
            calls.add(call());
        }
        return calls;
    }

    private void openFence() {
        in.skipSpace();
        if (in.looksAt("```")) {
            in.flag(Repair.MARKDOWN_FENCE, in.offset());
            fenced = true;
            in.skip(3);
            while (Character.isLetter(in.peek())) {
                in.skip(1);
            }
        }
    }

    /** Whether nothing but space, a fence, a comma or surplus brackets is left. */
    private boolean end() {
        boolean comma = false;
        while (true) {
            in.skipSpace();
            if (in.atEnd()) {
                return true;
            }
            if (fenced && in.take("```")) {
                continue;
            }
            char c = in.peek();
            if (c == '{') {
                return false;
            }
            if (c == '}' || c == ']') {
                in.flag(Repair.EXTRA_CLOSER, in.offset());
                in.skip(1);
            } else if (c == ',' && !comma) {
                comma = true;
                in.skip(1);
            } else {
                throw in.wanted("the end of the call");
            }
        }
    }

    private ToolCall call() {
        in.skipSpace();
        int from = in.offset();
        if (in.peek() != '{') {
            throw in.wanted("'{'");
        }
        return call(object(), from);
    }

    private ToolCall call(JsonNode node, int from) {
        if (!(node instanceof ObjectNode object)) {
            throw in.error(Kind.NOT_A_CALL, from, "a call is " + kind(node) + ", wanted an object");
        }
        if (!object.has("name") && object.get("function") instanceof ObjectNode inner) {
            in.flag(Repair.FUNCTION_WRAPPER, from);
            return call(inner, from);
        }
        JsonNode name = object.get("name");
        if (name == null || !name.isString() || name.stringValue().isBlank()) {
            String seen = name == null ? "is missing" : name.isString() ? "is blank" : "is " + kind(name);
            throw in.error(Kind.NOT_A_CALL, from, "'name' " + seen + ", wanted the name of a function");
        }
        for (String key : object.propertyNames()) {
            if (!CALL_KEYS.contains(key)) {
                in.flag(Repair.EXTRA_KEY, from);
                break;
            }
        }
        return new ToolCall(name.stringValue(), arguments(object, from));
    }

    private ObjectNode arguments(ObjectNode call, int from) {
        JsonNode arguments = call.get("arguments");
        if (arguments == null && call.has("parameters")) {
            in.flag(Repair.PARAMETERS_KEY, from);
            arguments = call.get("parameters");
        }
        if (arguments == null
                || arguments.isNull()
                || arguments.isString() && arguments.stringValue().isBlank()) {
            in.flag(Repair.MISSING_ARGUMENTS, from);
            return JsonNodeFactory.instance.objectNode();
        }
        if (arguments.isString()) {
            in.flag(Repair.ARGUMENTS_AS_STRING, from);
            arguments = inside(arguments.stringValue(), from);
        }
        if (arguments instanceof ObjectNode object) {
            return object;
        }
        throw in.error(Kind.NOT_A_CALL, from, "'arguments' is " + kind(arguments) + ", wanted an object");
    }

    /** Reads a string that holds a value; its repairs and errors carry the place of the call around it. */
    private JsonNode inside(String text, int from) {
        ReplyBuffer buffer = new ReplyBuffer(Recognition.TEXT);
        buffer.append(text);
        buffer.finish();
        BodyCursor cursor = new BodyCursor(buffer, 0, text.length(), ToolCallFormat.ALL_REPAIRS);
        try {
            JsonNode value = new HermesBody(cursor).onlyValue();
            for (AppliedRepair repair : cursor.repairs()) {
                in.flag(repair.repair(), from);
            }
            return value;
        } catch (CallSyntaxException e) {
            CallError error = e.error();
            if (error.kind() == Kind.REPAIR_FORBIDDEN) {
                throw e;
            }
            throw in.error(error.kind(), from, "'arguments' is a string that holds no object: " + error);
        }
    }

    /** The one value that the body is, perhaps in a fence. */
    JsonNode onlyValue() {
        openFence();
        JsonNode value = value();
        if (!end()) {
            throw in.wanted("the end");
        }
        return value;
    }

    private JsonNode value() {
        in.skipSpace();
        char c = in.peek();
        return switch (c) {
            case '{' -> object();
            case '[' -> array(']');
            case '(' -> {
                in.flag(Repair.PYTHON_LITERAL, in.offset());
                yield array(')');
            }
            case '"', '\'' -> JsonNodeFactory.instance.stringNode(in.quoted());
            default -> word();
        };
    }

    private ObjectNode object() {
        in.enter();
        in.skip(1);
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        in.skipSpace();
        while (!in.take('}')) {
            if (closedByEnd()) {
                break;
            }
            int at = in.offset();
            String key = key();
            in.skipSpace();
            if (!in.take(':')) {
                throw in.wanted("':'");
            }
            if (object.has(key)) {
                in.flag(Repair.DUPLICATE_KEY, at);
            }
            object.set(key, value());
            separate('}');
        }
        in.leave();
        return object;
    }

    private ArrayNode array(char close) {
        in.enter();
        in.skip(1);
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        in.skipSpace();
        while (!in.take(close)) {
            if (closedByEnd()) {
                break;
            }
            array.add(value());
            separate(close);
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
            // a tuple of one has its comma by rule
            if (in.peek() == close && close != ')') {
                in.flag(Repair.TRAILING_COMMA, at);
            }
        } else if (in.peek() != close && !atCallEnd()) {
            char c = in.peek();
            if (c != '"' && c != '\'' && c != '{' && c != '[') {
                throw in.wanted("',' or '" + close + "'");
            }
            in.flag(Repair.MISSING_COMMA, at);
        }
    }

    /** Whether the call ended where a bracket should have been closed; the end of a fence counts. */
    private boolean closedByEnd() {
        if (!atCallEnd()) {
            return false;
        }
        in.flag(Repair.MISSING_CLOSER, in.offset());
        return true;
    }

    private boolean atCallEnd() {
        return in.atEnd() || fenced && in.looksAt("```");
    }

    private String key() {
        char c = in.peek();
        if (c == '"' || c == '\'') {
            return in.quoted();
        }
        int from = in.offset();
        while (Character.isJavaIdentifierPart(in.peek()) && in.peek() != 0 || in.peek() == '-' || in.peek() == '.') {
            in.skip(1);
        }
        if (in.offset() == from) {
            throw in.wanted("a key or '}'");
        }
        in.flag(Repair.BARE_KEY, from);
        return in.text(from, in.offset());
    }

    private JsonNode word() {
        int from = in.offset();
        while (isWordPart(in.peek())) {
            in.skip(1);
        }
        String word = in.text(from, in.offset());
        JsonNode literal = LITERALS.get(word);
        if (literal != null) {
            if (Character.isUpperCase(word.charAt(0))) {
                in.flag(Repair.PYTHON_LITERAL, from);
            }
            return literal;
        }
        JsonNode number = in.number(word, from);
        if (number == null) {
            if (!word.isEmpty()) {
                in.moveTo(from);
            }
            throw word.length() > 1 && word.length() <= 40
                    ? in.error(Kind.SYNTAX, from, "found '" + word + "', wanted a value")
                    : in.wanted("a value");
        }
        return number;
    }

    static boolean isWordPart(char c) {
        return Character.isLetterOrDigit(c) || c == '-' || c == '+' || c == '.' || c == '_';
    }

    /** JSON's literals and Python's. */
    static final Map<String, JsonNode> LITERALS = Map.of(
            "true", JsonNodeFactory.instance.booleanNode(true),
            "false", JsonNodeFactory.instance.booleanNode(false),
            "null", JsonNodeFactory.instance.nullNode(),
            "True", JsonNodeFactory.instance.booleanNode(true),
            "False", JsonNodeFactory.instance.booleanNode(false),
            "None", JsonNodeFactory.instance.nullNode());

    static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> "an object";
            case ARRAY -> "an array";
            case STRING -> "a string";
            case NUMBER -> "a number";
            case BOOLEAN -> "a boolean";
            case NULL -> "null";
            case BINARY, MISSING, POJO -> "no JSON value";
        };
    }
}
