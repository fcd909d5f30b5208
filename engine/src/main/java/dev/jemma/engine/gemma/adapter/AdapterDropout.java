package dev.jemma.engine.gemma.adapter;

import dev.jemma.engine.gemma.memory.MemoryPlan.Allocation;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.Tensor;

/**
 * PEFT's {@code lora_dropout}: each module drops elements of its own input on the way into A, and nowhere else. What is
 * dropped depends on the step's seed, the module and the element's place, so that a backward (or a recomputed forward)
 * drops the same.
 */
public final class AdapterDropout {
    private final float p;
    private final Tensor dropped;
    private final Tensor gradient;
    private boolean on;
    private long seed;
    private Tensor droppedView;
    private Tensor gradientView;

    /**
     * Dropout with probability {@code p}.
     *
     * @param dropped flat room for the widest [N, inputs]
     * @param gradient as much again
     */
    public AdapterDropout(float p, Tensor dropped, Tensor gradient) {
        this.p = p;
        this.dropped = dropped;
        this.gradient = gradient;
        this.droppedView = dropped;
        this.gradientView = gradient;
    }

    /** From here on drops by {@code stepSeed}. */
    public void on(long stepSeed) {
        on = true;
        seed = stepSeed;
    }

    /** From here on drops nothing: evaluation. */
    public void off() {
        on = false;
    }

    /** Whether anything is dropped. */
    boolean active() {
        return on && p > 0;
    }

    /** What goes into A for {@code module}: x itself, or x with elements dropped. */
    Tensor forward(Tensor x, int module, Kernels kernels) {
        if (!active()) {
            return x;
        }
        if (!droppedView.shape().equals(x.shape())) {
            droppedView = Allocation.matrix(dropped, x.dim(0), x.dim(1));
        }
        kernels.dropout(droppedView, x, p, seedOf(module));
        return droppedView;
    }

    /** Zeros of the shape of {@code x}, to collect the gradient of {@link #forward}'s result. */
    Tensor gradientLike(Tensor x, Kernels kernels) {
        if (!gradientView.shape().equals(x.shape())) {
            gradientView = Allocation.matrix(gradient, x.dim(0), x.dim(1));
        }
        kernels.zero(gradientView);
        return gradientView;
    }

    /** {@code dX += keep ? dDropped / (1 - p) : 0}. */
    void backward(Tensor dX, Tensor dDropped, int module, Kernels kernels) {
        kernels.dropoutBackward(dX, dDropped, p, seedOf(module));
    }

    /** SplitMix64's finalizer over step and module: neighbouring numbers give unrelated masks. */
    private long seedOf(int module) {
        long z = seed + (module + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
