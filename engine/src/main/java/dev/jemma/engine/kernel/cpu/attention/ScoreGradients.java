package dev.jemma.engine.kernel.cpu.attention;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.cpu.attention.HeadProduct.Matrix;

/**
 * A block of queries by keys in the backward: what is computed of it, and where probabilities and gradients of scores
 * go.
 *
 * @param shape scale and cap
 * @param scores S before scale and cap, f32
 * @param dProbabilities dP, f32
 * @param probabilities where P goes, in the form of the products' factors; the block's first element
 * @param dScores where dS goes, likewise
 */
record ScoreGradients(
        AttentionShape shape, Matrix scores, Matrix dProbabilities, Matrix probabilities, Matrix dScores) {}
