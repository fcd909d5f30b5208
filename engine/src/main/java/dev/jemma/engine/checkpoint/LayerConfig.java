package dev.jemma.engine.checkpoint;

import java.util.Objects;

/**
 * One decoder layer: what config.json says about it.
 *
 * @param type what it attends to
 * @param window a query at position p of a sliding layer sees positions {@code p - window + 1 .. p}; 0 = all of {@code 0 .. p}
 * @param rope its rotary embedding
 * @param numAttentionHeads query heads
 * @param numKeyValueHeads key and value heads; divides the query heads
 * @param headDim elements a head; even
 * @param intermediateSize width of the MLP
 */
public record LayerConfig(
        Type type,
        int window,
        Rope rope,
        int numAttentionHeads,
        int numKeyValueHeads,
        int headDim,
        int intermediateSize) {

    /** Which positions a layer attends to. */
    public enum Type {
        /** The last {@code window} positions: {@code sliding_attention}. */
        SLIDING,
        /** Every position so far: {@code full_attention}. */
        FULL
    }

    /**
     * A rotary embedding: the inverse frequency of pair i is {@code theta^(-2i / headDim) / factor}.
     *
     * @param theta the base, {@code rope_theta}
     * @param factor linear scaling of the positions; 1 = none
     */
    public record Rope(double theta, double factor) {
        public Rope {
            if (!(theta > 0) || !(factor > 0)) {
                throw new IllegalArgumentException(
                        "rope theta " + theta + ", factor " + factor + ", wanted both above 0");
            }
        }
    }

    public LayerConfig {
        Objects.requireNonNull(rope, "rope");
        if ((type == Type.SLIDING) != (window > 0)) {
            throw new IllegalArgumentException(type + " layer with a window of " + window);
        }
        if (numKeyValueHeads < 1 || numAttentionHeads % numKeyValueHeads != 0 || headDim < 2 || headDim % 2 != 0) {
            throw new IllegalArgumentException(numAttentionHeads + " heads over " + numKeyValueHeads
                    + " key-value heads of " + headDim + " elements");
        }
    }

    /** Width of the queries of all heads, and of attention's output. */
    public int queryDim() {
        return numAttentionHeads * headDim;
    }

    /** Width of the keys (or values) of all heads. */
    public int keyValueDim() {
        return numKeyValueHeads * headDim;
    }
}
