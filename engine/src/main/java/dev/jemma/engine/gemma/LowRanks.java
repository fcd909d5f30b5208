package dev.jemma.engine.gemma;

import dev.jemma.engine.kernel.LowRank;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The low-rank factors of one adapter by the module they belong to, in a fixed order. The tensors are borrowed: they live as long
 * as whatever loaded or created the adapter.
 *
 * <p>Modules carry their canonical names, which are the weights' names without {@code .weight}: {@code
 * model.layers.3.self_attn.q_proj}, {@code model.embed_tokens}, {@code lm_head}. For the embedding, A is [r, V] and B is [C, r]; for
 * everything else A is [r, inputs] and B is [outputs, r].
 *
 * @param modules factors by canonical module name, iterated in the order in which they were put
 */
public record LowRanks(Map<String, LowRank> modules) {
    /** No adapter: the base model as it is. */
    public static final LowRanks NONE = new LowRanks(Map.of());

    public LowRanks {
        modules = Collections.unmodifiableMap(new LinkedHashMap<>(modules));
    }

    /** The factors of {@code module}, if it is adapted. */
    public Optional<LowRank> of(String module) {
        return Optional.ofNullable(modules.get(module));
    }

    /** Number of trainable elements in all factors. */
    public long parameters() {
        return modules.values().stream()
                .mapToLong(factors -> factors.a().elements() + factors.b().elements())
                .sum();
    }
}
