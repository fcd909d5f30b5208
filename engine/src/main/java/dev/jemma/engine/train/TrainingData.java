package dev.jemma.engine.train;

import dev.jemma.engine.gemma.Batch;
import java.util.List;

/**
 * The micro-batches of every optimizer step: a function of the step alone, so that a resumed run sees what it would
 * have seen.
 */
public interface TrainingData {
    /** Optimizer steps in one pass over the rows, at least 1. */
    long stepsPerEpoch();

    /**
     * The micro-batches of one optimizer step.
     *
     * @param index the step, counted from 0 over the whole run
     */
    List<Batch> step(long index);

    /** Most tokens in any micro-batch. */
    int maxTokens();

    /** A digest of all rows and of how they are put into batches: equal for equal runs only. */
    String fingerprint();
}
