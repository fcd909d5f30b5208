package dev.jemma.engine.train;

import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.WeightType;
import dev.jemma.engine.kernel.Arithmetic;

/**
 * What a run computes with, as far as it decides the numbers: recorded in checkpoints, because a resumed run must compute with the same.
 *
 * @param arithmetic how the factors of large products are held
 * @param weights the form of the frozen weights; {@link WeightType#AUTO} where nothing was converted, whatever was asked for
 */
public record Precision(Arithmetic arithmetic, WeightType weights) {
    /** That of a model whose kernels compute in {@code arithmetic} with {@code weights}. */
    public static Precision of(Arithmetic arithmetic, ModelWeights weights) {
        return new Precision(arithmetic, weights.isConverted() ? weights.type() : WeightType.AUTO);
    }
}
