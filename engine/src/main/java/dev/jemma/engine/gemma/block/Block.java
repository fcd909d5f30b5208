package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.memory.Gradient;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.Slot;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;
import java.util.Optional;

/**
 * One layer: {@code mid = x + norm(attention(norm(x)))}, {@code out = mid + norm(mlp(norm(mid)))}; Gemma 1 has no norm
 * on the way back to the residual stream. Weights are borrowed.
 *
 * @param layer index of the layer
 * @param inputNorm before attention
 * @param attention attention
 * @param postAttentionNorm after attention; from Gemma 2 on
 * @param preMlpNorm before the MLP
 * @param mlp MLP
 * @param postMlpNorm after the MLP; from Gemma 2 on
 */
public record Block(
        int layer,
        Norm inputNorm,
        Attention attention,
        Optional<Norm> postAttentionNorm,
        Norm preMlpNorm,
        GatedMlp mlp,
        Optional<Norm> postMlpNorm) {

    /** A layer. */
    public static Block of(LayerParts parts) {
        return new Block(
                parts.layer(),
                parts.norm(Place.INPUT_NORM),
                Attention.of(parts),
                parts.normIfAny(Place.POST_ATTENTION_NORM),
                parts.norm(Place.PRE_MLP_NORM),
                GatedMlp.of(parts),
                parts.normIfAny(Place.POST_MLP_NORM));
    }

    /** From the residual stream before this layer to the one after it, both [N, C]. */
    public void forward(Pass p) {
        Kernels kernels = p.kernels();
        Tensor x = p.stream(layer);
        Tensor mid = p.of(layer, Slot.MID);
        inputNorm.forward(p.of(layer, Slot.ATTENTION_IN), x, kernels);
        attention.forward(p);
        kernels.add(mid, x, normed(postAttentionNorm, Slot.O, p));
        preMlpNorm.forward(p.of(layer, Slot.MLP_IN), mid, kernels);
        mlp.forward(p);
        kernels.add(p.stream(layer + 1), mid, normed(postMlpNorm, Slot.DOWN, p));
    }

    private Tensor normed(Optional<Norm> norm, Slot slot, Pass p) {
        Tensor x = p.of(layer, slot);
        if (norm.isEmpty()) {
            return x;
        }
        Tensor out = p.of(layer, Slot.NORMED);
        norm.get().forward(out, x, p.kernels());
        return out;
    }

    /**
     * Turns the gradient of the residual stream after this layer into that of the stream before it, in place, and adds
     * to the gradients of the layer's adapters. Returns early where nothing below wants a gradient.
     */
    public void backward(Pass p, Gradients g) {
        Kernels kernels = p.kernels();
        Tensor x = p.stream(layer);
        Tensor mid = p.of(layer, Slot.MID);
        Tensor dX = g.stream();
        Tensor dIn = g.of(layer, Gradient.IN);

        // d mid = d out + (norm mlp norm)'(mid)
        if (mlp.inputAdapted(p)) {
            preMlpNorm.forward(p.of(layer, Slot.MLP_IN), mid, kernels);
        }
        mlp.backward(normedBackward(postMlpNorm, Slot.DOWN, p, g), p, g);
        if (!g.goesBelow(mlp.gate().module())) {
            return;
        }
        preMlpNorm.backward(dX, dIn, mid, Write.ADD, kernels);

        // d x = d mid + (norm attention norm)'(x)
        if (attention.inputAdapted(p)) {
            inputNorm.forward(p.of(layer, Slot.ATTENTION_IN), x, kernels);
        }
        attention.backward(normedBackward(postAttentionNorm, Slot.O, p, g), p, g);
        if (g.goesBelow(attention.query().module())) {
            inputNorm.backward(dX, dIn, x, Write.ADD, kernels);
        }
    }

    private Tensor normedBackward(Optional<Norm> norm, Slot slot, Pass p, Gradients g) {
        if (norm.isEmpty()) {
            return g.stream();
        }
        Tensor dX = g.of(layer, Gradient.NORMED);
        norm.get().backward(dX, g.stream(), p.of(layer, slot), Write.SET, p.kernels());
        return dX;
    }
}
