package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.memory.MemoryPlan.Region;
import dev.jemma.engine.tensor.Tensor;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * Where the intermediate results of a forward lie, and which of them are still there when the backward comes.
 *
 * <p>This is all that differs between inference and training. Layers below {@code firstKept} have no backward and share
 * one set of buffers; if that is all of them, slots that never live at the same time share memory too, and the residual
 * stream is updated in place. From {@code firstKept} on, either every layer keeps what its backward reads, or
 * ({@link Recompute#BLOCKS}) only its input: its backward runs its forward again into one shared set, with the same
 * bits.
 */
public final class Activations {
    /**
     * Where everything will lie.
     *
     * @param layout the model's parameters
     * @param maxRows most rows N of a pass
     * @param firstKept the first layer with a backward; the number of layers if none has one
     * @param stream regions of the residual stream: block inputs 0 .. L-1 and the last block's output
     * @param slots regions by layer and slot
     */
    public record Regions(Layout layout, long maxRows, int firstKept, Region[] stream, Region[][] slots) {
        /**
         * Decides who shares whose memory. A layer is trained if it is {@code firstKept} or above.
         * <pre>
         * layer                     what                   memory
         * trained                   its input              its own, but layer firstKept's, which all layers below share
         *                           KEPT, NEVER            its own
         *                           KEPT, BLOCKS           one for all trained layers
         *                           RECOMPUTED             one for all trained layers
         *                           Q, K without a norm    that of the layer's Q_RAW, K_RAW
         * below a trained one       every slot             those of layer firstKept, which computes when they are done
         * no layer is trained       its input              one for all layers
         *                           MID                    the input's: the stream is updated in place
         *                           Slot.withoutBackward   that slot's
         *                           every other slot       one for all layers
         * </pre>
         */
        public static Regions of(MemoryPlan plan, Layout layout, long maxRows, int firstKept, Recompute recompute) {
            int layers = layout.config().numHiddenLayers();
            Region[] stream = new Region[layers + 1];
            for (int l = 0; l <= layers; l++) {
                stream[l] = l == 0 || l > firstKept
                        ? plan.floats(Math.multiplyExact(
                                maxRows, (long) layout.config().hiddenSize()))
                        : stream[0];
            }
            Region[][] slots = new Region[layers][];
            Map<Slot, Region> shared = new EnumMap<>(Slot.class);
            for (int l = layers - 1; l >= 0; l--) {
                boolean trained = l >= firstKept;
                if (!trained && l + 1 < layers) {
                    slots[l] = slots[l + 1];
                    continue;
                }
                slots[l] = new Region[Slot.values().length];
                for (Slot slot : Slot.values()) {
                    Slot owner = trained ? normless(layout, l, slot) : slot.withoutBackward();
                    Region region;
                    if (owner == Slot.MID && !trained) {
                        region = stream[0];
                    } else if (owner != slot) {
                        region = slots[l][owner.ordinal()];
                    } else if (trained && slot.life() == Slot.Life.KEPT && recompute == Recompute.NEVER) {
                        long width = l == firstKept ? slot.widest(layout, l) : slot.width(layout, l);
                        region = plan.floats(Math.multiplyExact(maxRows, width));
                    } else {
                        region = shared.computeIfAbsent(
                                slot, s -> plan.floats(Math.multiplyExact(maxRows, s.widest(layout, layers - 1))));
                    }
                    slots[l][slot.ordinal()] = region;
                }
            }
            return new Regions(layout, maxRows, firstKept, stream, slots);
        }

        /** Without a norm over each head, the projections are rotated where they are. */
        private static Slot normless(Layout layout, int layer, Slot slot) {
            boolean inPlace = slot == Slot.Q && layout.find(layer, Place.Q_NORM).isEmpty()
                    || slot == Slot.K && layout.find(layer, Place.K_NORM).isEmpty();
            return inPlace ? slot.withoutBackward() : slot;
        }
    }

    private final Regions regions;
    private final Allocation memory;
    private final Tensor[] stream;
    private final Tensor[][] slots;
    private final Tensor[][] heads;
    private int rows = -1;

    /** Activations in {@code memory}, borrowed, where {@code regions} says. */
    public Activations(Regions regions, Allocation memory) {
        this.regions = regions;
        this.memory = memory;
        int layers = regions.layout.config().numHiddenLayers();
        this.stream = new Tensor[layers + 1];
        this.slots = new Tensor[layers][Slot.values().length];
        this.heads = new Tensor[layers][Slot.values().length];
    }

    /**
     * Prepares for a pass of {@code n} rows. Allocates on the Java heap only if the number differs from the last
     * pass's.
     */
    public void begin(int n) {
        if (n == rows) {
            return;
        }
        if (n < 1 || n > regions.maxRows) {
            throw new IllegalArgumentException("a pass of " + n + " rows, wanted 1 to " + regions.maxRows);
        }
        GemmaConfig config = regions.layout.config();
        Map<View, Tensor> views = new HashMap<>();
        for (int l = 0; l < stream.length; l++) {
            stream[l] = view(views, regions.stream[l], n, config.hiddenSize());
        }
        for (int l = 0; l < slots.length; l++) {
            int headDim = config.layers().get(l).headDim();
            for (Slot slot : Slot.values()) {
                long width = slot.width(regions.layout, l);
                Region region = regions.slots[l][slot.ordinal()];
                slots[l][slot.ordinal()] = view(views, region, n, width);
                if (slot.hasHeads()) {
                    heads[l][slot.ordinal()] = view(views, region, n * (width / headDim), headDim);
                }
            }
        }
        rows = n;
    }

    private record View(Region region, long rows, long width) {}

    /** Layers that share a buffer share its view. */
    private Tensor view(Map<View, Tensor> views, Region region, long n, long width) {
        return views.computeIfAbsent(new View(region, n, width), v -> memory.matrix(v.region(), v.rows(), v.width()));
    }

    /** Rows of the pass. */
    int rows() {
        return rows;
    }

    /** The residual stream before layer {@code layer}, or after the last one [N, C]. */
    public Tensor stream(int layer) {
        return stream[layer];
    }

    /** The buffer of {@code slot} in layer {@code layer} [N, width]. */
    public Tensor of(int layer, Slot slot) {
        return slots[layer][slot.ordinal()];
    }

    /** Queries or keys of layer {@code layer} with a row per head [N * heads, D]. */
    public Tensor heads(int layer, Slot slot) {
        return heads[layer][slot.ordinal()];
    }
}
