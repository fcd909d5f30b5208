package dev.jemma.cli;

import dev.jemma.engine.FineTuning;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.RowReport;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingPlan;
import dev.jemma.engine.api.TrainingResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        description = "LoRA fine-tuning. Options and the keys of --config are Hugging Face's names.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions model;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "F.jsonl",
            description = "Rows: messages (and tools), prompt and completion, text, or input_ids and labels.")
    private Path data;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "Folder of the adapter and the checkpoints.")
    private Path out;

    @Option(names = "--eval-data", paramLabel = "F.jsonl", description = "Rows to evaluate on while training.")
    private Optional<Path> evalData = Optional.empty();

    @Option(names = "--init-adapter", paramLabel = "DIR", description = "Adapter to begin with.")
    private Optional<Path> initAdapter = Optional.empty();

    @Option(names = "--resume", description = "Go on after the last checkpoint in --out, or begin if there is none.")
    private boolean resume;

    @Option(names = "--dry-run", description = "Show rows, steps and memory, and train nothing.")
    private boolean dryRun;

    @Option(names = "--metrics", paramLabel = "F.jsonl", description = "Write a line of losses for each step.")
    private Optional<Path> metrics = Optional.empty();

    @Option(names = "--max-length", paramLabel = "N", description = "Most tokens of a row (${DEFAULT-VALUE}).")
    private int maxLength;

    @Option(names = "--truncate", description = "Cut rows that are longer, instead of leaving them out.")
    private boolean truncate;

    @Option(
            names = "--packing",
            negatable = true,
            fallbackValue = "true",
            description = "Let short rows share a place of max_length tokens; they do not see each other.")
    private boolean packing;

    @Option(
            names = "--assistant-only-loss",
            negatable = true,
            fallbackValue = "true",
            description = "In conversations learn what the assistant says, or everything (${DEFAULT-VALUE}).")
    private boolean assistantOnlyLoss;

    @Mixin
    private HyperparameterOptions hyperparameters;

    @Mixin
    private LoraOptions lora;

    private final TrainDefaults defaults = new TrainDefaults(new YamlDefaults());

    TrainDefaults defaults() {
        return defaults;
    }

    @Option(
            names = "--config",
            paramLabel = "F.yaml",
            description = "Options from a file: 'learning_rate: 2e-4'. The command line wins.")
    void config(Path file) {
        defaults.file().read(file, spec);
    }

    @Override
    public Integer call() {
        TrainingConfig config = config();
        RowOptions rows = rows();
        // What auto chooses may have changed since the run began; the run goes on with what it began with.
        GemmaOptions options = resume ? model.options().resuming(out) : model.options();
        try (Gemma gemma = model.open(spec, options)) {
            FineTuning training = gemma.fineTune(data)
                    .config(config)
                    .rowOptions(rows)
                    .lora(adapter())
                    .out(out);
            evalData.ifPresent(training::evalRows);
            initAdapter.ifPresent(training::initAdapter);
            metrics.ifPresent(training::metrics);
            if (resume) {
                training.resume();
            }
            return dryRun ? preview(training.plan(), rows) : train(training, rows);
        }
    }

    TrainingConfig config() {
        return hyperparameters.config();
    }

    LoraConfig adapter() {
        return lora.config();
    }

    RowOptions rows() {
        return new RowOptions(
                maxLength,
                truncate ? TooLong.CUT : TooLong.LEAVE_OUT,
                packing ? Packing.BEST_FIT : Packing.OFF,
                assistantOnlyLoss ? Supervise.ASSISTANT : Supervise.EVERYTHING);
    }

    private int train(FineTuning training, RowOptions rows) {
        PrintWriter err = spec.commandLine().getErr();
        try (TrainingProgress progress = new TrainingProgress(err, Terminals.detect());
                Interrupts interrupts = Interrupts.call(() -> {
                    err.println("interrupted; saving after this step");
                    training.cancel();
                })) {
            TrainingResult result = training.start(event -> {
                if (event instanceof TrainingEvent.RowsRead(RowReport report)) {
                    RowReports.print(report, rows, err);
                }
                progress.accept(event);
            });
            if (!result.finished()) {
                err.println("stopped after step " + result.step() + "; --resume goes on");
                return Failures.INTERRUPTED;
            }
        }
        return 0;
    }

    private int preview(TrainingPlan plan, RowOptions rows) {
        PrintWriter err = spec.commandLine().getErr();
        RowReports.print(plan.rows(), rows, err);
        plan.evalRows().ifPresent(report -> RowReports.print(report, rows, err));
        plan.warnings().forEach(warning -> err.println("warning: " + warning));
        PrintWriter print = spec.commandLine().getOut();
        print.printf(
                Locale.ROOT,
                "steps       %,d (%,d an epoch), warmup %,d%n",
                plan.steps(),
                plan.stepsPerEpoch(),
                plan.warmupSteps());
        print.printf(Locale.ROOT, "parameters  %,d%n", plan.parameters());
        print.printf(Locale.ROOT, "batch       at most %,d tokens%n", plan.maxTokens());
        print.println("memory      " + Texts.bytes(plan.trainingBytes()) + " beside the weights");
        print.println("config      " + plan.config());
        print.println("adapter     " + plan.adapter());
        return 0;
    }
}
