package dev.jemma.engine.chat;

import dev.jemma.engine.tokenizer.GemmaTokens;

/**
 * The tokens that templates know as {@code bos_token} and {@code eos_token}.
 *
 * @param bos begins a text
 * @param eos ends one
 */
public record SpecialTokens(String bos, String eos) {
    /** Gemma's. */
    public static final SpecialTokens GEMMA = new SpecialTokens(GemmaTokens.BOS, GemmaTokens.EOS);
}
