package dev.jemma.engine.tokenizer;

import java.util.List;

/**
 * What a tokenizer.json does to text around its model.
 *
 * @param normalizer steps on the text between added tokens, in order
 * @param splitAfter text after each occurrence of which a new piece begins, empty for none; no merge crosses pieces
 * @param prefix ids put before a text that is encoded with specials
 * @param suffix ids put after it
 * @param decoder replacements in each token's text when decoding, in order
 * @param decodesBytes whether runs of byte tokens are decoded as UTF-8
 * @param strip what decoding takes off the beginning of the whole text
 */
record TextRules(
        List<NormalizerStep> normalizer,
        String splitAfter,
        int[] prefix,
        int[] suffix,
        List<Replacement> decoder,
        boolean decodesBytes,
        Strip strip) {

    /** One step of a normalizer. */
    sealed interface NormalizerStep permits Replacement, Prepend {}

    /** Every {@code pattern} (not empty) becomes {@code content}. */
    record Replacement(String pattern, String content) implements NormalizerStep {}

    /** {@code content} goes before every text that is not empty. */
    record Prepend(String content) implements NormalizerStep {}

    /** At most {@code count} times {@code content} at the beginning. */
    record Strip(char content, int count) {
        static final Strip NONE = new Strip(' ', 0);
    }

    Normalized normalize(char[] text, int from, int to) {
        Normalized result = Normalized.of(text, from, to);
        for (NormalizerStep step : normalizer) {
            result = switch (step) {
                case Replacement(String pattern, String content) ->
                    result.replace(pattern.toCharArray(), content.toCharArray());
                case Prepend(String content) -> result.prepend(content.toCharArray());
            };
        }
        return result;
    }
}
