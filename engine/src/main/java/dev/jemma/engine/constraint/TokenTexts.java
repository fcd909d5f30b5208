package dev.jemma.engine.constraint;

import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * A vocabulary as texts, sorted, so that the tokens which a grammar allows can be found without looking at those that
 * begin like one it does not. Immutable, safe for threads; made once for a tokenizer, since it decodes every token.
 */
public final class TokenTexts {
    private final List<String> texts;
    private final BitSet controls;
    private final BitSet plain;
    private final Sorted all;
    private final Sorted notPlain;

    private TokenTexts(List<String> texts, BitSet controls) {
        this.texts = List.copyOf(texts);
        this.controls = controls;
        this.plain = new BitSet(texts.size());
        for (int id = 0; id < texts.size(); id++) {
            plain.set(id, isText(id) && texts.get(id).chars().allMatch(c -> c >= ' ' && c != '"' && c != '\\'));
        }
        this.all = Sorted.of(this.texts, this::isText);
        this.notPlain = Sorted.of(this.texts, id -> isText(id) && !plain.get(id));
    }

    /** The vocabulary of a tokenizer. */
    public static TokenTexts of(Tokenizer tokenizer) {
        List<String> texts = new ArrayList<>(tokenizer.size());
        BitSet controls = new BitSet();
        for (int id = 0; id < tokenizer.size(); id++) {
            boolean control = tokenizer.isControl(id) || tokenizer.isSpecial(id);
            controls.set(id, control);
            texts.add(control ? tokenizer.token(id).orElse("") : tokenizer.decode(new int[] {id}, Specials.WITH));
        }
        return new TokenTexts(texts, controls);
    }

    /** A vocabulary given by its texts; {@code controls} are the ids of control tokens. */
    static TokenTexts of(List<String> texts, BitSet controls) {
        return new TokenTexts(texts, controls);
    }

    /** How many ids there are. */
    int size() {
        return texts.size();
    }

    /** What a token adds to the answer's text; empty if nothing has this id. */
    String text(int id) {
        return id < texts.size() ? texts.get(id) : "";
    }

    boolean isControl(int id) {
        return controls.get(id);
    }

    /** The control token that is spelled so. */
    OptionalInt control(String text) {
        return controls.stream().filter(id -> texts.get(id).equals(text)).findFirst();
    }

    private boolean isText(int id) {
        return !controls.get(id) && !texts.get(id).isEmpty();
    }

    /** The tokens of nothing but characters that JSON strings hold as they are. */
    BitSet plain() {
        return plain;
    }

    /** All tokens with a text. */
    Sorted all() {
        return all;
    }

    /** Those with a character that JSON strings escape, or end at. */
    Sorted notPlain() {
        return notPlain;
    }

    /**
     * Tokens in the order of their texts.
     *
     * @param ids in that order
     * @param shared how many chars each shares with the one before
     */
    record Sorted(int[] ids, int[] shared) {
        static Sorted of(List<String> texts, IntPredicate counts) {
            int[] ids = IntStream.range(0, texts.size())
                    .filter(counts)
                    .boxed()
                    .sorted(Comparator.comparing(texts::get))
                    .mapToInt(Integer::intValue)
                    .toArray();
            int[] shared = new int[ids.length];
            for (int i = 1; i < ids.length; i++) {
                shared[i] = shared(texts.get(ids[i - 1]), texts.get(ids[i]));
            }
            return new Sorted(ids, shared);
        }

        private static int shared(String a, String b) {
            int length = Math.min(a.length(), b.length());
            for (int i = 0; i < length; i++) {
                if (a.charAt(i) != b.charAt(i)) {
                    return i;
                }
            }
            return length;
        }
    }
}
