package dev.jemma.engine.gemma.adapter;

import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * The adapters of one module in one session or training, with the buffers that their products need. Factors and buffers
 * are borrowed.
 */
public final class AdaptedModule {
    /**
     * What a training adds to a module's one adapter.
     *
     * @param gradient dA and dB under the names of A and B; its scale is not read
     * @param scratch room for [N, r]
     */
    record Trained(LowRank gradient, Tensor scratch) {}

    private final LowRank[] adapters;
    private final Tensor[] products;
    private final Tensor[] xa;
    private final Optional<Trained> trained;
    private final AdapterDropout dropout;
    private final int module;
    private Tensor[] scratch = {};
    private int rows = -1;

    /**
     * A module's adapters.
     *
     * @param products for each adapter a flat buffer for {@code x A^T}; a training keeps it until the backward
     */
    AdaptedModule(
            int module,
            List<LowRank> adapters,
            List<Tensor> products,
            Optional<Trained> trained,
            AdapterDropout dropout) {
        this.module = module;
        this.adapters = adapters.toArray(LowRank[]::new);
        this.products = products.toArray(Tensor[]::new);
        this.xa = new Tensor[this.adapters.length];
        this.trained = trained;
        this.dropout = dropout;
    }

    /** Whether there is any. */
    public boolean present() {
        return adapters.length > 0;
    }

    /** dA and dB, in a training of this module's adapter. */
    public LowRank gradient() {
        return trained.orElseThrow().gradient;
    }

    /** Prepares for passes of {@code n} rows. */
    public void begin(int n) {
        if (n == rows || !present()) {
            return;
        }
        for (int i = 0; i < adapters.length; i++) {
            xa[i] = Allocation.matrix(products[i], n, adapters[i].rank());
        }
        trained.ifPresent(t -> scratch = new Tensor[] {Allocation.matrix(t.scratch, n, adapters[0].rank())});
        rows = n;
    }

    /** {@code out += scale * (dropout(x) A^T) B^T} for every adapter. */
    public void forward(Tensor out, Tensor x, Kernels kernels) {
        for (int i = 0; i < adapters.length; i++) {
            kernels.lowRank(out, xa[i], dropout.forward(x, module, kernels), adapters[i]);
        }
    }

    /** Adds to dX and to the gradients of A and B. */
    public void backward(Tensor dX, Tensor dOut, Tensor x, Kernels kernels) {
        if (!present()) {
            return;
        }
        LowRank gradient = trained.orElseThrow().gradient;
        if (dropout.active()) {
            Tensor dropped = dropout.forward(x, module, kernels);
            Tensor dDropped = dropout.gradientLike(x, kernels);
            kernels.lowRankBackward(
                    dDropped, gradient.a(), gradient.b(), dOut, dropped, xa[0], adapters[0], scratch[0]);
            dropout.backward(dX, dDropped, module, kernels);
        } else {
            kernels.lowRankBackward(dX, gradient.a(), gradient.b(), dOut, x, xa[0], adapters[0], scratch[0]);
        }
    }

    /** {@code out += outScale * scale * B A[:, ids]}: PEFT's adapter of an embedding, which has no dropout. */
    public void embed(Tensor out, Tensor ids, float outScale, Kernels kernels) {
        for (LowRank adapter : adapters) {
            kernels.embedLowRank(out, adapter, ids, outScale);
        }
    }

    /** The gradients of {@link #embed}'s factors. */
    public void embedBackward(Tensor dOut, Tensor ids, float outScale, Kernels kernels) {
        if (present()) {
            LowRank gradient = trained.orElseThrow().gradient;
            kernels.embedLowRankBackward(gradient.a(), gradient.b(), dOut, adapters[0], ids, outScale);
        }
    }
}
