/**
 * What a model is: the values of its config.json ({@link dev.jemma.engine.checkpoint.config.GemmaConfig}, {@link
 * dev.jemma.engine.checkpoint.config.LayerConfig}), and the parameters that follow from them ({@link
 * dev.jemma.engine.checkpoint.config.Place}, {@link dev.jemma.engine.checkpoint.config.Layout}). Reads no weights.
 */
@NullMarked
package dev.jemma.engine.checkpoint.config;

import org.jspecify.annotations.NullMarked;
