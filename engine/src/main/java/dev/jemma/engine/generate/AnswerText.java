package dev.jemma.engine.generate;

import dev.jemma.engine.api.GenerationEvent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * The text of an answer on its way out: holds back what may be the beginning of a stop text, and ends at the first stop
 * text that is complete. How the text is cut into tokens makes no difference.
 */
final class AnswerText {
    /** A control token within the pending text. */
    private record Mark(int from, int to, int id) {}

    private final List<String> stops;
    private final Consumer<GenerationEvent> sink;
    private final StringBuilder answer = new StringBuilder();
    private final StringBuilder pending = new StringBuilder();
    private final Deque<Mark> marks = new ArrayDeque<>();
    private boolean stopped;

    AnswerText(List<String> stops, Consumer<GenerationEvent> sink) {
        this.stops = stops;
        this.sink = sink;
    }

    /** Adds text; returns whether a stop text is complete now, which ends the answer. */
    boolean add(String text) {
        for (int i = 0; i < text.length() && !stopped; i++) {
            pending.append(text.charAt(i));
            int begin = completedStop();
            if (begin >= 0) {
                pending.setLength(begin);
                stopped = true;
            }
        }
        release(stopped ? pending.length() : pending.length() - possibleStop());
        return stopped;
    }

    /** Adds a control token; returns as {@link #add} does. */
    boolean addControl(int id, String token) {
        if (!stopped) {
            marks.add(new Mark(pending.length(), pending.length() + token.length(), id));
        }
        return add(token);
    }

    /** The answer has ended: nothing is held back any more. */
    void finish() {
        release(pending.length());
    }

    /** What has been let out. */
    String text() {
        return answer.toString();
    }

    /** Where the longest stop text begins that the pending text ends with, or -1. */
    private int completedStop() {
        int begin = -1;
        for (String stop : stops) {
            int at = pending.length() - stop.length();
            if (at >= 0 && (begin < 0 || at < begin) && endsWith(stop, stop.length())) {
                begin = at;
            }
        }
        return begin;
    }

    /** How many chars at the end of the pending text may be the beginning of a stop text. */
    private int possibleStop() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, pending.length()); length > longest; length--) {
                if (endsWith(stop, length)) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    /** Whether the pending text ends with the first {@code length} chars of {@code stop}. */
    private boolean endsWith(String stop, int length) {
        int at = pending.length() - length;
        for (int i = 0; i < length; i++) {
            if (pending.charAt(at + i) != stop.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Lets out pending text up to {@code end}, or up to the control token that {@code end} would cut. */
    private void release(int end) {
        int from = 0;
        while (!marks.isEmpty() && marks.peek().to <= end) {
            Mark mark = marks.remove();
            emit(from, mark.from);
            String token = pending.substring(mark.from, mark.to);
            answer.append(token);
            sink.accept(new GenerationEvent.Control(mark.id, token));
            from = mark.to;
        }
        int to = !stopped && !marks.isEmpty() && marks.peek().from < end ? marks.peek().from : end;
        emit(from, to);
        pending.delete(0, to);
        marks.removeIf(mark -> stopped);
        if (!marks.isEmpty() && to > 0) {
            List<Mark> moved = marks.stream()
                    .map(mark -> new Mark(mark.from - to, mark.to - to, mark.id))
                    .toList();
            marks.clear();
            marks.addAll(moved);
        }
    }

    private void emit(int from, int to) {
        if (to > from) {
            String text = pending.substring(from, to);
            answer.append(text);
            sink.accept(new GenerationEvent.Text(text));
        }
    }
}
