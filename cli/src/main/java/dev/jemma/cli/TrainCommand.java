package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.RowReport;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.train.Dataset;
import dev.jemma.engine.train.DatasetBatches;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import dev.jemma.engine.train.Trainer;
import dev.jemma.engine.train.TrainingRun;
import dev.jemma.engine.train.TrainingRun.Start;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
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

    @Option(
            names = "--max-length",
            defaultValue = "2048",
            paramLabel = "N",
            description = "Most tokens of a row (${DEFAULT-VALUE}).")
    private int maxLength;

    @Option(names = "--truncate", description = "Cut rows that are longer, instead of leaving them out.")
    private boolean truncate;

    @Option(
            names = "--packing",
            negatable = true,
            defaultValue = "false",
            fallbackValue = "true",
            description = "Let short rows share a place of max_length tokens; they do not see each other.")
    private boolean packing;

    @Option(
            names = "--assistant-only-loss",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "In conversations learn what the assistant says, or everything (${DEFAULT-VALUE}).")
    private boolean assistantOnlyLoss;

    @Mixin
    private HyperparameterOptions hyperparameters;

    @Mixin
    private LoraOptions lora;

    private final YamlDefaults defaults = new YamlDefaults();

    YamlDefaults defaults() {
        return defaults;
    }

    @Option(
            names = "--config",
            paramLabel = "F.yaml",
            description = "Options from a file: 'learning_rate: 2e-4'. The command line wins.")
    void config(Path file) {
        defaults.read(file, spec);
    }

    @Override
    public Integer call() {
        TrainingConfig config = hyperparameters.config();
        // What auto chooses may have changed since the run began; the run goes on with what it began with.
        Optional<Precision> begun = resume ? Trainer.precision(out) : Optional.empty();
        try (Gemma gemma = model.open(spec, begun)) {
            List<Path> adapters = initAdapter.map(List::of).orElse(List.of());
            RowEncoder encoder = Rows.encoder(
                    gemma, adapters, assistantOnlyLoss ? Supervise.ASSISTANT : Supervise.EVERYTHING, End.EOS);
            DatasetBatches batches = batches(gemma, data, encoder, config);
            Optional<DatasetBatches> evaluation = evalData.map(file -> batches(gemma, file, encoder, config));
            LoraConfig wanted = lora.config().withBaseModel(model.folder(spec).toString());
            if (dryRun) {
                return preview(gemma, batches, config, wanted);
            }
            return train(gemma, batches, evaluation, config, wanted);
        }
    }

    private int train(
            Gemma gemma,
            DatasetBatches batches,
            Optional<DatasetBatches> evaluation,
            TrainingConfig config,
            LoraConfig wanted) {
        TrainingRun run = new TrainingRun(
                config,
                out,
                metrics,
                gemma.checkpoint().fingerprint(),
                initAdapter.map(path -> "from " + path).orElseGet(() -> describe(wanted)),
                resume ? Start.RESUME : Start.NEW,
                gemma.precision(),
                companions(gemma));
        Trainer trainer = new Trainer(
                gemma.model(), () -> fresh(gemma, wanted, config.seed()), batches, evaluation.map(b -> b), run);
        AtomicBoolean cancelled = new AtomicBoolean();
        try (TrainingProgress progress = new TrainingProgress(spec.commandLine().getErr(), Terminals.detect());
                Interrupts interrupts = Interrupts.call(() -> {
                    spec.commandLine().getErr().println("interrupted; saving after this step");
                    cancelled.set(true);
                })) {
            TrainingEvent.Ended ended = trainer.train(progress, cancelled::get);
            if (ended.outcome() == TrainingEvent.Outcome.CANCELLED) {
                spec.commandLine().getErr().println("stopped after step " + ended.step() + "; --resume goes on");
                return Failures.INTERRUPTED;
            }
        }
        return 0;
    }

    /** The configuration as text, without the model's folder, which may have moved. */
    private static String describe(LoraConfig config) {
        return config.withBaseModel("").toString();
    }

    /** Template and tool format, which belong beside an adapter; none for a model that has no tokenizer. */
    private Map<String, String> companions(Gemma gemma) {
        return gemma.checkpoint().tokenizer().isPresent()
                ? gemma.chatFormat(initAdapter.map(List::of).orElse(List.of())).companions()
                : Map.of();
    }

    private Adapter fresh(Gemma gemma, LoraConfig wanted, long seed) {
        if (initAdapter.isEmpty()) {
            return Adapter.create(wanted, gemma.checkpoint().config(), seed);
        }
        try {
            Adapter loaded = Adapter.load(initAdapter.get(), gemma.checkpoint());
            loaded.warnings().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            return loaded;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "--init-adapter " + initAdapter.get() + " cannot be read: " + e.getMessage(), e);
        }
    }

    private DatasetBatches batches(Gemma gemma, Path file, RowEncoder encoder, TrainingConfig config) {
        int longest = Math.min(maxLength, gemma.checkpoint().config().maxPositionEmbeddings());
        Dataset dataset =
                Dataset.read(file, encoder, longest, truncate ? TooLong.CUT : TooLong.LEAVE_OUT, stops(gemma));
        report(file, dataset.report(), longest);
        return new DatasetBatches(dataset, config, packing ? Packing.BEST_FIT : Packing.OFF, longest);
    }

    /** Ids that end a turn or a text: the model's ends, and the end of a turn where the vocabulary has one. */
    private static List<Integer> stops(Gemma gemma) {
        List<Integer> stops = new ArrayList<>(gemma.checkpoint().generation().eosTokenIds());
        if (gemma.checkpoint().tokenizer().isPresent()) {
            gemma.tokenizer().id("<end_of_turn>").ifPresent(stops::add);
        }
        return stops;
    }

    private void report(Path file, RowReport report, int longest) {
        PrintWriter err = spec.commandLine().getErr();
        err.printf(
                Locale.ROOT,
                "%s: %,d rows, %,d tokens, %,d of them supervised, the longest row %,d%n",
                file.getFileName(),
                report.rows(),
                report.tokens(),
                report.supervised(),
                report.longest());
        if (report.tooLong() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: %,d rows have more than %s %,d tokens and were %s%n",
                    file.getFileName(),
                    report.tooLong(),
                    longest < maxLength ? "the model's" : "max_length",
                    longest,
                    truncate ? "cut" : "left out (--truncate cuts them, --max-length allows more)");
        }
        if (report.unsupervised() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: %,d rows have no supervised token and were left out%n",
                    file.getFileName(),
                    report.unsupervised());
        }
        if (report.folded() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: in %,d rows turns were folded, because the template refuses them as they are ('jemma render --mask' shows how)%n",
                    file.getFileName(),
                    report.folded());
        }
        if (report.unstopped() > 0) {
            err.printf(
                    Locale.ROOT,
                    "warning: in %,d rows no end of a turn or text is supervised; the model does not learn from them to stop%n",
                    report.unstopped());
        }
    }

    private int preview(Gemma gemma, DatasetBatches batches, TrainingConfig config, LoraConfig wanted) {
        PrintWriter print = spec.commandLine().getOut();
        try (Adapter adapter = fresh(gemma, wanted, config.seed())) {
            long steps = config.totalSteps(batches.stepsPerEpoch());
            Training.Options options = new Training.Options(batches.maxTokens(), config.recompute(), (float)
                    adapter.config().loraDropout());
            print.printf(
                    Locale.ROOT,
                    "steps       %,d (%,d an epoch), warmup %,d%n",
                    steps,
                    batches.stepsPerEpoch(),
                    config.warmupSteps(steps));
            print.printf(Locale.ROOT, "parameters  %,d%n", adapter.parameters());
            print.printf(Locale.ROOT, "batch       at most %,d tokens%n", batches.maxTokens());
            print.println("memory      " + Texts.bytes(Trainer.bytes(gemma.model(), adapter, options))
                    + " beside the weights (" + Texts.bytes(gemma.checkpoint().bytes()) + ", mapped)");
            print.println("config      " + config);
            print.println("adapter     " + adapter.config());
        }
        return 0;
    }
}
