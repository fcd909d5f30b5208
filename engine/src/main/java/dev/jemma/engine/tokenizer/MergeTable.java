package dev.jemma.engine.tokenizer;

import java.util.Arrays;
import java.util.BitSet;

/**
 * The merges of a BPE model: which two neighbours become which token, and in what order of preference. Immutable.
 *
 * @param table packed (left id: 20 bits, right id: 20 bits, rank: 24 bits) at the slot of the pair's hash, -1 where
 *     free; its length is a power of two
 * @param products the token that the merge of each rank makes
 * @param glue the code points that some merge puts directly before a {@code ▁}, sorted; between any other character and
 *     a {@code ▁} no merge ever reaches, so that a text may be cut there without changing its tokens
 * @param cutsAtWords whether {@code glue} tells the whole truth: false if merges join tokens that are not spelled by
 *     their own characters
 */
record MergeTable(long[] table, int[] products, int[] glue, boolean cutsAtWords) {
    static final int NONE = Integer.MAX_VALUE;
    static final int MAX_MERGES = (1 << 24) - 1;
    private static final int RANK_BITS = 24;
    private static final int ID_BITS = 20;

    /** How early two neighbours merge (0 first), or {@link #NONE}. */
    int rank(int left, int right) {
        long key = ((long) left << ID_BITS) | right;
        int mask = table.length - 1;
        for (int slot = slot(key, mask); ; slot = (slot + 1) & mask) {
            long entry = table[slot];
            if (entry == -1) {
                return NONE;
            }
            if (entry >>> RANK_BITS == key) {
                return (int) entry & MAX_MERGES;
            }
        }
    }

    /** The token that the merge of this rank makes. */
    int product(int rank) {
        return products[rank];
    }

    /** The two tokens of each merge, packed (left in the upper 32 bits), by rank. */
    long[] pairs() {
        long[] pairs = new long[products.length];
        for (long entry : table) {
            if (entry != -1) {
                long key = entry >>> RANK_BITS;
                pairs[(int) entry & MAX_MERGES] = key >>> ID_BITS << Integer.SIZE | key & (1 << ID_BITS) - 1;
            }
        }
        return pairs;
    }

    /** Whether some merge may join {@code codePoint} with a {@code ▁} right after it. */
    boolean reachesOverWordMark(int codePoint) {
        return !cutsAtWords || Arrays.binarySearch(glue, codePoint) >= 0;
    }

    private static int slot(long key, int mask) {
        long hash = key * 0x9E3779B97F4A7C15L;
        return (int) (hash >>> 32) & mask;
    }

    /** Merges being collected, in order of rank. */
    static final class Builder {
        private int[] pairs = new int[1 << 12];
        private int count;
        private final BitSet glue = new BitSet();

        int count() {
            return count;
        }

        void add(int left, int right, int product) {
            if (3 * count + 3 > pairs.length) {
                pairs = Arrays.copyOf(pairs, Math.multiplyExact(2, pairs.length));
            }
            pairs[3 * count] = left;
            pairs[3 * count + 1] = right;
            pairs[3 * count + 2] = product;
            count++;
        }

        /**
         * Notes the character before a word mark that a merge takes in; its left part is {@code spelled[from, middle)}.
         */
        void noteGlue(byte[] spelled, int from, int middle) {
            if (middle > from
                    && middle < spelled.length
                    && spelled[middle] == (byte) 0xE2
                    && Utf8.codePointAt(spelled, middle) == BpeModel.WORD_MARK) {
                int last = middle - 1;
                while ((spelled[last] & 0xC0) == 0x80) {
                    last--;
                }
                glue.set(Utf8.codePointAt(spelled, last));
            }
        }

        private boolean takesIn(BitSet tokens) {
            for (int i = 0; i < 3 * count; i += 3) {
                if (tokens.get(pairs[i]) || tokens.get(pairs[i + 1])) {
                    return true;
                }
            }
            return false;
        }

        /**
         * Lays the table out; a pair named twice keeps its later rank, as in Hugging Face's tokenizers.
         *
         * @param vocabulary the tokens that are merged
         * @param unknown the token of what cannot be spelled, or -1; like byte tokens it does not stand for its own
         *     characters
         */
        MergeTable build(Vocabulary vocabulary, int unknown) {
            var notSpelled = new BitSet();
            for (int value = 0; value < 256; value++) {
                int id = vocabulary.id(BpeModel.byteSpelling(value));
                if (id >= 0) {
                    notSpelled.set(id);
                }
            }
            if (unknown >= 0) {
                notSpelled.set(unknown);
            }
            boolean cutsAtWords = !takesIn(notSpelled);
            long[] table = new long[Math.max(16, Integer.highestOneBit(Math.max(1, count)) << 2)];
            Arrays.fill(table, -1);
            int mask = table.length - 1;
            int[] products = new int[count];
            for (int rank = 0; rank < count; rank++) {
                products[rank] = pairs[3 * rank + 2];
                long key = ((long) pairs[3 * rank] << ID_BITS) | pairs[3 * rank + 1];
                int slot = slot(key, mask);
                while (table[slot] != -1 && table[slot] >>> RANK_BITS != key) {
                    slot = (slot + 1) & mask;
                }
                table[slot] = (key << RANK_BITS) | rank;
            }
            return new MergeTable(table, products, glue.stream().toArray(), cutsAtWords);
        }
    }
}
