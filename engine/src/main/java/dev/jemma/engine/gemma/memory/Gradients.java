package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.tensor.Tensor;

/**
 * The buffers of a backward. It holds the gradients of one layer at a time, so one set serves all layers; those of the
 * MLP's gate and up projections overwrite the activations they belong to.
 */
public final class Gradients {
    /**
     * Where they will lie.
     *
     * @param layout the model's parameters
     * @param regions a region per gradient, by ordinal
     * @param lowest number of the lowest adapted module: nothing below it wants a gradient; the number of modules if
     *     there is none
     */
    public record Regions(Layout layout, Region[] regions, int lowest) {
        /** One set of the widest layer's sizes for all layers. */
        public static Regions of(MemoryPlan plan, Layout layout, long maxRows, int lowest) {
            Region[] regions = new Region[Gradient.values().length];
            int last = layout.config().numHiddenLayers() - 1;
            for (Gradient gradient : Gradient.values()) {
                long widest = gradient.activation().widest(layout, last);
                regions[gradient.ordinal()] = plan.floats(Math.multiplyExact(maxRows, widest));
            }
            return new Regions(layout, regions, lowest);
        }
    }

    private final Regions places;
    private final Allocation memory;
    private final Tensor[][] views;
    private final Tensor[][] heads;
    private int rows = -1;

    /** Gradients in {@code memory}, borrowed, where {@code places} says. */
    public Gradients(Regions places, Allocation memory) {
        this.places = places;
        this.memory = memory;
        int layers = places.layout.config().numHiddenLayers();
        this.views = new Tensor[layers][Gradient.values().length];
        this.heads = new Tensor[layers][Gradient.values().length];
    }

    /** Prepares for a backward of {@code n} rows. */
    public void begin(int n) {
        if (n == rows) {
            return;
        }
        for (int l = 0; l < views.length; l++) {
            int headDim = places.layout.config().layers().get(l).headDim();
            for (Gradient gradient : Gradient.values()) {
                long width = gradient.activation().width(places.layout, l);
                Region region = places.regions[gradient.ordinal()];
                views[l][gradient.ordinal()] = memory.matrix(region, n, width);
                if (gradient.activation().hasHeads()) {
                    heads[l][gradient.ordinal()] = memory.matrix(region, n * (width / headDim), headDim);
                }
            }
        }
        rows = n;
    }

    /** A gradient in layer {@code layer} [N, width]. */
    public Tensor of(int layer, Gradient gradient) {
        return views[layer][gradient.ordinal()];
    }

    /** The gradient of queries or keys with a row per head [N * heads, D]. */
    public Tensor heads(int layer, Gradient gradient) {
        return heads[layer][gradient.ordinal()];
    }

    /** The gradient of the residual stream [N, C]. */
    public Tensor stream() {
        return views[0][Gradient.STREAM.ordinal()];
    }

    /** Whether a module below module {@code number} is adapted, so that the gradient must get through it. */
    public boolean goesBelow(int number) {
        return places.lowest < number;
    }

    /** Whether the backward reaches layer {@code layer} at all. */
    public boolean reaches(int layer) {
        return places.layout.modules().get(places.lowest).layer() <= layer;
    }
}
