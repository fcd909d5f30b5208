package dev.jemma.engine.tokenizer;

import java.util.Objects;
import java.util.Set;

/**
 * A token that is found in the text before anything else is done with it, such as {@code <start_of_turn>}.
 *
 * @param id its id
 * @param content its text
 * @param special whether decoding can leave it out
 * @param normalized whether it is looked for in normalized text rather than in the text as it came
 * @param singleWord whether it only counts where no word character touches it
 * @param stripsLeft whether it swallows white space before it
 * @param stripsRight whether it swallows white space after it
 */
public record AddedToken(
        int id,
        String content,
        boolean special,
        boolean normalized,
        boolean singleWord,
        boolean stripsLeft,
        boolean stripsRight) {

    /** Tags of HTML that Gemma's vocabularies hold as tokens: text like any other, though in angle brackets. */
    private static final Set<String> HTML = Set.of(
            "table",
            "caption",
            "thead",
            "tbody",
            "tfoot",
            "tr",
            "th",
            "td",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "blockquote",
            "strong",
            "em",
            "b",
            "i",
            "u",
            "s",
            "sub",
            "sup",
            "code",
            "a",
            "html",
            "body",
            "img",
            "span",
            "bbox",
            "ul",
            "ol",
            "li",
            "div",
            "iframe",
            "footer",
            "header",
            "p",
            "br",
            "hr",
            "pre");

    public AddedToken {
        Objects.requireNonNull(content, "content");
    }

    /**
     * Whether the token steers a model, so that text from outside must not produce it: every special token, and every
     * token in angle or square brackets but the tags of HTML. The flag alone does not tell: vocabularies hold
     * {@code <start_function_call>} or {@code <unused7>} without it.
     */
    public boolean control() {
        return special || bracketed('<', '>') && !HTML.contains(tagName()) || bracketed('[', ']');
    }

    private boolean bracketed(char open, char close) {
        return content.length() > 2 && content.charAt(0) == open && content.charAt(content.length() - 1) == close;
    }

    private String tagName() {
        return content.substring(content.charAt(1) == '/' ? 2 : 1, content.length() - 1);
    }
}
