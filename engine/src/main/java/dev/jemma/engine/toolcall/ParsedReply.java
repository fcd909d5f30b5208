package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * An answer, read whole.
 *
 * @param events what was found, in order; neighbouring pieces of text are one
 */
public record ParsedReply(List<CallEvent> events) {
    public ParsedReply {
        events = joinText(events);
    }

    static ParsedReply of(CallReader reader, String text) {
        List<CallEvent> events = new ArrayList<>(reader.feed(text));
        events.addAll(reader.finish());
        return new ParsedReply(events);
    }

    /** The text outside of calls. */
    public String text() {
        return events.stream()
                .filter(CallEvent.Text.class::isInstance)
                .map(event -> ((CallEvent.Text) event).text())
                .collect(Collectors.joining());
    }

    /** The calls, in order. */
    public List<ToolCall> calls() {
        return completed().stream().map(CallEvent.Completed::call).toList();
    }

    /** The calls with their repairs, in order. */
    public List<CallEvent.Completed> completed() {
        return events.stream()
                .filter(CallEvent.Completed.class::isInstance)
                .map(CallEvent.Completed.class::cast)
                .toList();
    }

    /** What began as a call and is none, in order. */
    public List<CallEvent.Malformed> malformed() {
        return events.stream()
                .filter(CallEvent.Malformed.class::isInstance)
                .map(CallEvent.Malformed.class::cast)
                .toList();
    }

    /** The repairs of all calls, in order. */
    public List<AppliedRepair> repairs() {
        return completed().stream().flatMap(call -> call.repairs().stream()).toList();
    }

    private static List<CallEvent> joinText(List<CallEvent> events) {
        List<CallEvent> joined = new ArrayList<>(events.size());
        StringBuilder text = new StringBuilder();
        int offset = 0;
        for (CallEvent event : events) {
            if (event instanceof CallEvent.Text piece) {
                offset = text.isEmpty() ? piece.offset() : offset;
                text.append(piece.text());
                continue;
            }
            flush(text, offset, joined);
            joined.add(event);
        }
        flush(text, offset, joined);
        return List.copyOf(joined);
    }

    private static void flush(StringBuilder text, int offset, List<CallEvent> joined) {
        if (!text.isEmpty()) {
            joined.add(new CallEvent.Text(offset, text.toString()));
            text.setLength(0);
        }
    }
}
