package dev.jemma.engine;

import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingPlan;
import dev.jemma.engine.api.TrainingResult;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.train.Dataset;
import dev.jemma.engine.train.DatasetBatches;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import dev.jemma.engine.train.Trainer;
import dev.jemma.engine.train.TrainingRun;
import dev.jemma.engine.train.TrainingRun.Start;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * LoRA fine-tuning of an open {@link Gemma} on the rows of a file: what it shall do is set first, each setting
 * answering this object, then it is started.
 *
 * <pre>{@code
 * TrainingResult result = gemma.fineTune(Path.of("rows.jsonl"))
 *         .config(TrainingConfig.defaults().withNumTrainEpochs(1))
 *         .out(Path.of("adapter"))
 *         .start(event -> System.out.println(event));
 * }</pre>
 *
 * <p>The weights of the model are not changed; the result is an adapter, in PEFT's files. Sessions of the same Gemma
 * may be used meanwhile, and several fine-tunings may run: they take turns at the device. Set up and started by one
 * thread, cancelled from any; closing the Gemma cancels it and waits.
 */
public final class FineTuning {
    private final Gemma gemma;
    private final Path rows;
    private Optional<Path> evalRows = Optional.empty();
    private RowOptions rowOptions = RowOptions.defaults();
    private TrainingConfig config = TrainingConfig.defaults();
    private LoraConfig lora = LoraConfig.defaults();
    private Optional<Path> initAdapter = Optional.empty();
    private Optional<Path> out = Optional.empty();
    private Optional<Path> metrics = Optional.empty();
    private Start begin = Start.NEW;
    private final Job job;

    FineTuning(Gemma gemma, Path rows) {
        this.gemma = gemma;
        this.rows = rows;
        this.job = new Job(gemma, "fine-tuning");
    }

    /** Hyperparameters; how often to save and evaluate is among them. {@link TrainingConfig#defaults} otherwise. */
    public FineTuning config(TrainingConfig hyperparameters) {
        config = hyperparameters;
        return this;
    }

    /**
     * What is adapted and how strongly; {@link LoraConfig#defaults} otherwise. An {@link #initAdapter} brings its own.
     */
    public FineTuning lora(LoraConfig adapter) {
        lora = adapter;
        return this;
    }

    /** How rows become sequences; {@link RowOptions#defaults} otherwise. */
    public FineTuning rowOptions(RowOptions options) {
        rowOptions = options;
        return this;
    }

    /** A file of rows to evaluate on, every {@code eval_steps} steps and at the end. */
    public FineTuning evalRows(Path file) {
        evalRows = Optional.of(file);
        return this;
    }

    /** An adapter to begin with, instead of a new one; its template and tool format count too. */
    public FineTuning initAdapter(Path folder) {
        initAdapter = Optional.of(folder);
        return this;
    }

    /** The folder of the adapter and of the checkpoints; made if it is not there. */
    public FineTuning out(Path folder) {
        out = Optional.of(folder);
        return this;
    }

    /** A JSON Lines file of losses, one for each step and each evaluation. */
    public FineTuning metrics(Path file) {
        metrics = Optional.of(file);
        return this;
    }

    /**
     * Goes on after the last checkpoint in the folder, or begins where there is none; without this, a folder that holds
     * a run is refused. What comes out is what an uninterrupted run would have made, bit for bit, so a Gemma whose
     * arithmetic is left to choose is best opened with {@link GemmaOptions#resuming(Path)}.
     */
    public FineTuning resume() {
        begin = Start.RESUME;
        return this;
    }

    /**
     * What {@link #start} would do, without doing it: the rows are read, nothing is trained or written.
     *
     * @throws dev.jemma.engine.api.FormatException if a row is none or none is left to learn from, or the adapter to
     *     begin with is malformed
     * @throws IllegalArgumentException if the configuration of the adapter means no module of this model
     * @throws IllegalStateException if this is running, or the Gemma is closed
     */
    public TrainingPlan plan() {
        return job.run(() -> {
            List<String> warnings = new ArrayList<>();
            RowEncoder encoder = encoder();
            DatasetBatches batches = batches(rows, encoder);
            Optional<DatasetBatches> evaluation = evalRows.map(file -> batches(file, encoder));
            try (Adapter adapter = adapter(warnings::add)) {
                return new TrainingPlan(
                        batches.report(),
                        evaluation.map(DatasetBatches::report),
                        config,
                        adapter.config(),
                        config.totalSteps(batches.stepsPerEpoch()),
                        batches.stepsPerEpoch(),
                        adapter.parameters(),
                        batches.maxTokens(),
                        Trainer.bytes(gemma.model(), adapter, config, batches, evaluation),
                        warnings);
            }
        });
    }

    /** The same without a listener. */
    public TrainingResult start() {
        return start(event -> {});
    }

