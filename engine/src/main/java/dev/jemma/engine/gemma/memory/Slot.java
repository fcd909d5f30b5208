package dev.jemma.engine.gemma.memory;

import static dev.jemma.engine.gemma.memory.Slot.Life.KEPT;
import static dev.jemma.engine.gemma.memory.Slot.Life.RECOMPUTED;
import static dev.jemma.engine.gemma.memory.Slot.Width.given;
import static dev.jemma.engine.gemma.memory.Slot.Width.read;

import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Place;

/**
 * The intermediate results of a block, named: how wide each is, whether a backward reads it, and whose memory it may
 * take where none follows. {@link Activations} decides by this where each lies and how long it lives.
 *
 * <p>Widths are elements per row. C hidden size, Q query heads * head size, K key-value heads * head size, F
 * intermediate size.
 */
public enum Slot {
    /** The normed block input [N, C]. */
    ATTENTION_IN(read(Place.Q_PROJ), RECOMPUTED),
    /** Queries before their norm [N, Q]. */
    Q_RAW(given(Place.Q_PROJ), KEPT),
    /** Keys before their norm [N, K]. */
    K_RAW(given(Place.K_PROJ), KEPT),
    /** Rotated queries [N, Q]; the same memory as {@link #Q_RAW} in layers without a norm between them. */
    Q(given(Place.Q_PROJ), KEPT, Q_RAW),
    /** Rotated keys [N, K]. */
    K(given(Place.K_PROJ), KEPT, K_RAW),
    /** Values [N, K]. */
    V(given(Place.V_PROJ), KEPT),
    /** Logarithm of each softmax's denominator [N, heads]. */
    LSE((layout, layer) -> layout.config().layers().get(layer).numAttentionHeads(), KEPT),
    /** What the heads read [N, Q]. */
    ATTENTION(read(Place.O_PROJ), KEPT),
    /** Output projection [N, C]. */
    O(given(Place.O_PROJ), KEPT),
    /** The residual stream between attention and MLP [N, C]. */
    MID(given(Place.O_PROJ), KEPT),
    /** The normed residual stream [N, C]. */
    MLP_IN(read(Place.GATE_PROJ), RECOMPUTED, ATTENTION_IN),
    /** Gate projection [N, F]. */
    GATE(given(Place.GATE_PROJ), KEPT),
    /** Up projection [N, F]. */
    UP(given(Place.UP_PROJ), KEPT),
    /** gelu(gate) * up [N, F]. */
    GATED(read(Place.DOWN_PROJ), RECOMPUTED, GATE),
    /** Down projection [N, C]. */
    DOWN(given(Place.DOWN_PROJ), KEPT, O),
    /** A post-norm's output on its way to the residual stream [N, C]; needed by no backward. */
    NORMED(given(Place.O_PROJ), RECOMPUTED, O);

    /** What a slot's memory is for, in a layer that keeps its activations for a backward. */
    enum Life {
        /** Read by the layer's backward. */
        KEPT,
        /** Cheaper to compute again than to keep. */
        RECOMPUTED
    }

    /** Elements per row in a layer. */
    interface Width {
        /** Elements per row in layer {@code layer}. */
        long of(Layout layout, int layer);

        /** What the linear map at {@code place} reads. */
        static Width read(Place place) {
            return (layout, layer) -> layout.of(layer, place).inputs();
        }

        /** What the linear map at {@code place} gives. */
        static Width given(Place place) {
            return (layout, layer) -> layout.of(layer, place).outputs();
        }
    }

    private final Width width;
    private final Life life;
    private final Slot withoutBackward;

    Slot(Width width, Life life) {
        this.width = width;
        this.life = life;
        this.withoutBackward = this;
    }

    Slot(Width width, Life life, Slot withoutBackward) {
        this.width = width;
        this.life = life;
        this.withoutBackward = withoutBackward;
    }

    /** Elements per row in layer {@code layer}. */
    long width(Layout layout, int layer) {
        return width.of(layout, layer);
    }

    /** The widest {@link #width} of layers 0 .. {@code last}. */
    long widest(Layout layout, int last) {
        long widest = 0;
        for (int l = 0; l <= last; l++) {
            widest = Math.max(widest, width(layout, l));
        }
        return widest;
    }

    /** Whether a backward reads it. */
    Life life() {
        return life;
    }

    /** The slot whose memory this one may share when no backward follows; itself if none. */
    Slot withoutBackward() {
        return withoutBackward;
    }

    /** Whether it is also seen with a row per head, as norms over heads see it. */
    boolean hasHeads() {
        return switch (this) {
            case Q_RAW, K_RAW, Q, K -> true;
            default -> false;
        };
    }
}
