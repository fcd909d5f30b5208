package dev.jemma.engine.train;

import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * torch's AdamW with torch's {@code clip_grad_norm_} before it. Owns the moments; borrows parameters and kernels.
 *
 * <p>Not safe for threads. Closing frees the moments; a second close is harmless.
 */
final class AdamW implements AutoCloseable {
    private final Kernels kernels;
    private final TrainingConfig config;
    private final List<State> states;
    private final Slab slab;

    /** A parameter with its first and second moment, f32 of its shape. */
    record State(Parameter parameter, Tensor first, Tensor second) {}

    AdamW(Kernels kernels, List<Parameter> parameters, TrainingConfig config) {
        this.kernels = kernels;
        this.config = config;
        long bytes = 0;
        for (Parameter parameter : parameters) {
            bytes += 2 * Slab.aligned(DType.F32.bytes(parameter.value().elements()));
        }
        slab = kernels.slab(bytes);
        states = new ArrayList<>(parameters.size());
        for (Parameter parameter : parameters) {
            long[] dims = parameter.value().shape().dims();
            states.add(new State(parameter, slab.allocate(DType.F32, dims), slab.allocate(DType.F32, dims)));
        }
    }

    /** The moments, in the order of the parameters. */
    List<State> states() {
        return states;
    }

    /** Sets every gradient to zero. */
    void zeroGradients() {
        for (State state : states) {
            kernels.zero(state.parameter.gradient());
        }
    }

    /** The L2 norm of all gradients together. */
    double gradNorm() {
        double sum = 0;
        for (State state : states) {
            sum += kernels.sumOfSquares(state.parameter.gradient());
        }
        return Math.sqrt(sum);
    }

    /**
     * Clips and steps.
     *
     * @param step counted from 1
     * @param learningRate of this step
     * @param gradNorm what {@link #gradNorm} gave
     */
    void step(long step, double learningRate, double gradNorm) {
        double scale = config.maxGradNorm() > 0 ? Math.min(1, config.maxGradNorm() / (gradNorm + 1e-6)) : 1;
        AdamWStep adamW = new AdamWStep(
                Math.toIntExact(step),
                learningRate,
                config.adamBeta1(),
                config.adamBeta2(),
                config.adamEpsilon(),
                config.weightDecay(),
                scale);
        for (State state : states) {
            kernels.adamW(state.parameter.value(), state.parameter.gradient(), state.first, state.second, adamW);
        }
    }

    @Override
    public void close() {
        slab.close();
    }
}
