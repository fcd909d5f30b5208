package dev.jemma.engine.kernel;

/**
 * One step of torch's AdamW: {@code p *= 1 - lr * wd}, then {@code p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 -
 * beta2^t) + eps)}.
 *
 * @param step t, counted from 1
 * @param learningRate lr of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the second moment
 * @param weightDecay wd
 * @param gradientScale factor applied to the gradient first: the clipping coefficient
 */
public record AdamWStep(
        int step,
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double gradientScale) {
    public AdamWStep {
        if (step < 1) {
            throw new IllegalArgumentException("step " + step + ", wanted 1 or more");
        }
    }
}
