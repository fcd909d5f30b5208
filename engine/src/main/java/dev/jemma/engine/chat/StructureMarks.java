package dev.jemma.engine.chat;

import dev.jemma.engine.api.TextSpan;
import java.util.ArrayList;
import java.util.List;

/**
 * Carries the tags that Jemma itself writes around tools and results through a template, so that they come out as
 * trusted text although the turn they stand in is not: a vocabulary may hold {@code <tool_response>} as a token, and
 * only Jemma may write that token there.
 *
 * <p>A tag travels between two characters of Unicode's private use area that occur nowhere in the conversation, and are
 * taken out again after rendering.
 */
record StructureMarks(char open, char close) {
    private static final char FIRST = '\uE000';
    private static final char LAST = '\uF8FE';

    /** Marks that do not occur in a conversation. */
    static StructureMarks absentFrom(Conversation conversation) {
        String text = conversation.toJson().toString();
        for (char open = FIRST; open < LAST; open += 2) {
            if (text.indexOf(open) < 0 && text.indexOf(open + 1) < 0) {
                return new StructureMarks(open, (char) (open + 1));
            }
        }
        throw new IllegalArgumentException(
                "the conversation uses every character of Unicode's private use area, wanted two that are free");
    }

    /** The text with each of the tags between marks. */
    String mark(String text, List<String> tags) {
        String marked = text;
        for (String tag : tags) {
            marked = marked.replace(tag, open + tag + close);
        }
        return marked;
    }

    /** The spans without marks; what was between two is trusted. */
    List<TextSpan> resolve(List<TextSpan> spans) {
        List<TextSpan> resolved = new ArrayList<>();
        for (TextSpan span : spans) {
            String text = span.text();
            int at = 0;
            for (int from = text.indexOf(open); from >= 0; from = text.indexOf(open, at)) {
                int to = text.indexOf(close, from);
                add(resolved, text.substring(at, from), span);
                resolved.add(new TextSpan(text.substring(from + 1, to), TextSpan.Source.TRUSTED, span.generated()));
                at = to + 1;
            }
            add(resolved, text.substring(at), span);
        }
        return resolved;
    }

    private static void add(List<TextSpan> spans, String text, TextSpan like) {
        if (!text.isEmpty()) {
            spans.add(new TextSpan(text, like.source(), like.generated()));
        }
    }
}
