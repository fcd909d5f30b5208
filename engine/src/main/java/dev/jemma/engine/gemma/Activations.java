package dev.jemma.engine.gemma;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.GemmaConfig;
import dev.jemma.engine.checkpoint.LayerConfig;
import dev.jemma.engine.gemma.MemoryPlan.Allocation;
import dev.jemma.engine.gemma.MemoryPlan.Region;
import dev.jemma.engine.tensor.Tensor;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * Where the intermediate results of a forward lie, and which of them are still there when the backward comes.
 *
 * <p>This is all that differs between inference and training. Layers below {@code firstKept} have no backward and share one set of
 * buffers; if that is all of them, slots that never live at the same time share memory too, and the residual stream is updated in
 * place. From {@code firstKept} on, either every layer keeps what its backward reads, or ({@link Recompute#BLOCKS}) only its input:
 * its backward runs its forward again into one shared set, with the same bits.
 */
final class Activations {
    /**
     * Where everything will lie.
     *
     * @param config dimensions
     * @param maxRows most rows N of a pass
     * @param firstKept the first layer with a backward; the number of layers if none has one
     * @param stream regions of the residual stream: block inputs 0 .. L-1 and the last block's output
     * @param slots regions by layer and slot
     */
    record Layout(GemmaConfig config, long maxRows, int firstKept, Region[] stream, Region[][] slots) {
        static Layout of(MemoryPlan plan, GemmaConfig config, long maxRows, int firstKept, Recompute recompute) {
            int layers = config.layers().size();
            Region[] stream = new Region[layers + 1];
            for (int l = 0; l <= layers; l++) {
                stream[l] = l == 0 || l > firstKept
                        ? plan.floats(Math.multiplyExact(maxRows, (long) config.hiddenSize()))
                        : stream[0];
            }
            Region[][] slots = new Region[layers][];
            Map<Slot, Region> shared = new EnumMap<>(Slot.class);
            for (int l = layers - 1; l >= 0; l--) {
                slots[l] = l < firstKept && l + 1 < layers ? slots[l + 1] : new Region[Slot.values().length];
                boolean below = l >= firstKept;
                for (Slot slot : Slot.values()) {
                    if (slots[l][slot.ordinal()] != null) {
                        continue;
                    }
                    Slot owner = below ? normless(config, slot) : slot.withoutBackward();
                    Region region;
                    if (owner == Slot.MID && !below) {
                        region = stream[0];
                    } else if (owner != slot) {
                        region = slots[l][owner.ordinal()];
                    } else if (below && slot.life() == Slot.Life.KEPT && recompute == Recompute.NEVER) {
                        region = plan.floats(Math.multiplyExact(maxRows, width(config, l, slot)));
                    } else {
                        region = shared.computeIfAbsent(
                                slot, s -> plan.floats(Math.multiplyExact(maxRows, widest(config, s))));
                    }
                    slots[l][slot.ordinal()] = region;
                }
            }
            return new Layout(config, maxRows, firstKept, stream, slots);
        }

        /** Without a norm over each head, the projections are rotated where they are. */
        private static Slot normless(GemmaConfig config, Slot slot) {
            return switch (slot) {
                case Q, K -> config.family().queryKeyNorms() ? slot : slot.withoutBackward();
                default -> slot;
            };
        }
    }

    private final Layout layout;
    private final Allocation memory;
    private final Tensor[] stream;
    private final Tensor[][] slots;
    private final Tensor[][] heads;
    private int rows = -1;

    Activations(Layout layout, Allocation memory) {
        this.layout = layout;
        this.memory = memory;
        int layers = layout.config.layers().size();
        this.stream = new Tensor[layers + 1];
        this.slots = new Tensor[layers][Slot.values().length];
        this.heads = new Tensor[layers][Slot.values().length];
    }

    /** Elements a row of {@code slot} in layer {@code layer}. */
    static long width(GemmaConfig config, int layer, Slot slot) {
        LayerConfig l = config.layers().get(layer);
        return switch (slot) {
            case ATTENTION_IN, O, MID, MLP_IN, DOWN, NORMED -> config.hiddenSize();
            case Q_RAW, Q, ATTENTION -> l.queryDim();
            case K_RAW, K, V -> l.keyValueDim();
            case LSE -> l.numAttentionHeads();
            case GATE, UP, GATED -> l.intermediateSize();
        };
    }

    /** The widest {@link #width} of any layer. */
    static long widest(GemmaConfig config, Slot slot) {
        long widest = 0;
        for (int l = 0; l < config.layers().size(); l++) {
            widest = Math.max(widest, width(config, l, slot));
        }
        return widest;
    }

    /** Prepares for a pass of {@code n} rows. Allocates on the Java heap only if the number differs from the last pass's. */
    void begin(int n) {
        if (n == rows) {
            return;
        }
        if (n < 1 || n > layout.maxRows) {
            throw new IllegalArgumentException("a pass of " + n + " rows, wanted 1 to " + layout.maxRows);
        }
        GemmaConfig config = layout.config;
        Map<View, Tensor> views = new HashMap<>();
        for (int l = 0; l < stream.length; l++) {
            stream[l] = view(views, layout.stream[l], n, config.hiddenSize());
        }
        for (int l = 0; l < slots.length; l++) {
            int headDim = config.layers().get(l).headDim();
            for (Slot slot : Slot.values()) {
                long width = width(config, l, slot);
                Region region = layout.slots[l][slot.ordinal()];
                slots[l][slot.ordinal()] = view(views, region, n, width);
                switch (slot) {
                    case Q_RAW, K_RAW, Q, K ->
                        heads[l][slot.ordinal()] = view(views, region, n * (width / headDim), headDim);
                    default -> {}
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
    Tensor stream(int layer) {
        return stream[layer];
    }

    /** The buffer of {@code slot} in layer {@code layer} [N, width]. */
    Tensor of(int layer, Slot slot) {
        return slots[layer][slot.ordinal()];
    }

    /** Queries or keys of layer {@code layer} with a row a head [N * heads, D]. */
    Tensor heads(int layer, Slot slot) {
        return heads[layer][slot.ordinal()];
    }
}
