package dev.jemma.cli;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.SchedulerType;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Hyperparameters of {@code train}, under Hugging Face's names. */
final class HyperparameterOptions {
    @Option(names = "--learning-rate", paramLabel = "X", description = "Peak learning rate (${DEFAULT-VALUE}).")
    private double learningRate;

    @Option(
            names = "--lr-scheduler-type",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private SchedulerType lrSchedulerType;

    @Option(
            names = "--warmup-steps",
            paramLabel = "X",
            description = "Steps of warmup; below 1 a share of all steps (${DEFAULT-VALUE}).")
    private double warmupSteps;

    @Option(names = "--warmup-ratio", paramLabel = "X", description = "Warmup as a share of all steps.")
    private Optional<Double> warmupRatio = Optional.empty();

    @Option(names = "--weight-decay", paramLabel = "X", description = "AdamW's weight decay (${DEFAULT-VALUE}).")
    private double weightDecay;

    @Option(
            names = {"--adam-beta1"},
            paramLabel = "X",
            description = "(${DEFAULT-VALUE})")
    private double adamBeta1;

    @Option(
            names = {"--adam-beta2"},
            paramLabel = "X",
            description = "(${DEFAULT-VALUE})")
    private double adamBeta2;

    @Option(
            names = {"--adam-epsilon"},
            paramLabel = "X",
            description = "(${DEFAULT-VALUE})")
    private double adamEpsilon;

    @Option(
            names = "--max-grad-norm",
            paramLabel = "X",
            description = "Gradients are scaled down to this norm; 0 = never (${DEFAULT-VALUE}).")
    private double maxGradNorm;

    @Option(
            names = {"--batch-size", "--per-device-train-batch-size"},
            paramLabel = "N",
            description = "Rows per micro-batch (${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(
            names = "--gradient-accumulation-steps",
            paramLabel = "N",
            description = "Micro-batches per optimizer step (${DEFAULT-VALUE}).")
    private int gradientAccumulationSteps;

    @Option(names = "--num-train-epochs", paramLabel = "X", description = "Passes over the rows (${DEFAULT-VALUE}).")
    private double numTrainEpochs;

    @Option(names = "--max-steps", paramLabel = "N", description = "Optimizer steps, instead of epochs.")
    private long maxSteps;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Seeds row order, adapter and dropout (${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--shuffle",
            negatable = true,
            fallbackValue = "true",
            description = "Another row order in each epoch, or the file's (${DEFAULT-VALUE}).")
    private boolean shuffle;

    @Option(
            names = "--gradient-checkpointing",
            negatable = true,
            fallbackValue = "true",
            description = "Compute activations again in the backward: a third slower, a fraction of the memory.")
    private boolean gradientCheckpointing;

    @Option(names = "--save-steps", paramLabel = "N", description = "A checkpoint every N steps; 0 = none.")
    private int saveSteps;

    @Option(names = "--save-total-limit", paramLabel = "N", description = "Checkpoints kept; 0 = all.")
    private int saveTotalLimit;

    @Option(names = "--eval-steps", paramLabel = "N", description = "Evaluate every N steps; 0 = at the end.")
    private int evalSteps;

    TrainingConfig config() {
        return new TrainingConfig(
                learningRate,
                lrSchedulerType,
                warmupRatio.orElse(warmupSteps),
                weightDecay,
                adamBeta1,
                adamBeta2,
                adamEpsilon,
                maxGradNorm,
                batchSize,
                gradientAccumulationSteps,
                numTrainEpochs,
                maxSteps,
                seed,
                shuffle ? RowOrder.SHUFFLED : RowOrder.AS_GIVEN,
                gradientCheckpointing ? Recompute.BLOCKS : Recompute.NEVER,
                saveSteps,
                saveTotalLimit,
                evalSteps);
    }
}
