package dev.jemma.engine.gemma;

import dev.jemma.engine.checkpoint.GemmaConfig;
import dev.jemma.engine.checkpoint.LayerConfig;
import dev.jemma.engine.gemma.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.MemoryPlan.Region;
import dev.jemma.engine.tensor.Tensor;

/**
 * The buffers of a backward. It holds the gradients of one layer at a time, so one set serves all layers; those of the MLP's gate
 * and up projections overwrite the activations they belong to.
 */
final class Gradients {
    /** The gradients that a block's backward goes through. */
    enum Slot {
        /** Of the residual stream [N, C]. */
        STREAM,
        /** Of a post-norm's input [N, C]. */
        NORMED,
        /** Of a normed block input [N, C]. */
        IN,
        /** Of gelu(gate) * up [N, F]. */
        GATED,
        /** Of attention's output [N, Q]. */
        ATTENTION,
        /** Of queries [N, Q]. */
        Q,
        /** Of keys [N, K]. */
        K,
        /** Of values [N, K]. */
        V
    }

    /**
     * Where they will lie.
     *
     * @param config dimensions
     * @param regions a region a slot, by ordinal
     * @param lowest number of the lowest adapted module: nothing below it wants a gradient
     */
    record Layout(GemmaConfig config, Region[] regions, int lowest) {
        static Layout of(MemoryPlan plan, GemmaConfig config, long maxRows, int lowest) {
            Region[] regions = new Region[Slot.values().length];
            for (Slot slot : Slot.values()) {
                long widest = 0;
                for (LayerConfig layer : config.layers()) {
                    widest = Math.max(widest, width(config, layer, slot));
                }
                regions[slot.ordinal()] = plan.floats(Math.multiplyExact(maxRows, widest));
            }
            return new Layout(config, regions, lowest);
        }
    }

    private final Layout layout;
    private final Allocation memory;
    private final Modules modules;
    private final Tensor[][] views;
    private final Tensor[][] heads;
    private int rows = -1;

    Gradients(Layout layout, Modules modules, Allocation memory) {
        this.layout = layout;
        this.modules = modules;
        this.memory = memory;
        int layers = layout.config.layers().size();
        this.views = new Tensor[layers][Slot.values().length];
        this.heads = new Tensor[layers][Slot.values().length];
    }

    private static long width(GemmaConfig config, LayerConfig layer, Slot slot) {
        return switch (slot) {
            case STREAM, NORMED, IN -> config.hiddenSize();
            case GATED -> layer.intermediateSize();
            case ATTENTION, Q -> layer.queryDim();
            case K, V -> layer.keyValueDim();
        };
    }

    /** Prepares for a backward of {@code n} rows. */
    void begin(int n) {
        if (n == rows) {
            return;
        }
        for (int l = 0; l < views.length; l++) {
            LayerConfig layer = layout.config.layers().get(l);
            for (Slot slot : Slot.values()) {
                long width = width(layout.config, layer, slot);
                Region region = layout.regions[slot.ordinal()];
                views[l][slot.ordinal()] = memory.matrix(region, n, width);
                if (slot == Slot.Q || slot == Slot.K) {
                    heads[l][slot.ordinal()] = memory.matrix(region, n * (width / layer.headDim()), layer.headDim());
                }
            }
        }
        rows = n;
    }

    /** The gradient of {@code slot} in layer {@code layer} [N, width]. */
    Tensor of(int layer, Slot slot) {
        return views[layer][slot.ordinal()];
    }

    /** The gradient of queries or keys with a row a head [N * heads, D]. */
    Tensor heads(int layer, Slot slot) {
        return heads[layer][slot.ordinal()];
    }

    /** The gradient of the residual stream [N, C]. */
    Tensor stream() {
        return views[0][Slot.STREAM.ordinal()];
    }

    /** Whether a module below {@code projection} of {@code layer} is adapted, so that the gradient must get through. */
    boolean goesBelow(int layer, Projection projection) {
        return layout.lowest < modules.of(layer, projection);
    }

    /** Whether anything below the head is adapted. */
    boolean goesBelowHead() {
        return layout.lowest < modules.head();
    }

    /** Whether the backward reaches layer {@code layer} at all. */
    boolean reaches(int layer) {
        return layout.lowest <= modules.of(layer, Projection.DOWN_PROJ);
    }
}
