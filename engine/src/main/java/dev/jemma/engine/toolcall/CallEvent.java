package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import java.util.List;

/** What a {@link CallReader} finds in an answer, in order. Offsets count chars from the start of the answer. */
public sealed interface CallEvent {
    /** Where it begins. */
    int offset();

    /**
     * Text outside of calls. How it is cut into pieces depends on how the answer came in; joined, the pieces do not.
     */
    record Text(int offset, String text) implements CallEvent {}

    /** A call has begun: its opening marker was read. */
    record Started(int offset) implements CallEvent {}

    /**
     * A call was read to its end. Several of these can follow one {@link Started}, where a model puts several calls
     * between one pair of markers.
     *
     * @param repairs what had to be forgiven, in order; empty if the call was well-formed
     * @param raw the text from marker to marker, both included
     */
    record Completed(int offset, ToolCall call, List<AppliedRepair> repairs, String raw) implements CallEvent {
        public Completed {
            repairs = List.copyOf(repairs);
        }
    }

    /** What began as a call cannot be read as one. */
    record Malformed(int offset, CallError error, String raw) implements CallEvent {}
}
