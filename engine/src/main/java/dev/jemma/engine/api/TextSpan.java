package dev.jemma.engine.api;

/**
 * A piece of a rendered prompt that knows whose text it is.
 *
 * <p>A prompt is a list of spans; their texts, joined, are the prompt. Control tokens such as {@code <end_of_turn>} are
 * only recognised inside trusted spans, so that a user, a tool or a tool result cannot forge a turn; everything else
 * about tokenizing works on the joined text and is not changed by where spans begin.
 *
 * @param text the characters, possibly none
 * @param source whose text it is
 * @param generated whether the piece lies in a {@code {% generation %}} block of the chat template, that is: written by
 *     the assistant and supervised in training
 */
public record TextSpan(String text, Source source, boolean generated) {
    /** Whose text a span is. */
    public enum Source {
        /** The template's own text, the model's control tokens, and what the assistant said or called. */
        TRUSTED,
        /** Text of users, system or developer turns, tool declarations and tool results. */
        UNTRUSTED
    }

    /** A piece of the template or of the assistant's turn that is not supervised. */
    public static TextSpan trusted(String text) {
        return new TextSpan(text, Source.TRUSTED, false);
    }

    /** A piece that came from outside: no control token is recognised in it. */
    public static TextSpan untrusted(String text) {
        return new TextSpan(text, Source.UNTRUSTED, false);
    }

    /** The whole prompt: the texts of {@code spans}, joined. */
    public static String join(Iterable<TextSpan> spans) {
        var text = new StringBuilder();
        for (TextSpan span : spans) {
            text.append(span.text);
        }
        return text.toString();
    }
}
