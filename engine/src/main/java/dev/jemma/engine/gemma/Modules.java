package dev.jemma.engine.gemma;

import dev.jemma.engine.checkpoint.GemmaConfig;
import dev.jemma.engine.checkpoint.LayerConfig;
import dev.jemma.engine.kernel.LowRank;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The modules of a model that can carry a low-rank adapter, numbered in the order in which a forward meets them: the embedding,
 * every layer's projections, the head.
 */
final class Modules {
    static final String EMBEDDING = "model.embed_tokens";
    static final String HEAD = "lm_head";

    /**
     * One of them.
     *
     * @param index its number
     * @param name canonical name
     * @param inputs columns of A: inputs of the map, or the vocabulary for the embedding
     * @param outputs rows of B
     */
    record Module(int index, String name, long inputs, long outputs) {}

    private final SequencedMap<String, Module> byName = new LinkedHashMap<>();
    private final int layers;

    Modules(GemmaConfig config) {
        this.layers = config.layers().size();
        put(EMBEDDING, config.vocabSize(), config.hiddenSize());
        for (int l = 0; l < layers; l++) {
            LayerConfig layer = config.layers().get(l);
            for (Projection projection : Projection.values()) {
                long inputs = switch (projection) {
                    case Q_PROJ, K_PROJ, V_PROJ, GATE_PROJ, UP_PROJ -> config.hiddenSize();
                    case O_PROJ -> layer.queryDim();
                    case DOWN_PROJ -> layer.intermediateSize();
                };
                long outputs = switch (projection) {
                    case Q_PROJ -> layer.queryDim();
                    case K_PROJ, V_PROJ -> layer.keyValueDim();
                    case GATE_PROJ, UP_PROJ -> layer.intermediateSize();
                    case O_PROJ, DOWN_PROJ -> config.hiddenSize();
                };
                put(GemmaConfig.layer(l) + projection.path(), inputs, outputs);
            }
        }
        put(HEAD, config.hiddenSize(), config.vocabSize());
    }

    private void put(String name, long inputs, long outputs) {
        byName.put(name, new Module(byName.size(), name, inputs, outputs));
    }

    /** Number of modules. */
    int size() {
        return byName.size();
    }

    /** All of them in order. */
    List<Module> all() {
        return List.copyOf(byName.values());
    }

    int embedding() {
        return 0;
    }

    int of(int layer, Projection projection) {
        return 1 + layer * Projection.values().length + projection.ordinal();
    }

    int head() {
        return byName.size() - 1;
    }

    /** The module called {@code name}, if the model has it. */
    Optional<Module> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The layer that module {@code index} belongs to: -1 for the embedding, the number of layers for the head. */
    int layerOf(int index) {
        return index == 0 ? -1 : (index - 1) / Projection.values().length;
    }

    /** The projection that module {@code index}, which is neither embedding nor head, is in its layer. */
    Projection projectionOf(int index) {
        return Projection.values()[(index - 1) % Projection.values().length];
    }

    /**
     * The factors of {@code adapters} by module number, all that belong to one module together.
     *
     * @throws IllegalArgumentException naming every module that this model lacks and every factor of another shape
     */
    List<List<LowRank>> place(List<LowRanks> adapters) {
        List<List<LowRank>> placed = new ArrayList<>();
        for (int i = 0; i < size(); i++) {
            placed.add(new ArrayList<>());
        }
        List<String> problems = new ArrayList<>();
        for (LowRanks adapter : adapters) {
            for (Map.Entry<String, LowRank> entry : adapter.modules().entrySet()) {
                LowRank factors = entry.getValue();
                Module module = byName.get(entry.getKey());
                if (module == null) {
                    problems.add("the model has no module '" + entry.getKey() + "'");
                } else if (factors.a().dim(1) != module.inputs() || factors.b().dim(0) != module.outputs()) {
                    problems.add("module '" + module.name() + "': A is "
                            + factors.a().shape() + " and B "
                            + factors.b().shape() + ", wanted [r, " + module.inputs() + "] and [" + module.outputs()
                            + ", r]");
                } else {
                    placed.get(module.index()).add(factors);
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("the adapter does not fit the model: " + String.join("; ", problems));
        }
        return placed;
    }
}
