package dev.jemma.engine.tokenizer;

import java.util.List;

/**
 * Finds added tokens in a text as Hugging Face's tokenizers do: of all tokens that begin leftmost the longest, then its
 * flags. Immutable, safe for threads.
 *
 * <p>A walk down a trie from each char: bounded by the longest token, and one failed step for nearly every char.
 */
final class AddedTokens {
    /** Decides whether a token may be found at a place; a place is given in the chars searched. */
    interface Permit {
        boolean allows(AddedToken token, int from, int to);
    }

    /** Takes what {@link #split} finds, from left to right. */
    interface Pieces {
        void text(int from, int to);

        void token(AddedToken token, int from);
    }

    private final List<AddedToken> tokens;
    private final TokenTrie trie;

    /**
     * @param tokens the tokens to find
     * @param texts what each looks like in the text that is searched
     */
    AddedTokens(List<AddedToken> tokens, List<String> texts) {
        this.tokens = tokens;
        this.trie = new TokenTrie(texts);
    }

    /** Cuts {@code text[from, to)} into tokens found and text between them. */
    void split(char[] text, int from, int to, Permit permit, Pieces pieces) {
        int textStart = from;
        for (int at = from; at < to; ) {
            int end = -1;
            AddedToken found = null;
            int node = 0;
            for (int i = at; i < to; i++) {
                node = trie.step(node, text[i]);
                if (node < 0) {
                    break;
                }
                int index = trie.token(node);
                if (index >= 0 && permit.allows(tokens.get(index), at, i + 1)) {
                    end = i + 1;
                    found = tokens.get(index);
                }
            }
            if (found == null) {
                at++;
                continue;
            }
            int start = at;
            at = end;
            if (found.singleWord() && (CharClass.wordBefore(text, from, start) || CharClass.wordAt(text, end, to))) {
                continue;
            }
            if (found.stripsLeft()) {
                while (start > textStart && CharClass.white(text[start - 1])) {
                    start--;
                }
            }
            if (found.stripsRight()) {
                while (end < to && CharClass.white(text[end])) {
                    end++;
                }
            }
            if (textStart < start) {
                pieces.text(textStart, start);
            }
            pieces.token(found, start);
            textStart = end;
        }
        if (textStart < to) {
            pieces.text(textStart, to);
        }
    }
}
