package dev.jemma.engine.chat;

import dev.jemma.engine.api.TextSpan;
import java.util.ArrayList;
import java.util.List;

/** Marks parts of a rendered text as supervised. */
final class Supervision {
    private Supervision() {}

    /** Characters [from, to) of the joined text. */
    record Region(int from, int to) {}

    /** The spans, cut at the borders of {@code regions}, which ascend; what lies in one is generated, everything else is not. */
    static List<TextSpan> mark(List<TextSpan> spans, List<Region> regions) {
        List<TextSpan> marked = new ArrayList<>();
        int start = 0;
        for (TextSpan span : spans) {
            int end = start + span.text().length();
            int at = start;
            for (Region region : regions) {
                int from = Math.max(at, region.from);
                int to = Math.min(end, region.to);
                if (from < to) {
                    add(marked, span, start, at, from, false);
                    add(marked, span, start, from, to, true);
                    at = to;
                }
            }
            add(marked, span, start, at, end, false);
            start = end;
        }
        return marked;
    }

    private static void add(List<TextSpan> marked, TextSpan span, int start, int from, int to, boolean generated) {
        if (from < to) {
            marked.add(new TextSpan(span.text().substring(from - start, to - start), span.source(), generated));
        }
    }
}
