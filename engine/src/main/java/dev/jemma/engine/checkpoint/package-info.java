/**
 * Where a model comes from: a folder of the hub or a GGUF file, read into one vocabulary: what the model is ({@code
 * config}), how it wants to be sampled, templates, tokenizer, and the weights by Hugging Face's names, in the type that
 * a user asked for. Knows nothing of how a model computes.
 */
@NullMarked
package dev.jemma.engine.checkpoint;

import org.jspecify.annotations.NullMarked;
