package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.gemma.adapter.AdaptedModule;
import dev.jemma.engine.gemma.memory.Activations;
import dev.jemma.engine.gemma.memory.KeyValues;
import dev.jemma.engine.gemma.memory.Slot;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.tensor.Tensor;
import java.util.function.BooleanSupplier;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;

/**
 * What a run through the model works with: kernels, buffers, adapters, where keys and values lie. One per session or
 * training, used again for every run.
 */
public final class Pass {
    private final Kernels kernels;
    private final Activations activations;
    private final AdaptedModule[] adapted;
    private final AdaptedModule[] ofRows;
    private final KeyValues keyValues;
    private final BooleanSupplier cancelled;
    private RopeTable[] ropes = {};
    private ObjIntConsumer<Tensor> observer = (hidden, layer) -> {};

    /**
     * What runs will work with, all of it borrowed.
     *
     * @param layout the model's parameters
     * @param adapted the adapters of each module of {@code layout}, by its number
     * @param cancelled asked between layers
     */
    public Pass(
            Kernels kernels,
            Layout layout,
            Activations activations,
            AdaptedModule[] adapted,
            KeyValues keyValues,
            BooleanSupplier cancelled) {
        this.kernels = kernels;
        this.activations = activations;
        this.adapted = adapted;
        this.ofRows = IntStream.range(0, adapted.length)
                .filter(number -> layout.modules().get(number).kind() == Parameter.Kind.LINEAR)
                .mapToObj(number -> adapted[number])
                .toArray(AdaptedModule[]::new);
        this.keyValues = keyValues;
        this.cancelled = cancelled;
    }

    /**
     * Prepares for a run over {@code rows} rows, rotated by {@code tables}. Adapters of an embedding need no
     * preparation, those of the head are sized by whoever calls it.
     */
    public void begin(int rows, RopeTable[] tables) {
        ropes = tables;
        activations.begin(rows);
        for (AdaptedModule module : ofRows) {
            module.begin(rows);
        }
    }

    /** What computes. */
    public Kernels kernels() {
        return kernels;
    }

    /** The adapters of module {@code index}. */
    public AdaptedModule adapted(int index) {
        return adapted[index];
    }

    KeyValues keyValues() {
        return keyValues;
    }

    RopeTable rope(int layer) {
        return ropes[layer];
    }

    /** Lets {@code watcher} see hidden states with the number of the layer that reads them. */
    public void observe(ObjIntConsumer<Tensor> watcher) {
        observer = watcher;
    }

    /** Who sees hidden states. */
    public ObjIntConsumer<Tensor> observer() {
        return observer;
    }

    /** Whether whoever waits for this run has lost interest; asked between layers. */
    public boolean isCancelled() {
        return cancelled.getAsBoolean();
    }

    /** The residual stream before layer {@code layer}, or after the last one [N, C]. */
    public Tensor stream(int layer) {
        return activations.stream(layer);
    }

    Tensor of(int layer, Slot slot) {
        return activations.of(layer, slot);
    }

    Tensor heads(int layer, Slot slot) {
        return activations.heads(layer, slot);
    }
}
