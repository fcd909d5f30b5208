package dev.jemma.engine.tokenizer;

import java.util.Objects;

/**
 * The tokens of a text, and where each begins in it.
 *
 * @param ids token ids
 * @param starts for each id the index in the text (in UTF-16 units) where its characters begin; the bytes of a
 *     character that was spelled in byte tokens all begin where the character does, and tokens that a post-processor
 *     added take no characters
 * @param generated for each id whether any of its characters lies in a generated (supervised) span
 */
public record Encoding(int[] ids, int[] starts, boolean[] generated) {
    public Encoding {
        Objects.requireNonNull(ids, "ids");
        if (starts.length != ids.length || generated.length != ids.length) {
            throw new IllegalArgumentException("ids, starts and generated differ in length: " + ids.length + ", "
                    + starts.length + ", " + generated.length);
        }
    }
}
