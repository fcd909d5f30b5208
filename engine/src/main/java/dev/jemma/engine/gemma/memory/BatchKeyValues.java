package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.tensor.Tensor;

/** Sequences that stand whole in a batch: attention reads the pass's own keys and values. */
public final class BatchKeyValues implements KeyValues {
    private Span[] spans = {};

    /** The sequences of the next pass. */
    public void begin(Span[] sequences) {
        this.spans = sequences;
    }

    @Override
    public Tensor keys(int layer, Tensor k) {
        return k;
    }

    @Override
    public Tensor values(int layer, Tensor v) {
        return v;
    }

    @Override
    public Span[] spans(int layer) {
        return spans;
    }
}
