package dev.jemma.cli;

import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.TargetModules;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What the options of {@code train} stand for where the command line leaves them out: what the file of options says,
 * else the engine's own defaults, which are written nowhere else.
 *
 * @param file the file of options, empty until it is read
 */
record TrainDefaults(YamlDefaults file) implements IDefaultValueProvider {
    private static final Map<String, String> ENGINE =
            options(TrainingConfig.defaults(), LoraConfig.defaults(), RowOptions.defaults());

    private static Map<String, String> options(TrainingConfig config, LoraConfig lora, RowOptions rows) {
        return Map.ofEntries(
                Map.entry("--learning-rate", Texts.number(config.learningRate())),
                Map.entry("--lr-scheduler-type", config.lrSchedulerType().key()),
                Map.entry("--warmup-steps", Texts.number(config.warmupSteps())),
                Map.entry("--weight-decay", Texts.number(config.weightDecay())),
                Map.entry("--adam-beta1", Texts.number(config.adamBeta1())),
                Map.entry("--adam-beta2", Texts.number(config.adamBeta2())),
                Map.entry("--adam-epsilon", Texts.number(config.adamEpsilon())),
                Map.entry("--max-grad-norm", Texts.number(config.maxGradNorm())),
                Map.entry("--batch-size", Texts.number(config.perDeviceTrainBatchSize())),
                Map.entry("--gradient-accumulation-steps", Texts.number(config.gradientAccumulationSteps())),
                Map.entry("--num-train-epochs", Texts.number(config.numTrainEpochs())),
                Map.entry("--max-steps", Texts.number(config.maxSteps())),
                Map.entry("--seed", Texts.number(config.seed())),
                Map.entry("--shuffle", String.valueOf(config.shuffle() == RowOrder.SHUFFLED)),
                Map.entry("--gradient-checkpointing", String.valueOf(config.recompute() == Recompute.BLOCKS)),
                Map.entry("--save-steps", Texts.number(config.saveSteps())),
                Map.entry("--save-total-limit", Texts.number(config.saveTotalLimit())),
                Map.entry("--eval-steps", Texts.number(config.evalSteps())),
                Map.entry("--lora-r", Texts.number(lora.r())),
                Map.entry("--lora-alpha", Texts.number(lora.loraAlpha())),
                Map.entry("--lora-dropout", Texts.number(lora.loraDropout())),
                Map.entry("--target-modules", targets(lora.targetModules())),
                Map.entry("--use-rslora", String.valueOf(lora.useRslora())),
                Map.entry("--max-length", Texts.number(rows.maxLength())),
                Map.entry("--truncate", String.valueOf(rows.tooLong() == TooLong.CUT)),
                Map.entry("--packing", String.valueOf(rows.packing() == Packing.BEST_FIT)),
                Map.entry("--assistant-only-loss", String.valueOf(rows.supervise() == Supervise.ASSISTANT)));
    }

    private static String targets(TargetModules modules) {
        return switch (modules) {
            case TargetModules.AllLinear() -> "all-linear";
            case TargetModules.Names(var names) -> String.join(",", names);
            case TargetModules.Regex(var pattern) -> pattern;
        };
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        String given = file.defaultValue(argument);
        return given == null && argument instanceof OptionSpec option ? ENGINE.get(option.names()[0]) : given;
    }
}
