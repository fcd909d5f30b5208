package dev.jemma.engine.tokenizer;

import java.util.Arrays;

/**
 * Turns ids into text one at a time. The pieces, joined, are exactly what {@link Tokenizer#decode} gives for all ids
 * together: a run of byte tokens is held back until it ends, because only then is it certain which characters it
 * spells. Not safe for threads.
 */
public final class Detokenizer {
    private final Tokenizer tokenizer;
    private final Specials specials;
    private byte[] run = new byte[16];
    private int runLength;
    private int toStrip;

    Detokenizer(Tokenizer tokenizer, Specials specials) {
        this.tokenizer = tokenizer;
        this.specials = specials;
        this.toStrip = tokenizer.rules().strip().count();
    }

    /** The text that has become certain with this id, often empty. An id without a token adds nothing. */
    public String add(int id) {
        var out = new StringBuilder();
        add(id, out);
        return out.toString();
    }

    /** The text still held back, though the text goes on: what follows is no byte of the same character. */
    public String settle() {
        var out = new StringBuilder();
        flush(out);
        return out.toString();
    }

    /** The text still held back; the next id begins a new text. */
    public String finish() {
        var out = new StringBuilder();
        finish(out);
        return out.toString();
    }

    void add(int id, StringBuilder out) {
        if (!tokenizer.isToken(id) || specials == Specials.WITHOUT && tokenizer.isSpecial(id)) {
            return;
        }
        int value = tokenizer.byteValue(id);
        if (value >= 0) {
            if (runLength == run.length) {
                run = Arrays.copyOf(run, 2 * runLength);
            }
            run[runLength++] = (byte) value;
            return;
        }
        flush(out);
        append(tokenizer.decodedToken(id), out);
    }

    void finish(StringBuilder out) {
        flush(out);
        toStrip = tokenizer.rules().strip().count();
    }

    private void flush(StringBuilder out) {
        if (runLength > 0) {
            append(Utf8.decodeRun(run, runLength), out);
            runLength = 0;
        }
    }

    private void append(String text, StringBuilder out) {
        int from = 0;
        while (toStrip > 0 && from < text.length()) {
            if (text.charAt(from) == tokenizer.rules().strip().content()) {
                from++;
                toStrip--;
            } else {
                toStrip = 0;
            }
        }
        out.append(text, from, text.length());
    }
}
