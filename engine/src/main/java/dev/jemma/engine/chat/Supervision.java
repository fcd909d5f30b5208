package dev.jemma.engine.chat;

import dev.jemma.engine.api.Origin;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.template.Rendering;
import dev.jemma.engine.tokenizer.GemmaTokens;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Finds the parts of a rendered text that the assistant wrote, and marks them as supervised. */
final class Supervision {
    private static final List<String> ENDS = List.of(GemmaTokens.END_OF_TURN, "<turn|>", "<|im_end|>");

    /** What a model writes to be answered by a tool within its own turn, and what ends the tool's answer. */
    private static final List<String> PAUSES = List.of("<|tool_response>", "<start_function_response>");

    private static final List<String> RESUMPTIONS = List.of("<tool_response|>", "<end_function_response>");

    private Supervision() {}

    /** Characters [from, to) of the joined text. */
    record Region(int from, int to) {}

    /**
     * The spans, cut at the borders of {@code regions}, which ascend; what lies in one is generated, everything else is
     * not.
     */
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

    /**
     * The assistant's turns by who wrote what: each from behind a {@code header} to the end of its turn, which is an
     * end-of-turn marker with {@code eos} and a line break, if they follow. A tool's answer within the turn is left
     * out. Only the template's own words count, so that no data can open or end a turn.
     */
    static List<Region> byOrigin(Rendering rendering, String header, String eos) {
        return new Search(rendering, header, eos).regions();
    }

    private static final class Search {
        private final String text;
        private final String header;
        private final String eos;
        private final BitSet data = new BitSet();
        private final List<Region> regions = new ArrayList<>();

        Search(Rendering rendering, String header, String eos) {
            this.text = rendering.text();
            this.header = header;
            this.eos = eos;
            int at = 0;
            for (Rendering.Piece piece : rendering.pieces()) {
                int end = at + piece.text().length();
                data.set(at, end, piece.origin() != Origin.TEMPLATE);
                at = end;
            }
        }

        List<Region> regions() {
            for (int at = find(header, 0); at < text.length(); at = find(header, at)) {
                at = turn(at + header.length());
            }
            return regions;
        }

        /** Adds the regions of the turn that begins at {@code from}; the place behind it. */
        private int turn(int from) {
            int at = from;
            while (true) {
                int end = first(ENDS, at);
                int pause = first(PAUSES, at);
                if (end <= pause) {
                    int behind = end == text.length() ? end : behindEnd(end);
                    add(at, behind);
                    return behind;
                }
                add(at, behind(PAUSES, pause));
                at = behind(RESUMPTIONS, first(RESUMPTIONS, pause));
                if (text.startsWith(header, at)) {
                    return at;
                }
            }
        }

        private int behindEnd(int end) {
            int behind = behind(ENDS, end);
            if (!eos.isEmpty() && find(eos, behind) == behind) {
                behind += eos.length();
            }
            return behind < text.length() && text.charAt(behind) == '\n' && !data.get(behind) ? behind + 1 : behind;
        }

        private void add(int from, int to) {
            if (from < to) {
                regions.add(new Region(from, to));
            }
        }

        private int first(List<String> markers, int from) {
            return markers.stream().mapToInt(marker -> find(marker, from)).min().orElse(text.length());
        }

        private int behind(List<String> markers, int at) {
            return at
                    + markers.stream()
                            .filter(marker -> text.startsWith(marker, at))
                            .mapToInt(String::length)
                            .max()
                            .orElse(0);
        }

        /** Where {@code marker} next stands as the template's words, or the text's end. */
        private int find(String marker, int from) {
            for (int at = text.indexOf(marker, from); at >= 0; at = text.indexOf(marker, at + 1)) {
                int next = data.nextSetBit(at);
                if (next < 0 || next >= at + marker.length()) {
                    return at;
                }
            }
            return text.length();
        }
    }
}
