package dev.jemma.engine.tokenizer;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Derives merges from scores as transformers does ({@code generate_merges} in convert_slow_tokenizer.py), whose order
 * the ids of tokenizer.json depend on: every way to put a piece together from two others is a merge; the piece of the
 * higher score comes first, then the merge with the longer left and right parts (in characters), then the lower ids.
 * Pieces that are found before merging (user-defined) have the score 0 there, whatever a GGUF file says.
 *
 * <p>Unlike there, no merge makes or takes control, unknown, unused or byte pieces: SentencePiece and llama.cpp never
 * do, and text must not be able to spell a control token.
 */
final class PieceMerges {
    /** The longest piece of a Gemma has 31 characters; lengths take 8 bits in the key that merges are sorted by. */
    private static final int LONGEST = 255;

    private static final int RANK_BITS = 24;

    private final ScoredPieces model;
    private final Vocabulary vocabulary;
    private final BitSet mergeable = new BitSet();
    private final float[] scores;
    private final float[] ascending;

    private int[] left = new int[1 << 12];
    private int[] right = new int[1 << 12];
    private int[] product = new int[1 << 12];
    private long[] keys = new long[1 << 12];
    private int count;

    PieceMerges(ScoredPieces model, Vocabulary vocabulary) {
        this.model = model;
        this.vocabulary = vocabulary;
        this.scores = model.scores().clone();
        int tab = vocabulary.id("\t");
        for (int id = 0; id < scores.length; id++) {
            if (Float.isNaN(scores[id])) {
                throw model.complain("the score of token " + id + " is NaN, wanted a number");
            }
            boolean merges = switch (model.kinds().get(id)) {
                case NORMAL, USER_DEFINED -> true;
                case BYTE -> id == tab;
                case UNKNOWN, CONTROL, UNUSED -> false;
            };
            mergeable.set(id, merges && vocabulary.length(id) > 0);
            // adding zero makes -0 a 0, which Python's comparison does not tell apart either
            scores[id] = model.kinds().get(id) == ScoredPieces.Kind.USER_DEFINED ? 0 : scores[id] + 0f;
        }
        ascending = scores.clone();
        Arrays.sort(ascending);
    }

    /** The merges; {@code unknown} is the piece of what cannot be spelled, or -1. */
    MergeTable table(int unknown) {
        for (int id = mergeable.nextSetBit(0); id >= 0; id = mergeable.nextSetBit(id + 1)) {
            split(id);
        }
        Arrays.sort(keys, 0, count);
        byte[] pool = vocabulary.pool();
        int[] offsets = vocabulary.offsets();
        var merges = new MergeTable.Builder();
        for (int i = 0; i < count; i++) {
            int merge = (int) keys[i] & MergeTable.MAX_MERGES;
            int begin = offsets[product[merge]];
            merges.add(left[merge], right[merge], product[merge]);
            merges.noteGlue(pool, begin, begin + vocabulary.length(left[merge]));
        }
        return merges.build(vocabulary, unknown);
    }

    /** Adds every way to put piece {@code id} together from two others. */
    private void split(int id) {
        byte[] pool = vocabulary.pool();
        int from = vocabulary.offsets()[id];
        int to = vocabulary.offsets()[id + 1];
        int characters = 0;
        for (int at = from; at < to; at += Utf8.length(pool[at])) {
            characters++;
        }
        if (characters > LONGEST) {
            throw model.complain("token " + id + " has " + characters + " characters, wanted at most " + LONGEST);
        }
        int first = count;
        int before = 0;
        for (int at = from + Utf8.length(pool[from]); at < to; at += Utf8.length(pool[at])) {
            before++;
            int l = vocabulary.id(pool, from, at);
            int r = l < 0 || !mergeable.get(l) ? -1 : vocabulary.id(pool, at, to);
            if (r >= 0 && mergeable.get(r)) {
                insert(first, l, r, id, before, characters - before);
            }
        }
        for (int i = first; i < count; i++) {
            keys[i] |= i;
        }
    }

    /** Adds a merge among those of its piece, which lie from {@code first} on in the order of their ids. */
    private void insert(int first, int l, int r, int id, int leftLength, int rightLength) {
        if (count == MergeTable.MAX_MERGES) {
            throw model.complain("the tokens give more than " + MergeTable.MAX_MERGES + " merges");
        }
        if (count == left.length) {
            left = Arrays.copyOf(left, 2 * count);
            right = Arrays.copyOf(right, 2 * count);
            product = Arrays.copyOf(product, 2 * count);
            keys = Arrays.copyOf(keys, 2 * count);
        }
        int at = count++;
        for (; at > first && (left[at - 1] > l || left[at - 1] == l && right[at - 1] > r); at--) {
            left[at] = left[at - 1];
            right[at] = right[at - 1];
            keys[at] = keys[at - 1];
        }
        left[at] = l;
        right[at] = r;
        product[count - 1] = id;
        long key = higherScores(scores[id]);
        key = key << 8 | LONGEST - leftLength;
        key = key << 8 | LONGEST - rightLength;
        keys[at] = key << RANK_BITS;
    }

    /** How many pieces have a higher score. */
    private int higherScores(float score) {
        int low = 0;
        int high = ascending.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ascending[middle] <= score) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return ascending.length - low;
    }
}
