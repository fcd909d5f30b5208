package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Parameter.Smallest;
import dev.jemma.engine.tensor.DType;

/** The type that each weight has under a {@link WeightType}. */
final class WeightTargets {
    private WeightTargets() {}

    /** The type that the weight of {@code parameter} shall have, rows of whole blocks or not. */
    static DType of(WeightType wanted, Parameter parameter, DType stored) {
        Smallest smallest = parameter.smallest();
        if (smallest == Smallest.AS_STORED) {
            return stored;
        }
        return switch (wanted) {
            case AUTO -> stored;
            case BF16 -> stored == DType.F16 ? stored : DType.BF16;
            case Q8 -> smaller(DType.Q8_0, stored);
            case Q4 -> smaller(smallest == Smallest.FOUR_BITS ? DType.Q4_0 : DType.Q8_0, stored);
        };
    }

    private static DType smaller(DType target, DType stored) {
        return bitsOf(target) < bitsOf(stored) ? target : stored;
    }

    private static double bitsOf(DType dtype) {
        return 8.0 * dtype.blockBytes() / dtype.blockElements();
    }
}
