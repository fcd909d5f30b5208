package dev.jemma.engine.api;

import java.util.Objects;

/**
 * What a run computes with, as far as it decides the numbers: recorded in checkpoints, because a resumed run must
 * compute with the same.
 *
 * @param arithmetic how the factors of large products are held
 * @param weights the form of the frozen weights; {@link WeightType#AUTO} where nothing was converted, whatever was
 *     asked for
 */
public record Precision(Arithmetic arithmetic, WeightType weights) {
    public Precision {
        Objects.requireNonNull(arithmetic, "arithmetic");
        Objects.requireNonNull(weights, "weights");
    }
}
