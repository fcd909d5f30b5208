package dev.jemma.engine.template;

import dev.jemma.engine.api.Origin;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.template.value.Text;
import java.util.ArrayList;
import java.util.List;

/**
 * A rendered conversation, cut where its origin changes.
 *
 * @param pieces the text in order; neighbours differ in origin or in being generated
 */
public record Rendering(List<Piece> pieces) {
    /**
     * Characters of one origin.
     *
     * @param generated whether they lie in a {@code {% generation %}} block
     */
    public record Piece(String text, Origin origin, boolean generated) {}

    public Rendering {
        pieces = List.copyOf(pieces);
    }

    static Rendering of(Text text) {
        List<Piece> pieces = new ArrayList<>();
        for (int start = 0; start < text.length(); ) {
            int end = text.uniform() ? text.length() : start + 1;
            byte mark = text.mark(start);
            while (end < text.length() && text.mark(end) == mark) {
                end++;
            }
            pieces.add(new Piece(
                    text.chars().substring(start, end), Origin.values()[mark & 3], (mark & Text.GENERATED) != 0));
            start = end;
        }
        return new Rendering(pieces);
    }

    /** The whole prompt. */
    public String text() {
        var text = new StringBuilder();
        pieces.forEach(piece -> text.append(piece.text));
        return text.toString();
    }

    /** The prompt as the tokenizer takes it. */
    public List<TextSpan> spans() {
        List<TextSpan> spans = new ArrayList<>();
        for (Piece piece : pieces) {
            var source = piece.origin == Origin.OUTSIDE ? TextSpan.Source.UNTRUSTED : TextSpan.Source.TRUSTED;
            TextSpan last = spans.isEmpty() ? TextSpan.trusted("") : spans.getLast();
            if (!spans.isEmpty() && last.source() == source && last.generated() == piece.generated) {
                spans.set(spans.size() - 1, new TextSpan(last.text() + piece.text, source, piece.generated));
            } else {
                spans.add(new TextSpan(piece.text, source, piece.generated));
            }
        }
        return spans;
    }
}