    /**
     * Trains until all steps are done or it is cancelled.
     *
     * @param listener is told what happens, on this thread; what it throws ends the run
     * @throws dev.jemma.engine.api.FormatException if a row is none or none is left to learn from, or the adapter to
     *     begin with is malformed
     * @throws dev.jemma.engine.api.TrainingException if the folder holds a run and none was to be resumed, if the run
     *     to be resumed is another one, or if the loss is no longer a number
     * @throws IllegalArgumentException if the configuration of the adapter means no module of this model
     * @throws IllegalStateException if no folder was named, if this is running, or the Gemma is closed
     */
    public TrainingResult start(Consumer<TrainingEvent> listener) {
        Path folder = out.orElseThrow(
                () -> new IllegalStateException("no folder for the adapter was named, wanted one: out(folder)"));
        return job.run(() -> {
            Outcomes outcomes = new Outcomes(listener);
            RowEncoder encoder = encoder();
            DatasetBatches batches = batches(rows, encoder);
            outcomes.accept(new TrainingEvent.RowsRead(batches.report()));
            Optional<DatasetBatches> evaluation = evalRows.map(file -> batches(file, encoder));
            evaluation.ifPresent(read -> outcomes.accept(new TrainingEvent.RowsRead(read.report())));
            Trainer trainer = new Trainer(
                    gemma.model(),
                    () -> adapter(warning -> outcomes.accept(new TrainingEvent.Warned(warning))),
                    batches,
                    evaluation.map(read -> read),
                    run(folder, encoder));
            return outcomes.result(trainer.train(outcomes, job::cancelled), folder);
        });
    }

    /**
     * Ends the run after the step that it is in, with a checkpoint that {@link #resume} goes on from; one that has not
     * been started ends before its first step. From any thread.
     */
    public void cancel() {
        job.cancel();
    }

    /** Remembers of the events what the result tells. */
    private static final class Outcomes implements Consumer<TrainingEvent> {
        private final Consumer<TrainingEvent> listener;
        private long totalSteps;
        private OptionalDouble loss = OptionalDouble.empty();
        private OptionalDouble evalLoss = OptionalDouble.empty();
        private Optional<Path> saved = Optional.empty();

        Outcomes(Consumer<TrainingEvent> listener) {
            this.listener = listener;
        }

        @Override
        public void accept(TrainingEvent event) {
            switch (event) {
                case TrainingEvent.Started started -> totalSteps = started.totalSteps();
                case TrainingEvent.Stepped stepped -> loss = OptionalDouble.of(stepped.loss());
                case TrainingEvent.Evaluated evaluated -> evalLoss = OptionalDouble.of(evaluated.loss());
                case TrainingEvent.Saved written -> saved = Optional.of(written.folder());
                case TrainingEvent.RowsRead _, TrainingEvent.Warned _, TrainingEvent.Ended _ -> {}
            }
            listener.accept(event);
        }

        TrainingResult result(TrainingEvent.Ended ended, Path folder) {
            return new TrainingResult(ended.outcome(), ended.step(), totalSteps, loss, evalLoss, saved.orElse(folder));
        }
    }

    private RowEncoder encoder() {
        return gemma.rowEncoder(initAdapter.map(List::of).orElse(List.of()), rowOptions.supervise(), End.EOS);
    }

    private DatasetBatches batches(Path file, RowEncoder encoder) {
        int longest =
                Math.min(rowOptions.maxLength(), gemma.checkpoint().config().maxPositionEmbeddings());
        Dataset dataset = Dataset.read(file, encoder, longest, rowOptions.tooLong(), gemma.stops());
        return new DatasetBatches(dataset, config, rowOptions.packing(), longest);
    }

    private TrainingRun run(Path folder, RowEncoder encoder) {
        return new TrainingRun(
                config,
                folder,
                metrics,
                gemma.checkpoint().fingerprint(),
                initAdapter
                        .map(path -> "from " + path)
                        .orElseGet(() ->
                                lora.withBaseModel("").toString()), // without the model's folder, which may have moved
                begin,
                gemma.precision(),
                companions(encoder));
    }

    /** Template and tool format, which belong beside an adapter; none for a model that has no tokenizer. */
    private Map<String, String> companions(RowEncoder encoder) {
        return gemma.tokenizerIfAny().isPresent() ? encoder.chatFormat().companions() : Map.of();
    }

    /** The adapter to begin with; closed by the caller. */
    private Adapter adapter(Consumer<String> warnings) {
        if (initAdapter.isEmpty()) {
            String model = lora.baseModelNameOrPath()
                    .orElseGet(() -> gemma.checkpoint().path().toString());
            return Adapter.create(lora.withBaseModel(model), gemma.checkpoint().config(), config.seed());
        }
        try {
            Adapter loaded = Adapter.load(initAdapter.get(), gemma.checkpoint());
            loaded.warnings().forEach(warnings);
            return loaded;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "the adapter " + initAdapter.get() + " cannot be read: " + e.getMessage(), e);
        }
    }
}
