package dev.jemma.engine.gemma;

import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.kernel.LowRank;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The low-rank factors of one adapter by the module they belong to, in a fixed order. The tensors are borrowed: they
 * live as long as whatever loaded or created the adapter.
 *
 * <p>Modules carry their canonical names, which are the weights' names without {@code .weight}: {@code
 * model.layers.3.self_attn.q_proj}, {@code model.embed_tokens}, {@code lm_head}. For the embedding, A is [r, V] and B
 * is [C, r]; for everything else A is [r, inputs] and B is [outputs, r].
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

    /**
     * The factors of {@code adapters} by number of module ({@link Layout#modules}), all that belong to one module
     * together.
     *
     * @throws IllegalArgumentException naming every module that the model lacks and every factor of another shape
     */
    static List<List<LowRank>> byModule(Layout layout, List<LowRanks> adapters) {
        List<List<LowRank>> placed = new ArrayList<>();
        layout.modules().forEach(module -> placed.add(new ArrayList<>()));
        List<String> problems = new ArrayList<>();
        for (LowRanks adapter : adapters) {
            adapter.modules.forEach((name, factors) -> {
                Optional<Parameter> module = layout.module(name);
                if (module.isEmpty()) {
                    problems.add("the model has no module '" + name + "'");
                } else if (factors.a().dim(1) != module.get().inputs()
                        || factors.b().dim(0) != module.get().outputs()) {
                    problems.add("module '" + name + "': A is " + factors.a().shape() + " and B "
                            + factors.b().shape() + ", wanted [r, "
                            + module.get().inputs() + "] and ["
                            + module.get().outputs() + ", r]");
                } else {
                    placed.get(layout.number(module.get())).add(factors);
                }
            });
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("the adapter does not fit the model: " + String.join("; ", problems));
        }
        return placed;
    }

    /** Number of trainable elements in all factors. */
    public long parameters() {
        return modules.values().stream()
                .mapToLong(factors -> factors.a().elements() + factors.b().elements())
                .sum();
    }
}
