/**
 * The mathematics of Gemma over the seam of {@code kernel}. {@link dev.jemma.engine.gemma.GemmaModel} is the forward
 * and backward through all layers; {@link dev.jemma.engine.gemma.Inference} and {@link dev.jemma.engine.gemma.Training}
 * run it, and differ in memory only. To read it: {@code block.Block}, what a layer computes; GemmaModel;
 * {@code memory.Slot} and {@code memory.Activations}, where results lie; {@code adapter}, what LoRA adds. Packages know
 * one another in that order only: gemma, block, adapter, memory.
 */
@NullMarked
package dev.jemma.engine.gemma;

import org.jspecify.annotations.NullMarked;
