package dev.jemma.engine.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair encoding of one piece of text, with Hugging Face's order of merges: the pair of the lowest rank first, of
 * equal ranks the leftmost. Holds the scratch of one call; not safe for threads.
 *
 * <p>A piece is first cut before every word mark that no merge reaches over, so that most runs are words. Short runs
 * are scanned for the best pair, long ones (scripts without spaces, long runs of one character) keep their candidates
 * in a heap: n log n for any text.
 */
final class Bpe {
    private static final int SCANNED = 48;

    private final BpeModel model;
    private final MergeTable merges;
    private final TokenSink sink;
    private int[] symbols = new int[64];
    private int[] starts = new int[64];
    private final int[] ranks = new int[SCANNED];
    private final byte[] utf8 = new byte[4];
    private int count;

    Bpe(BpeModel model, TokenSink sink) {
        this.model = model;
        this.merges = model.merges();
        this.sink = sink;
    }

    /**
     * Adds the tokens of {@code text[from, to)} to the sink; {@code origin} maps each char to its place in the caller's
     * text.
     */
    void encode(char[] text, int from, int to, int[] origin) {
        count = 0;
        int unknownAt = -1;
        int previous = 0;
        for (int i = from; i < to; ) {
            int codePoint = Character.codePointAt(text, i, to);
            int symbol = model.symbol(codePoint);
            if (symbol >= 0) {
                if (unknownAt >= 0) {
                    push(model.unknown(), unknownAt);
                    unknownAt = -1;
                }
                if (codePoint == BpeModel.WORD_MARK && count > 0 && !merges.reachesOverWordMark(previous)) {
                    mergeAndEmit();
                }
                push(symbol, origin[i]);
            } else if (!pushBytes(codePoint, origin[i]) && model.unknown() >= 0) {
                if (unknownAt >= 0 && !model.fusesUnknown()) {
                    push(model.unknown(), unknownAt);
                    unknownAt = origin[i];
                } else if (unknownAt < 0) {
                    unknownAt = origin[i];
                }
            }
            previous = codePoint;
            i += Character.charCount(codePoint);
        }
        if (unknownAt >= 0) {
            push(model.unknown(), unknownAt);
        }
        mergeAndEmit();
    }

    /** Spells a character in byte tokens, if the vocabulary has one for each of its UTF-8 bytes. */
    private boolean pushBytes(int codePoint, int start) {
        int length = Utf8.encode(codePoint, utf8);
        for (int i = 0; i < length; i++) {
            if (model.byteToken(utf8[i] & 0xFF) < 0) {
                return false;
            }
        }
        for (int i = 0; i < length; i++) {
            push(model.byteToken(utf8[i] & 0xFF), start);
        }
        return true;
    }

    private void push(int symbol, int start) {
        if (count == symbols.length) {
            symbols = Arrays.copyOf(symbols, 2 * count);
            starts = Arrays.copyOf(starts, 2 * count);
        }
        symbols[count] = symbol;
        starts[count++] = start;
    }

    private void mergeAndEmit() {
        if (count <= SCANNED) {
            mergeByScanning();
            for (int i = 0; i < count; i++) {
                sink.add(symbols[i], starts[i]);
            }
        } else {
            mergeByHeap();
        }
        count = 0;
    }

    private void mergeByScanning() {
        for (int i = 0; i + 1 < count; i++) {
            ranks[i] = merges.rank(symbols[i], symbols[i + 1]);
        }
        while (count > 1) {
            int best = 0;
            for (int i = 1; i < count - 1; i++) {
                if (ranks[i] < ranks[best]) {
                    best = i;
                }
            }
            if (ranks[best] == MergeTable.NONE) {
                return;
            }
            symbols[best] = merges.product(ranks[best]);
            count--;
            int tail = count - best - 1;
            System.arraycopy(symbols, best + 2, symbols, best + 1, tail);
            System.arraycopy(starts, best + 2, starts, best + 1, tail);
            System.arraycopy(ranks, best + 1, ranks, best, tail);
            if (best > 0) {
                ranks[best - 1] = merges.rank(symbols[best - 1], symbols[best]);
            }
            if (tail > 0) {
                ranks[best] = merges.rank(symbols[best], symbols[best + 1]);
            }
        }
    }

    private void mergeByHeap() {
        int[] next = new int[count];
        int[] before = new int[count];
        var heap = new PairHeap(count);
        for (int i = 0; i < count; i++) {
            before[i] = i - 1;
            next[i] = i + 1;
            if (i + 1 < count) {
                offer(heap, i, i + 1);
            }
        }
        while (!heap.isEmpty()) {
            long candidate = heap.poll();
            int left = (int) candidate;
            int rank = (int) (candidate >>> 32);
            int right = symbols[left] < 0 ? count : next[left];
            if (right == count || merges.rank(symbols[left], symbols[right]) != rank) {
                continue; // one of the two has been merged away since
            }
            symbols[left] = merges.product(rank);
            symbols[right] = -1;
            next[left] = next[right];
            if (next[left] < count) {
                before[next[left]] = left;
                offer(heap, left, next[left]);
            }
            if (before[left] >= 0) {
                offer(heap, before[left], left);
            }
        }
        for (int i = 0; i < count; i = next[i]) {
            sink.add(symbols[i], starts[i]);
        }
    }

    private void offer(PairHeap heap, int left, int right) {
        int rank = merges.rank(symbols[left], symbols[right]);
        if (rank != MergeTable.NONE) {
            heap.offer(((long) rank << 32) | left);
        }
    }
}
