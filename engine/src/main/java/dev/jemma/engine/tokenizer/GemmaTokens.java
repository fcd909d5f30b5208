package dev.jemma.engine.tokenizer;

/** Control tokens of Gemma's vocabularies, as they are spelled. */
public final class GemmaTokens {
    /** Begins a text. */
    public static final String BOS = "<bos>";

    /** Ends a text. */
    public static final String EOS = "<eos>";

    /** Ends a turn of a conversation, the user's as well as the model's. */
    public static final String END_OF_TURN = "<end_of_turn>";

    private GemmaTokens() {}
}
