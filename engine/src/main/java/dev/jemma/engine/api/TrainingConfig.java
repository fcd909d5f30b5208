package dev.jemma.engine.api;

import java.util.Objects;
import java.util.function.Consumer;

/**
 * Hyperparameters of a fine-tuning run; names and meanings are Hugging Face's (transformers' TrainingArguments, TRL's
 * SFTConfig).
 *
 * @param learningRate peak learning rate
 * @param lrSchedulerType its course
 * @param warmupSteps steps of warmup; a value below 1 is a share of all steps, rounded up
 * @param weightDecay AdamW's decoupled weight decay
 * @param adamBeta1 AdamW's beta1
 * @param adamBeta2 AdamW's beta2
 * @param adamEpsilon AdamW's epsilon
 * @param maxGradNorm gradients of a larger L2 norm are scaled down to it; 0 = never
 * @param perDeviceTrainBatchSize rows a micro-batch
 * @param gradientAccumulationSteps micro-batches an optimizer step; its loss is the mean over their supervised tokens
 *     together
 * @param numTrainEpochs passes over the rows; may be a fraction
 * @param maxSteps optimizer steps; if positive, instead of {@code numTrainEpochs}
 * @param seed seeds the row order, the adapter's initial values and dropout
 * @param shuffle whether each epoch has an order of its own, or the file's
 * @param recompute what is computed again in the backward instead of being kept
 * @param saveSteps a checkpoint every so many steps; 0 = only at the end of an interrupted run
 * @param saveTotalLimit checkpoints kept, the newest; 0 = all
 * @param evalSteps evaluation every so many steps; 0 = once at the end
 */
