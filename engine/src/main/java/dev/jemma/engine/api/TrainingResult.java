package dev.jemma.engine.api;

import dev.jemma.engine.api.TrainingEvent.Outcome;
import java.nio.file.Path;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * How a training run ended.
 *
 * @param outcome whether all steps are done
 * @param step steps done, those before a resume included
 * @param totalSteps all steps of the run
 * @param loss of the last step; empty if no step was done this time
 * @param evalLoss of the last evaluation, if there was one
 * @param folder the adapter: the run's folder if it is finished, else the checkpoint that {@code resume} goes on from;
 *     the run's folder without an adapter if it was cancelled before there was anything to save
 */
public record TrainingResult(
        Outcome outcome, long step, long totalSteps, OptionalDouble loss, OptionalDouble evalLoss, Path folder) {
    public TrainingResult {
        Objects.requireNonNull(outcome, "outcome");
        Objects.requireNonNull(loss, "loss");
        Objects.requireNonNull(evalLoss, "evalLoss");
        Objects.requireNonNull(folder, "folder");
    }

    /** Whether all steps are done. */
    public boolean finished() {
        return outcome == Outcome.FINISHED;
    }
}
