package dev.jemma.engine.toolcall;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.ReplyBuffer.Match;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Reads an answer as it is generated: text in, {@link CallEvent}s out.
 *
 * <p>However the answer is cut into pieces, the events are the same (but for where {@link CallEvent.Text} is cut),
 * because nothing is decided while a decision could still depend on what follows. Text that could be the beginning of a
 * marker is held back until it is known. The time is linear in the length of the answer.
 *
 * <p>Where a call ends: at the first closing marker outside of a string. Inside a string a closing marker is text,
 * unless nothing but space lies between it and the next call. If the answer ends inside a string of a call, strings
 * cannot be trusted: that call ends at its first closing marker, and so do the calls after it.
 *
 * <p>One reader reads one answer; it is used by one thread at a time.
 */
public final class CallReader {
    /** How deep brackets inside a call may nest. */
    public static final int MAX_DEPTH = 64;

    private static final int NONE = -1;

    private final ToolCallFormat format;
    private final ReplyBuffer buffer;
    private final Set<Repair> allowed;
    private final String opening;
    private final String closing;
    private final String delimiter;

    private List<CallEvent> events = new ArrayList<>();
    /** The first char of which nothing is decided yet. */
    private int scan;
    /** The first char of text that was not handed out yet. */
    private int textFrom;
    /** Where the opening marker of the current call stands, or NONE outside of calls. */
    private int callFrom = NONE;
    /** The quote that opened the current string, '<' for a string in delimiters, 0 outside of strings. */
    private char quote;
    /** The first closing marker seen inside a string of the current call, or NONE. */
    private int firstInnerClosing = NONE;
    /** A closing marker inside a string after which only space came so far, or NONE. */
    private int pendingClosing = NONE;
    /** Every closing marker ends a call, in strings too. */
    private boolean distrustStrings;

    CallReader(ToolCallFormat format, Recognition recognition, Set<Repair> allowed) {
        this.format = format;
        this.buffer = new ReplyBuffer(recognition);
        this.allowed = Set.copyOf(allowed);
        this.opening = format.opening();
        this.closing = format.closing();
        this.delimiter = format.stringDelimiter();
        this.distrustStrings = recognition == Recognition.TOKENS;
    }

    /**
     * Takes the next piece of text.
     *
     * @return what became certain by it
     * @throws IllegalStateException after {@link #finish}
     */
    public List<CallEvent> feed(CharSequence text) {
        requireOpen();
        buffer.append(text);
        return advance();
    }

    /**
     * Takes a special token. With {@link Recognition#TOKENS} this is the only way in which markers come; with
     * {@link Recognition#TEXT} it is the same as {@link #feed}.
     */
    public List<CallEvent> control(String token) {
        requireOpen();
        buffer.appendControl(Objects.requireNonNull(token, "token"));
        return advance();
    }

    /** The answer has ended: whatever was held back is decided now. */
    public List<CallEvent> finish() {
        requireOpen();
        buffer.finish();
        return advance();
    }

    /** Whether a call has begun and not ended. */
    public boolean insideCall() {
        return callFrom != NONE;
    }

    private void requireOpen() {
        if (buffer.finished()) {
            throw new IllegalStateException("the answer has ended; a new one needs a new reader");
        }
    }

    private List<CallEvent> advance() {
        while (callFrom == NONE ? scanText() : scanCall()) {}
        if (buffer.finished()) {
            end();
        }
        List<CallEvent> found = events;
        events = new ArrayList<>();
        return found;
    }

    /** Goes on outside of calls. False: more input is needed. */
    private boolean scanText() {
        while (scan < buffer.length()) {
            switch (buffer.match(scan, opening)) {
                case NO -> scan++;
                case MAYBE -> {
                    handOutText();
                    return false;
                }
                case YES -> {
                    handOutText();
                    begin();
                    return true;
                }
            }
        }
        handOutText();
        return false;
    }

    private void handOutText() {
        if (scan > textFrom) {
            events.add(new CallEvent.Text(textFrom, buffer.substring(textFrom, scan)));
            textFrom = scan;
        }
    }

    private void begin() {
        callFrom = scan;
        events.add(new CallEvent.Started(callFrom));
        scan += opening.length();
        quote = 0;
        firstInnerClosing = NONE;
        pendingClosing = NONE;
    }

    /** Goes on inside a call. True: the call ended; false: more input is needed. */
    private boolean scanCall() {
        while (scan < buffer.length()) {
            Match close = buffer.match(scan, closing);
            Match open = buffer.match(scan, opening);
            Match delimit = delimiter.isEmpty() ? Match.NO : buffer.match(scan, delimiter);
            if (close == Match.MAYBE || open == Match.MAYBE || delimit == Match.MAYBE) {
                return false;
            }
            boolean trusted = quote != 0 && !distrustStrings;
            if (close == Match.YES) {
                if (!trusted) {
                    return complete(scan, scan + closing.length());
                }
                firstInnerClosing = firstInnerClosing == NONE ? scan : firstInnerClosing;
                pendingClosing = scan;
                scan += closing.length();
            } else if (open == Match.YES && !trusted) {
                return complete(scan, scan);
            } else if (open == Match.YES && pendingClosing != NONE) {
                return complete(pendingClosing, pendingClosing + closing.length());
            } else if (delimit == Match.YES) {
                quote = quote == 0 ? '<' : 0;
                pendingClosing = NONE;
                scan += delimiter.length();
            } else if (!stepQuotes(buffer.charAt(scan))) {
                return false;
            }
        }
        return false;
    }

    /** One char that begins no marker. False: a backslash is the last char so far. */
    private boolean stepQuotes(char c) {
        if (!Character.isWhitespace(c)) {
            pendingClosing = NONE;
        }
        if (delimiter.isEmpty() && !distrustStrings) {
            if (quote == 0) {
                quote = c == '"' || c == '\'' ? c : 0;
            } else if (c == '\\') {
                if (scan + 1 == buffer.length() && !buffer.finished()) {
                    return false;
                }
                scan++;
            } else if (c == quote) {
                quote = 0;
            }
        }
        scan++;
        return true;
    }

    /** At the end of the answer: what is undecided is decided here. */
    private void end() {
        while (callFrom != NONE) {
            if (firstInnerClosing != NONE) {
                distrustStrings = true;
                complete(firstInnerClosing, firstInnerClosing + closing.length());
            } else {
                int from = callFrom;
                CallError error = new CallError(
                        CallError.Kind.TRUNCATED, buffer.length(), "the call has no end: wanted " + closing);
                events.add(new CallEvent.Malformed(from, error, buffer.substring(from, buffer.length())));
                callFrom = NONE;
                scan = buffer.length();
                textFrom = scan;
            }
            while (callFrom == NONE ? scanText() : scanCall()) {}
        }
    }

    /** The current call's body ends at {@code to}; reading goes on at {@code next}. */
    private boolean complete(int to, int next) {
        int from = callFrom;
        String raw = buffer.substring(from, next);
        BodyCursor body = new BodyCursor(buffer, from + opening.length(), to, allowed);
        try {
            if (next == to) {
                body.flag(Repair.MISSING_CLOSE_MARKER, to);
            }
            List<ToolCall> calls = format.parseBody(body);
            List<AppliedRepair> repairs = body.repairs();
            for (ToolCall call : calls) {
                events.add(new CallEvent.Completed(from, call, repairs, raw));
                repairs = List.of();
            }
        } catch (CallSyntaxException e) {
            events.add(new CallEvent.Malformed(from, e.error(), raw));
        }
        callFrom = NONE;
        scan = next;
        textFrom = next;
        return true;
    }
}
