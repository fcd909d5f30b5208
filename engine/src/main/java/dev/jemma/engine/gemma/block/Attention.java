package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.gemma.memory.Gradient;
import dev.jemma.engine.gemma.memory.Gradients;
import dev.jemma.engine.gemma.memory.Slot;
import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Tensor;
import java.util.Optional;

/**
 * Grouped-query attention of one layer: {@code o = W_o attend(rope(norm(W_q x)), rope(norm(W_k x)), W_v x)}. Weights
 * are borrowed.
 *
 * @param layer index of the layer
 * @param shape heads, scale, softcap, window
 * @param query W_q
 * @param key W_k
 * @param value W_v
 * @param output W_o
 * @param queryNorm over each head's queries; Gemma 3
 * @param keyNorm over each head's keys; Gemma 3
 */
record Attention(
        int layer,
        AttentionShape shape,
        Linear query,
        Linear key,
        Linear value,
        Linear output,
        Optional<Norm> queryNorm,
        Optional<Norm> keyNorm) {

    /** The attention of a layer. */
    static Attention of(LayerParts parts) {
        LayerConfig config = parts.config();
        return new Attention(
                parts.layer(),
                new AttentionShape(
                        config.numAttentionHeads(),
                        config.numKeyValueHeads(),
                        config.headDim(),
                        config.attentionScale(),
                        (float) config.attnLogitSoftcapping(),
                        config.window()),
                parts.linear(Place.Q_PROJ),
                parts.linear(Place.K_PROJ),
                parts.linear(Place.V_PROJ),
                parts.linear(Place.O_PROJ),
                parts.normIfAny(Place.Q_NORM),
                parts.normIfAny(Place.K_NORM));
    }

    /** From {@link Slot#ATTENTION_IN} [N, C] to {@link Slot#O} [N, C]. */
    void forward(Pass p) {
        Kernels kernels = p.kernels();
        Tensor x = p.of(layer, Slot.ATTENTION_IN);
        Tensor q = p.of(layer, Slot.Q);
        Tensor k = p.of(layer, Slot.K);
        Tensor v = p.of(layer, Slot.V);
        Span[] spans = p.keyValues().spans(layer);

        query.forward(p.of(layer, Slot.Q_RAW), x, p);
        key.forward(p.of(layer, Slot.K_RAW), x, p);
        value.forward(v, x, p);
        if (queryNorm.isPresent()) {
            queryNorm.get().forward(p.heads(layer, Slot.Q), p.heads(layer, Slot.Q_RAW), kernels);
        }
        if (keyNorm.isPresent()) {
            keyNorm.get().forward(p.heads(layer, Slot.K), p.heads(layer, Slot.K_RAW), kernels);
        }
        kernels.rope(q, p.rope(layer), shape.headDim(), spans);
        kernels.rope(k, p.rope(layer), shape.headDim(), spans);
        Tensor keys = p.keyValues().keys(layer, k);
        Tensor values = p.keyValues().values(layer, v);
        Tensor attended = p.of(layer, Slot.ATTENTION);
        kernels.attention(attended, p.of(layer, Slot.LSE), q, keys, values, shape, spans);
        output.forward(p.of(layer, Slot.O), attended, p);
    }

    /**
     * From the gradient of O to that of ATTENTION_IN ({@link Gradient#IN}). Its input must have been computed again if
     * one of its projections is adapted.
     */
    void backward(Tensor dO, Pass p, Gradients g) {
        Kernels kernels = p.kernels();
        Tensor x = p.of(layer, Slot.ATTENTION_IN);
        Tensor attended = p.of(layer, Slot.ATTENTION);
        Tensor dAttended = g.of(layer, Gradient.ATTENTION);
        Tensor dQ = g.of(layer, Gradient.Q);
        Tensor dK = g.of(layer, Gradient.K);
        Tensor dV = g.of(layer, Gradient.V);
        Tensor dX = g.of(layer, Gradient.IN);
        Span[] spans = p.keyValues().spans(layer);

        if (!g.goesBelow(output.module())) {
            output.backwardOfAdapter(dAttended, dO, attended, p);
            return;
        }
        output.backward(dAttended, dO, attended, Write.SET, p);
        kernels.attentionBackward(
                dQ,
                dK,
                dV,
                dAttended,
                attended,
                p.of(layer, Slot.LSE),
                p.of(layer, Slot.Q),
                p.of(layer, Slot.K),
                p.of(layer, Slot.V),
                shape,
                spans);
        kernels.ropeBackward(dQ, p.rope(layer), shape.headDim(), spans);
        kernels.ropeBackward(dK, p.rope(layer), shape.headDim(), spans);
        if (queryNorm.isPresent()) {
            Tensor heads = g.heads(layer, Gradient.Q);
            queryNorm.get().backward(heads, heads, p.heads(layer, Slot.Q_RAW), Write.SET, kernels);
        }
        if (keyNorm.isPresent()) {
            Tensor heads = g.heads(layer, Gradient.K);
            keyNorm.get().backward(heads, heads, p.heads(layer, Slot.K_RAW), Write.SET, kernels);
        }
        if (g.goesBelow(query.module())) {
            query.backward(dX, dQ, x, Write.SET, p);
            key.backward(dX, dK, x, Write.ADD, p);
            value.backward(dX, dV, x, Write.ADD, p);
        } else {
            query.backwardOfAdapter(dX, dQ, x, p);
            key.backwardOfAdapter(dX, dK, x, p);
            value.backwardOfAdapter(dX, dV, x, p);
        }
    }

    /** Whether a projection that reads ATTENTION_IN is adapted. */
    boolean inputAdapted(Pass p) {
        return p.adapted(query.module()).present()
                || p.adapted(key.module()).present()
                || p.adapted(value.module()).present();
    }
}