public record TrainingConfig(
        double learningRate,
        SchedulerType lrSchedulerType,
        double warmupSteps,
        double weightDecay,
        double adamBeta1,
        double adamBeta2,
        double adamEpsilon,
        double maxGradNorm,
        int perDeviceTrainBatchSize,
        int gradientAccumulationSteps,
        double numTrainEpochs,
        long maxSteps,
        long seed,
        RowOrder shuffle,
        Recompute recompute,
        int saveSteps,
        int saveTotalLimit,
        int evalSteps) {
    /** The order of rows in an epoch. */
    public enum RowOrder {
        /** A seeded permutation, another one each epoch. */
        SHUFFLED,
        /** The order of the file. */
        AS_GIVEN
    }

    public TrainingConfig {
        Objects.requireNonNull(lrSchedulerType, "lrSchedulerType");
        Objects.requireNonNull(shuffle, "shuffle");
        Objects.requireNonNull(recompute, "recompute");
        require(learningRate >= 0 && Double.isFinite(learningRate), "learning_rate", learningRate, "0 or more");
        require(warmupSteps >= 0 && Double.isFinite(warmupSteps), "warmup_steps", warmupSteps, "0 or more");
        require(weightDecay >= 0 && Double.isFinite(weightDecay), "weight_decay", weightDecay, "0 or more");
        require(adamBeta1 >= 0 && adamBeta1 < 1, "adam_beta1", adamBeta1, "0 or more and below 1");
        require(adamBeta2 >= 0 && adamBeta2 < 1, "adam_beta2", adamBeta2, "0 or more and below 1");
        require(adamEpsilon > 0, "adam_epsilon", adamEpsilon, "above 0");
        require(maxGradNorm >= 0, "max_grad_norm", maxGradNorm, "0 or more");
        require(perDeviceTrainBatchSize >= 1, "per_device_train_batch_size", perDeviceTrainBatchSize, "1 or more");
        require(gradientAccumulationSteps >= 1, "gradient_accumulation_steps", gradientAccumulationSteps, "1 or more");
        require(
                maxSteps > 0 || (numTrainEpochs > 0 && Double.isFinite(numTrainEpochs)),
                "num_train_epochs",
                numTrainEpochs,
                "above 0");
        require(saveSteps >= 0, "save_steps", saveSteps, "0 or more");
        require(saveTotalLimit >= 0, "save_total_limit", saveTotalLimit, "0 or more");
        require(evalSteps >= 0, "eval_steps", evalSteps, "0 or more");
    }

    private static void require(boolean holds, String key, Object value, String wanted) {
        if (!holds) {
            throw new IllegalArgumentException(key + " is " + value + ", wanted " + wanted);
        }
    }

    /** The defaults of {@code jemma train}. */
    public static TrainingConfig defaults() {
        return new TrainingConfig(
                2e-4,
                SchedulerType.LINEAR,
                0,
                0,
                0.9,
                0.999,
                1e-8,
                1,
                8,
                1,
                3,
                -1,
                42,
                RowOrder.SHUFFLED,
                Recompute.NEVER,
                0,
                0,
                0);
    }

    /** All optimizer steps of a run whose epochs have {@code stepsPerEpoch} steps. */
    public long totalSteps(long stepsPerEpoch) {
        return maxSteps > 0 ? maxSteps : Math.max(1, (long) Math.ceil(numTrainEpochs * stepsPerEpoch));
    }

    /** Warmup steps of a run of {@code total} steps. */
    public long warmupSteps(long total) {
        return warmupSteps < 1 ? (long) Math.ceil(warmupSteps * total) : (long) warmupSteps;
    }

    /** The learning rate of a step. {@code step} counts from 1. */
    public double learningRate(long step, long total) {
        return learningRate * lrSchedulerType.factor(step - 1, warmupSteps(total), total);
    }

    private TrainingConfig with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.done();
    }

    /** The same with another {@code learning_rate}. */
    public TrainingConfig withLearningRate(double value) {
        return with(draft -> draft.learningRate = value);
    }

    /** The same with another {@code lr_scheduler_type}. */
    public TrainingConfig withLrSchedulerType(SchedulerType value) {
        return with(draft -> draft.lrSchedulerType = value);
    }

    /** The same with another {@code warmup_steps}. */
    public TrainingConfig withWarmupSteps(double value) {
        return with(draft -> draft.warmupSteps = value);
    }

    /** The same with another {@code weight_decay}. */
    public TrainingConfig withWeightDecay(double value) {
        return with(draft -> draft.weightDecay = value);
    }

    /** The same with another {@code adam_beta1}. */
    public TrainingConfig withAdamBeta1(double value) {
        return with(draft -> draft.adamBeta1 = value);
    }

    /** The same with another {@code adam_beta2}. */
    public TrainingConfig withAdamBeta2(double value) {
        return with(draft -> draft.adamBeta2 = value);
    }

    /** The same with another {@code adam_epsilon}. */
    public TrainingConfig withAdamEpsilon(double value) {
        return with(draft -> draft.adamEpsilon = value);
    }

    /** The same with another {@code max_grad_norm}. */
    public TrainingConfig withMaxGradNorm(double value) {
        return with(draft -> draft.maxGradNorm = value);
    }

    /** The same with another {@code per_device_train_batch_size}. */
    public TrainingConfig withPerDeviceTrainBatchSize(int value) {
        return with(draft -> draft.perDeviceTrainBatchSize = value);
    }

    /** The same with another {@code gradient_accumulation_steps}. */
    public TrainingConfig withGradientAccumulationSteps(int value) {
        return with(draft -> draft.gradientAccumulationSteps = value);
    }

    /** The same with another {@code num_train_epochs}. */
    public TrainingConfig withNumTrainEpochs(double value) {
        return with(draft -> draft.numTrainEpochs = value);
    }

    /** The same with another {@code max_steps}. */
    public TrainingConfig withMaxSteps(long value) {
        return with(draft -> draft.maxSteps = value);
    }

    /** The same with another {@code seed}. */
    public TrainingConfig withSeed(long value) {
        return with(draft -> draft.seed = value);
    }

    /** The same with another {@code shuffle}. */
    public TrainingConfig withShuffle(RowOrder value) {
        return with(draft -> draft.shuffle = value);
    }

    /** The same with another {@code recompute}. */
    public TrainingConfig withRecompute(Recompute value) {
        return with(draft -> draft.recompute = value);
    }

    /** The same with another {@code save_steps}. */
    public TrainingConfig withSaveSteps(int value) {
        return with(draft -> draft.saveSteps = value);
    }

    /** The same with another {@code save_total_limit}. */
    public TrainingConfig withSaveTotalLimit(int value) {
        return with(draft -> draft.saveTotalLimit = value);
    }

    /** The same with another {@code eval_steps}. */
    public TrainingConfig withEvalSteps(int value) {
        return with(draft -> draft.evalSteps = value);
    }

    /** The components, to be changed one by one. */
    private static final class Draft {
        private double learningRate;
        private SchedulerType lrSchedulerType;
        private double warmupSteps;
        private double weightDecay;
        private double adamBeta1;
        private double adamBeta2;
        private double adamEpsilon;
        private double maxGradNorm;
        private int perDeviceTrainBatchSize;
        private int gradientAccumulationSteps;
        private double numTrainEpochs;
        private long maxSteps;
        private long seed;
        private RowOrder shuffle;
        private Recompute recompute;
        private int saveSteps;
        private int saveTotalLimit;
        private int evalSteps;

        Draft(TrainingConfig from) {
            learningRate = from.learningRate;
            lrSchedulerType = from.lrSchedulerType;
            warmupSteps = from.warmupSteps;
            weightDecay = from.weightDecay;
            adamBeta1 = from.adamBeta1;
            adamBeta2 = from.adamBeta2;
            adamEpsilon = from.adamEpsilon;
            maxGradNorm = from.maxGradNorm;
            perDeviceTrainBatchSize = from.perDeviceTrainBatchSize;
            gradientAccumulationSteps = from.gradientAccumulationSteps;
            numTrainEpochs = from.numTrainEpochs;
            maxSteps = from.maxSteps;
            seed = from.seed;
            shuffle = from.shuffle;
            recompute = from.recompute;
            saveSteps = from.saveSteps;
            saveTotalLimit = from.saveTotalLimit;
            evalSteps = from.evalSteps;
        }

        TrainingConfig done() {
            return new TrainingConfig(
                    learningRate,
                    lrSchedulerType,
                    warmupSteps,
                    weightDecay,
                    adamBeta1,
                    adamBeta2,
                    adamEpsilon,
                    maxGradNorm,
                    perDeviceTrainBatchSize,
                    gradientAccumulationSteps,
                    numTrainEpochs,
                    maxSteps,
                    seed,
                    shuffle,
                    recompute,
                    saveSteps,
                    saveTotalLimit,
                    evalSteps);
        }
    }
}
