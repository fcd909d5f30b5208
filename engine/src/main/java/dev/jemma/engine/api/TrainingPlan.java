package dev.jemma.engine.api;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a training run would do.
 *
 * @param rows the rows to learn from
 * @param evalRows the rows to evaluate on, if there are some
 * @param config hyperparameters
 * @param adapter what would be trained
 * @param steps optimizer steps
 * @param stepsPerEpoch of which so many are one pass over the rows
 * @param parameters trainable parameters
 * @param maxTokens tokens of the largest micro-batch
 * @param trainingBytes memory for activations, gradients and the optimizer's moments
 * @param warnings what users should know about an adapter to begin with, a line each
 */
public record TrainingPlan(
        RowReport rows,
        Optional<RowReport> evalRows,
        TrainingConfig config,
        LoraConfig adapter,
        long steps,
        long stepsPerEpoch,
        long parameters,
        int maxTokens,
        long trainingBytes,
        List<String> warnings) {
    public TrainingPlan {
        Objects.requireNonNull(rows, "rows");
        Objects.requireNonNull(evalRows, "evalRows");
        Objects.requireNonNull(config, "config");
        Objects.requireNonNull(adapter, "adapter");
        warnings = List.copyOf(warnings);
    }

    /** Steps with a rising learning rate. */
    public long warmupSteps() {
        return config.warmupSteps(steps);
    }
}
