package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.memory.Gradient;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.Slot;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;

/**
 * The MLP of one layer: {@code y = W_down (gelu(W_gate x) * W_up x)}. Weights are borrowed.
 *
 * @param layer index of the layer
 * @param gate W_gate
 * @param up W_up
 * @param down W_down
 */
record GatedMlp(int layer, Linear gate, Linear up, Linear down) {
    /** The MLP of a layer. */
    static GatedMlp of(LayerParts parts) {
        return new GatedMlp(
                parts.layer(),
                parts.linear(Place.GATE_PROJ),
                parts.linear(Place.UP_PROJ),
                parts.linear(Place.DOWN_PROJ));
    }

    /** From {@link Slot#MLP_IN} [N, C] to {@link Slot#DOWN} [N, C]. */
    void forward(Pass p) {
        Tensor x = p.of(layer, Slot.MLP_IN);
        Tensor gated = p.of(layer, Slot.GATED);
        gate.forward(p.of(layer, Slot.GATE), x, p);
        up.forward(p.of(layer, Slot.UP), x, p);
        p.kernels().geglu(gated, p.of(layer, Slot.GATE), p.of(layer, Slot.UP));
        down.forward(p.of(layer, Slot.DOWN), gated, p);
    }

    /**
     * From the gradient of DOWN to that of MLP_IN ({@link Gradient#IN}). Its input must have been computed again if
     * gate or up is adapted. Overwrites GATE and UP with their gradients.
     */
    void backward(Tensor dDown, Pass p, Gradients g) {
        Kernels kernels = p.kernels();
        Tensor x = p.of(layer, Slot.MLP_IN);
        Tensor gated = p.of(layer, Slot.GATED);
        Tensor dGated = g.of(layer, Gradient.GATED);
        Tensor gateOrGradient = p.of(layer, Slot.GATE);
        Tensor upOrGradient = p.of(layer, Slot.UP);
        Tensor dX = g.of(layer, Gradient.IN);

        if (p.adapted(down.module()).present()) {
            kernels.geglu(gated, gateOrGradient, upOrGradient);
        }
        if (!g.goesBelow(down.module())) {
            down.backwardOfAdapter(dGated, dDown, gated, p);
            return;
        }
        down.backward(dGated, dDown, gated, Write.SET, p);
        kernels.gegluBackward(gateOrGradient, upOrGradient, dGated, gateOrGradient, upOrGradient);
        if (g.goesBelow(gate.module())) {
            gate.backward(dX, gateOrGradient, x, Write.SET, p);
            up.backward(dX, upOrGradient, x, Write.ADD, p);
        } else {
            gate.backwardOfAdapter(dX, gateOrGradient, x, p);
            up.backwardOfAdapter(dX, upOrGradient, x, p);
        }
    }

    /** Whether a projection that reads MLP_IN is adapted. */
    boolean inputAdapted(Pass p) {
        return p.adapted(gate.module()).present() || p.adapted(up.module()).present();
    }
}
