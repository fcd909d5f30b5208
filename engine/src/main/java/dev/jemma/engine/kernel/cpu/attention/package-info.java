/**
 * Attention: {@code Attention} and {@code AttentionBackward} for blocks of queries, whose products are a
 * {@code HeadProduct}'s, and {@code DecodeAttention} for the few rows of a decoded token.
 */
@NullMarked
package dev.jemma.engine.kernel.cpu.attention;

import org.jspecify.annotations.NullMarked;
