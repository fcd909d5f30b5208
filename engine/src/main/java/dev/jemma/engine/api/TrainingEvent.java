package dev.jemma.engine.api;

import java.nio.file.Path;

/** What a training run tells while it runs, in order, on the thread that trains. */
public sealed interface TrainingEvent {
    /** A file of rows was read: those to learn from, or those to evaluate on. */
    record RowsRead(RowReport report) implements TrainingEvent {}

    /** Something to know about the files of the adapter to begin with. */
    record Warned(String message) implements TrainingEvent {}

    /**
     * The run begins or goes on.
     *
     * @param firstStep the step that comes next, 1 for a new run
     * @param totalSteps all steps of the run
     * @param parameters trainable parameters
     */
    record Started(long firstStep, long totalSteps, long parameters) implements TrainingEvent {}

    /**
     * An optimizer step is done.
     *
     * @param step counted from 1
     * @param totalSteps all steps of the run
     * @param loss sum of the cross entropy over the step's supervised tokens, divided by their number
     * @param learningRate the rate applied in this step
     * @param gradNorm L2 norm of the gradient before clipping
     * @param tokens tokens of the step, supervised and not
     * @param tokensPerSecond of this step
     * @param elapsedSeconds since the run began, time before a resume included
     */
    record Stepped(
            long step,
            long totalSteps,
            double loss,
            double learningRate,
            double gradNorm,
            long tokens,
            double tokensPerSecond,
            double elapsedSeconds)
            implements TrainingEvent {}

    /**
     * The evaluation rows were scored.
     *
     * @param step steps done so far
     * @param loss mean over supervised tokens
     * @param tokens supervised tokens
     */
    record Evaluated(long step, double loss, long tokens) implements TrainingEvent {}

    /** A checkpoint was written. */
    record Saved(long step, Path folder) implements TrainingEvent {}

    /**
     * The run has ended.
     *
     * @param step steps done
     * @param outcome why it ended
     */
    record Ended(long step, Outcome outcome) implements TrainingEvent {}

    /** Why a run ended. */
    enum Outcome {
        /** All steps are done and the adapter is written. */
        FINISHED,
        /** It was cancelled; a checkpoint to resume from is written. */
        CANCELLED
    }
}
