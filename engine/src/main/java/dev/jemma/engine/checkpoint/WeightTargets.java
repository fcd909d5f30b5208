package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import java.util.List;

/** The type that each weight has under a {@link WeightType}. */
final class WeightTargets {
    private static final List<String> EIGHT_BITS_IN_Q4 =
            List.of(GemmaConfig.EMBEDDING, GemmaConfig.HEAD, ".k_proj.weight", ".v_proj.weight", ".down_proj.weight");

    private WeightTargets() {}

    /** The type that the weight {@code name} (canonical) shall have, rows of whole blocks or not. */
    static DType of(WeightType wanted, String name, Shape shape, DType stored) {
        if (wanted == WeightType.AUTO || shape.rank() != 2) {
            return stored;
        }
        if (wanted == WeightType.BF16) {
            return stored == DType.F16 ? stored : DType.BF16;
        }
        boolean sensitive = EIGHT_BITS_IN_Q4.stream().anyMatch(name::endsWith);
        DType target = wanted == WeightType.Q4 && !sensitive ? DType.Q4_0 : DType.Q8_0;
        return bitsOf(target) < bitsOf(stored) ? target : stored;
    }

    private static double bitsOf(DType dtype) {
        return 8.0 * dtype.blockBytes() / dtype.blockElements();
    }
}
