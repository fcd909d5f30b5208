package dev.jemma.engine.toolcall;

import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** JSON as models write it outside of calls: everything that a call's body may be forgiven is forgiven here. */
public final class LooseJson {
    private LooseJson() {}

    /**
     * The one value that {@code text} is, in JSON or Python's spelling, perhaps in a Markdown fence. Numbers keep their
     * exact value.
     *
     * @throws IllegalArgumentException if it is none, with what was found and where
     */
    public static JsonNode parse(String text) {
        BodyCursor cursor = cursor(text);
        try {
            return new HermesBody(cursor).onlyValue();
        } catch (CallSyntaxException e) {
            throw new IllegalArgumentException(e.error().toString(), e);
        }
    }

    /** The number that {@code text} is in JSON's spelling, exactly; empty if it is none. */
    public static Optional<JsonNode> number(String text) {
        try {
            return Optional.ofNullable(cursor("").number(text, 0));
        } catch (CallSyntaxException e) {
            return Optional.empty();
        }
    }

    private static BodyCursor cursor(String text) {
        ReplyBuffer buffer = new ReplyBuffer(Recognition.TEXT);
        buffer.append(text);
        buffer.finish();
        return new BodyCursor(buffer, 0, text.length(), ToolCallFormat.ALL_REPAIRS);
    }
}
