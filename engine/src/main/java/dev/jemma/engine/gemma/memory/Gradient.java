package dev.jemma.engine.gemma.memory;

/** The gradients that a block's backward goes through, each as wide as the activation that it belongs to. */
public enum Gradient {
    /** Of the residual stream [N, C]. */
    STREAM(Slot.MID),
    /** Of a post-norm's input [N, C]. */
    NORMED(Slot.NORMED),
    /** Of a normed block input [N, C]. */
    IN(Slot.ATTENTION_IN),
    /** Of gelu(gate) * up [N, F]. */
    GATED(Slot.GATED),
    /** Of attention's output [N, Q]. */
    ATTENTION(Slot.ATTENTION),
    /** Of queries [N, Q]. */
    Q(Slot.Q),
    /** Of keys [N, K]. */
    K(Slot.K),
    /** Of values [N, K]. */
    V(Slot.V);

    private final Slot activation;

    Gradient(Slot activation) {
        this.activation = activation;
    }

    /** What it is the gradient of. */
    Slot activation() {
        return activation;
    }
}
