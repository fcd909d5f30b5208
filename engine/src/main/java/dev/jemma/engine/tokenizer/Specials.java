package dev.jemma.engine.tokenizer;

/**
 * Whether the tokens that a tokenizer adds around a text, such as {@code <bos>}, and special tokens in general, take
 * part.
 */
public enum Specials {
    /** Encoding puts the post-processor's tokens around the text; decoding writes special tokens out. */
    WITH,
    /** Encoding gives the ids of the text alone; decoding leaves special tokens out. */
    WITHOUT
}
