package dev.jemma.engine.gemma.adapter;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.memory.MemoryPlan;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The memory that adapters need in one session or training: their inner products {@code x A^T}, and in a training
 * gradients, room for the backward and for dropout.
 */
public final class AdapterBuffers {
    private final Layout layout;
    private final Map<Parameter, Region> products;
    private final Optional<ForTraining> training;

    /** Room for an A and a B. */
    private record Factors(Region a, Region b) {}

    /**
     * What a training needs beyond the products.
     *
     * @param gradients dA and dB by module
     * @param scratch room for a backward's [N, r]
     * @param dropped room for the widest module's input, if dropout is on
     * @param droppedGradient as much again
     * @param dropout probability
     */
    private record ForTraining(
            Map<Parameter, Factors> gradients, Region scratch, Region dropped, Region droppedGradient, float dropout) {}

    private AdapterBuffers(Layout layout, Map<Parameter, Region> products, Optional<ForTraining> training) {
        this.layout = layout;
        this.products = products;
        this.training = training;
    }

    /** One product at a time: no backward follows. */
    public static AdapterBuffers forInference(MemoryPlan plan, Layout layout, int widestRank, long maxRows) {
        Region shared = plan.floats(maxRows * widestRank);
        Map<Parameter, Region> products = new HashMap<>();
        layout.modules().forEach(module -> products.put(module, shared));
        return new AdapterBuffers(layout, products, Optional.empty());
    }

    /**
     * Every product until the backward; with {@link Recompute#BLOCKS}, those of one layer.
     *
     * @param ranks rank by module; modules without an adapter are absent
     * @param headRows most rows the head sees at once
     */
    public static AdapterBuffers forTraining(
            MemoryPlan plan,
            Layout layout,
            Map<Parameter, Integer> ranks,
            long maxRows,
            long headRows,
            Recompute recompute,
            float dropout) {
        Map<Parameter, Region> products = new HashMap<>();
        Map<Parameter, Factors> gradients = new HashMap<>();
        Map<Place, Region> shared = new EnumMap<>(Place.class);
        long widestRank = ranks.values().stream().mapToInt(r -> r).max().orElse(0);
        long widestInput = 0;
        for (Map.Entry<Parameter, Integer> entry : ranks.entrySet()) {
            Parameter module = entry.getKey();
            int rank = entry.getValue();
            gradients.put(
                    module, new Factors(plan.floats(module.inputs() * rank), plan.floats(module.outputs() * rank)));
            switch (module.kind()) {
                case LINEAR ->
                    products.put(
                            module,
                            switch (recompute) {
                                case NEVER -> plan.floats(maxRows * rank);
                                case BLOCKS ->
                                    shared.computeIfAbsent(module.place(), place -> plan.floats(maxRows * widestRank));
                            });
                case HEAD -> products.put(module, plan.floats(headRows * rank));
                case EMBEDDING -> {} // looks its product up
                case NORM -> throw new IllegalArgumentException(module.name() + " is a norm, which has no adapter");
            }
            if (module.kind() != Parameter.Kind.EMBEDDING) {
                widestInput = Math.max(widestInput, module.inputs());
            }
        }
        long dropped = dropout > 0 ? maxRows * widestInput : 0;
        ForTraining training = new ForTraining(
                gradients,
                plan.floats(Math.max(maxRows, headRows) * widestRank),
                plan.floats(dropped),
                plan.floats(dropped),
                dropout);
        return new AdapterBuffers(layout, products, Optional.of(training));
    }

    /** The modules' adapters over allocated memory. */
    public AdaptedModule[] place(List<List<LowRank>> adapters, Allocation memory, AdapterDropout dropout) {
        List<Parameter> modules = layout.modules();
        AdaptedModule[] adapted = new AdaptedModule[modules.size()];
        for (int number = 0; number < adapted.length; number++) {
            Parameter module = modules.get(number);
            List<LowRank> factors = adapters.get(number);
            List<Tensor> own = new ArrayList<>();
            Region product = products.get(module);
            if (product != null) {
                factors.forEach(factor -> own.add(memory.of(product)));
            }
            Optional<AdaptedModule.Trained> trained = training.flatMap(t -> Optional.ofNullable(t.gradients.get(module))
                    .map(regions -> new AdaptedModule.Trained(
                            gradient(regions, module, factors.getFirst().rank(), memory), memory.of(t.scratch))));
            adapted[number] = new AdaptedModule(number, factors, own, trained, dropout);
        }
        return adapted;
    }

    private static LowRank gradient(Factors regions, Parameter module, int rank, Allocation memory) {
        return new LowRank(
                memory.matrix(regions.a, rank, module.inputs()), memory.matrix(regions.b, module.outputs(), rank), 1);
    }

    /** A training's dropout. */
    public AdapterDropout dropout(Allocation memory) {
        return training.map(t -> new AdapterDropout(t.dropout, memory.of(t.dropped), memory.of(t.droppedGradient)))
                .orElseThrow();
    }
}
