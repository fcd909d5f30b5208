package dev.jemma.engine.gemma.memory;

import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.tensor.Tensor;

/** Where a pass finds keys and values: those of its own rows, or those of a cache that it adds its rows to. */
public sealed interface KeyValues permits BatchKeyValues, KvCache {
    /**
     * Takes the pass's rotated keys [N, K] of a layer; answers what attention reads, addressed through {@link #spans}.
     */
    Tensor keys(int layer, Tensor k);

    /** Takes the pass's values [N, K] of a layer; answers what attention reads. */
    Tensor values(int layer, Tensor v);

    /** The pass's sequences as layer {@code layer} sees them. */
    Span[] spans(int layer);
}
