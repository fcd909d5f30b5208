package dev.jemma.cli;

import dev.jemma.engine.api.TrainingConfig;

/**
 * How much the demo does.
 *
 * @param trainingRows rows to learn from, six methods in turn
 * @param testRows rows to be judged by, before and after
 * @param epochs passes over the training rows
 * @param batchSize rows an optimizer step
 * @param learningRate its peak; linear to 0
 * @param maxNewTokens most tokens of an answer
 */
record DemoPlan(int trainingRows, int testRows, int epochs, int batchSize, double learningRate, int maxNewTokens) {
    /** For the bundled model: it has a million parameters, and wants a high rate. */
    static final DemoPlan BUNDLED = new DemoPlan(600, 120, 4, 4, 4e-3, 80);

    /** For a real Gemma, whose prompts declare the methods at length: as many rows as minutes allow. */
    static final DemoPlan REAL = new DemoPlan(96, 24, 1, 4, 1e-3, 160);

    TrainingConfig config() {
        return TrainingConfig.defaults()
                .withLearningRate(learningRate)
                .withPerDeviceTrainBatchSize(batchSize)
                .withNumTrainEpochs(epochs);
    }
}
