package dev.jemma.engine.checkpoint.config;

import java.util.Objects;

/**
 * One decoder layer: what config.json says about it.
 *
 * @param type what it attends to
 * @param window a query at position p of a sliding layer sees positions {@code p - window + 1 .. p}; 0 = all of
 *     {@code 0 .. p}
 * @param rope its rotary embedding
 * @param numAttentionHeads query heads
 * @param numKeyValueHeads key and value heads; divides the query heads
 * @param headDim elements per head; even
 * @param queryPreAttnScalar attention scores are scaled by its {@code ^-0.5}; Gemma 1 uses the head size
 * @param attnLogitSoftcapping cap of attention scores; 0 = none
 * @param headNorms what is normed head by head before it is rotated
 * @param intermediateSize width of the MLP
 * @param norms where the residual stream is normed
 */
public record LayerConfig(
        Type type,
        int window,
        Rope rope,
        int numAttentionHeads,
        int numKeyValueHeads,
        int headDim,
        double queryPreAttnScalar,
        double attnLogitSoftcapping,
        HeadNorms headNorms,
        int intermediateSize,
        Norms norms) {

    /** Which positions a layer attends to. */
    public enum Type {
        /** The last {@code window} positions: {@code sliding_attention}. */
        SLIDING,
        /** Every position so far: {@code full_attention}. */
        FULL
    }

    /** What is normed head by head before it is rotated. */
    public enum HeadNorms {
        /** Nothing. */
        NONE,
        /** Queries and keys: {@code q_norm}, {@code k_norm}. */
        QUERIES_AND_KEYS
    }

    /** Where the residual stream is normed. */
    public enum Norms {
        /** Before attention and before the MLP. */
        BEFORE,
        /** And after each, before its output joins the residual stream. */
        BEFORE_AND_AFTER
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
        if (!(queryPreAttnScalar > 0) || !(attnLogitSoftcapping >= 0)) {
            throw new IllegalArgumentException("query_pre_attn_scalar " + queryPreAttnScalar
                    + ", attn_logit_softcapping " + attnLogitSoftcapping + ", wanted above 0 and at least 0");
        }
    }

    /** Width of the queries of all heads, and of attention's output. */
    public int queryDim() {
        return numAttentionHeads * headDim;
    }

    /** What attention scores are multiplied by, as f32. */
    public float attentionScale() {
        return (float) Math.pow(queryPreAttnScalar, -0.5);
    }

    /** Width of the keys (or values) of all heads. */
    public int keyValueDim() {
        return numKeyValueHeads * headDim;
    }
}
