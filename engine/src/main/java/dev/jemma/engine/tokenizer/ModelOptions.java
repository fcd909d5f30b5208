package dev.jemma.engine.tokenizer;

/**
 * The scalar settings of a tokenizer.json's model.
 *
 * @param modelSize ids below this may be the model's own; added tokens that the model does not know come after
 * @param unknown the token of characters that cannot be spelled, -1 for none
 * @param fusesUnknown whether a run of such characters is one token
 * @param byteFallback whether characters that are no token are spelled in byte tokens
 */
record ModelOptions(int modelSize, int unknown, boolean fusesUnknown, boolean byteFallback) {}
