package dev.jemma.engine.gemma;

/**
 * The intermediate results of a block, named. {@link Activations} decides where each lies and how long it lives.
 *
 * <p>Widths are elements a row. C hidden size, Q query heads * head size, K key-value heads * head size, F intermediate size.
 */
enum Slot {
    /** The normed block input [N, C]; recomputed in the backward. */
    ATTENTION_IN,
    /** Queries before their norm [N, Q]; the same memory as {@link #Q} in models without one. */
    Q_RAW,
    /** Keys before their norm [N, K]. */
    K_RAW,
    /** Rotated queries [N, Q]. */
    Q,
    /** Rotated keys [N, K]. */
    K,
    /** Values [N, K]. */
    V,
    /** Logarithm of each softmax's denominator [N, heads]. */
    LSE,
    /** What the heads read [N, Q]. */
    ATTENTION,
    /** Output projection [N, C]. */
    O,
    /** The residual stream between attention and MLP [N, C]. */
    MID,
    /** The normed residual stream [N, C]; recomputed in the backward. */
    MLP_IN,
    /** Gate projection [N, F]. */
    GATE,
    /** Up projection [N, F]. */
    UP,
    /** gelu(gate) * up [N, F]; recomputed in the backward. */
    GATED,
    /** Down projection [N, C]. */
    DOWN,
    /** A post-norm's output on its way to the residual stream [N, C]; needed by no backward. */
    NORMED;

    /** What a slot's memory is for, in a layer that keeps its activations for a backward. */
    enum Life {
        /** Read by the layer's backward. */
        KEPT,
        /** Cheaper to compute again than to keep. */
        RECOMPUTED
    }

    Life life() {
        return switch (this) {
            case ATTENTION_IN, MLP_IN, GATED, NORMED -> Life.RECOMPUTED;
            case Q_RAW, K_RAW, Q, K, V, LSE, ATTENTION, O, MID, GATE, UP, DOWN -> Life.KEPT;
        };
    }

    /** The slot whose memory this one may share when no backward follows; itself if none. */
    Slot withoutBackward() {
        return switch (this) {
            case Q -> Q_RAW;
            case K -> K_RAW;
            case MLP_IN -> ATTENTION_IN;
            case GATED -> GATE;
            case NORMED, DOWN -> O;
            case ATTENTION_IN, Q_RAW, K_RAW, V, LSE, ATTENTION, O, MID, GATE, UP -> this;
        };
    }
}
