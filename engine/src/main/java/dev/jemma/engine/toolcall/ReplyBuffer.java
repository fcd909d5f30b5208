package dev.jemma.engine.toolcall;

import java.util.BitSet;

/** An answer as far as it has come in: its chars, and where control tokens begin. */
final class ReplyBuffer {
    /** Whether a marker stands at a place; {@link #MAYBE} if the answer ends before that is decided. */
    enum Match {
        YES,
        NO,
        MAYBE
    }

    private final Recognition recognition;
    private final StringBuilder chars = new StringBuilder();
    private final BitSet controls = new BitSet();
    private boolean finished;

    ReplyBuffer(Recognition recognition) {
        this.recognition = recognition;
    }

    void append(CharSequence text) {
        chars.append(text);
    }

    void appendControl(String token) {
        controls.set(chars.length());
        chars.append(token);
    }

    void finish() {
        finished = true;
    }

    boolean finished() {
        return finished;
    }

    Recognition recognition() {
        return recognition;
    }

    int length() {
        return chars.length();
    }

    char charAt(int offset) {
        return chars.charAt(offset);
    }

    String substring(int from, int to) {
        return chars.substring(from, to);
    }

    Match match(int offset, String marker) {
        if (recognition == Recognition.TOKENS && !controls.get(offset)) {
            return Match.NO;
        }
        int available = Math.min(marker.length(), chars.length() - offset);
        for (int i = 0; i < available; i++) {
            if (chars.charAt(offset + i) != marker.charAt(i)) {
                return Match.NO;
            }
        }
        if (available == marker.length()) {
            return Match.YES;
        }
        return finished || recognition == Recognition.TOKENS ? Match.NO : Match.MAYBE;
    }
}
