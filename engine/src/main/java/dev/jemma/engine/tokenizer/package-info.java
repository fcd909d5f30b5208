/** Gemma's tokenizer.json: byte-fallback BPE, added tokens, streaming detokenizer. */
@NullMarked
package dev.jemma.engine.tokenizer;

import org.jspecify.annotations.NullMarked;
