package dev.jemma.engine.tokenizer;

import java.util.HexFormat;

/**
 * What byte-pair encoding starts from: the symbol of every character and byte, and the merges. Immutable, safe for
 * threads.
 */
final class BpeModel {
    /** SentencePiece's mark for a space. */
    static final char WORD_MARK = '\u2581';

    private static final int PAGE_BITS = 8;

    private final MergeTable merges;
    private final int[][] pages = new int[(Character.MAX_CODE_POINT >> PAGE_BITS) + 1][];
    private final int[] byteTokens = new int[256];
    private final int unknown;
    private final boolean fusesUnknown;

    BpeModel(Vocabulary vocabulary, MergeTable merges, ModelOptions options) {
        this.merges = merges;
        this.unknown = options.unknown();
        this.fusesUnknown = options.fusesUnknown();
        byte[] pool = vocabulary.pool();
        int[] offsets = vocabulary.offsets();
        for (int id = 0; id < options.modelSize(); id++) {
            int from = offsets[id];
            int length = offsets[id + 1] - from;
            if (length > 0 && length <= 4 && Utf8.length(pool[from]) == length) {
                map(Utf8.codePointAt(pool, from), id);
            }
        }
        for (int i = 0; i < 256; i++) {
            int id = options.byteFallback() ? vocabulary.id(byteSpelling(i)) : -1;
            byteTokens[i] = id < options.modelSize() ? id : -1;
        }
    }

    /** How byte tokens are spelled: {@code <0x0A>}. */
    static String byteSpelling(int value) {
        return "<0x" + HexFormat.of().withUpperCase().toHexDigits((byte) value) + ">";
    }

    private void map(int codePoint, int id) {
        int page = codePoint >> PAGE_BITS;
        if (pages[page] == null) {
            pages[page] = new int[1 << PAGE_BITS];
        }
        pages[page][codePoint & (1 << PAGE_BITS) - 1] = id + 1;
    }

    MergeTable merges() {
        return merges;
    }

    /** The token of one character, or -1. */
    int symbol(int codePoint) {
        int[] page = pages[codePoint >> PAGE_BITS];
        return page == null ? -1 : page[codePoint & (1 << PAGE_BITS) - 1] - 1;
    }

    /** The token of one byte, or -1 if the model does not fall back to bytes or lacks this one. */
    int byteToken(int value) {
        return byteTokens[value];
    }

    /** The token of characters that cannot be spelled, or -1: then they vanish. */
    int unknown() {
        return unknown;
    }

    /** Whether a run of such characters is one token. */
    boolean fusesUnknown() {
        return fusesUnknown;
    }
}
