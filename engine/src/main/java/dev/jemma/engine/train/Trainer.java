package dev.jemma.engine.train;

import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingEvent.Outcome;
import dev.jemma.engine.api.TrainingException;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.lora.Adapter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * LoRA fine-tuning of a frozen Gemma, as Hugging Face's Trainer does it: losses are sums over supervised tokens divided
 * by their number in the whole optimizer step, gradients are clipped by their global norm, AdamW steps.
 *
 * <p>Everything random is a function of the seed and the step, so a run that was killed and resumed ends with the
 * adapter of a run that never was, bit for bit. Nothing half-written is ever left where a reader would take it for
 * whole.
 */
public final class Trainer {
    private final GemmaModel model;
    private final Supplier<Adapter> fresh;
    private final TrainingData data;
    private final Optional<TrainingData> evaluation;
    private final TrainingRun run;
    private final TrainingConfig config;

    /**
     * A run; everything is borrowed.
     *
     * @param fresh makes the adapter to begin with; closed by the trainer
     * @param evaluation rows to score, one pass of which is its {@code stepsPerEpoch}
     */
    public Trainer(
            GemmaModel model,
            Supplier<Adapter> fresh,
            TrainingData data,
            Optional<TrainingData> evaluation,
            TrainingRun run) {
        this.model = model;
        this.fresh = fresh;
        this.data = data;
        this.evaluation = evaluation;
        this.run = run;
        this.config = run.config();
    }

    /**
     * Trains until all steps are done or {@code cancelled} says so; then a checkpoint is written and the run can be
     * resumed.
     *
     * @param listener is told what happens, on this thread
     * @param cancelled asked after every step and every batch of an evaluation, which is then left out
     * @throws TrainingException if the folder holds a run and none was to be resumed, if the run to be resumed is
     *     another one, or if the loss is no longer a number
     */
    public TrainingEvent.Ended train(Consumer<TrainingEvent> listener, BooleanSupplier cancelled) {
        RunFolder folder = RunFolder.open(run);
        long total = config.totalSteps(data.stepsPerEpoch());
        RunState wanted = RunState.of(run, data, total);
        Optional<TrainingCheckpoint> last = folder.lastCheckpoint();
        last.ifPresent(checkpoint -> checkpoint.state().requireSameRun(wanted, checkpoint.folder()));

        try (Adapter adapter = last.isPresent() ? last.get().adapter(model.config()) : fresh.get();
                Training training = training(adapter);
                AdamW optimizer = new AdamW(model.kernels(), parameters(adapter, training), config)) {
            last.ifPresent(checkpoint -> checkpoint.restore(optimizer));
            RunState state = last.map(TrainingCheckpoint::state).orElse(wanted);
            try (Metrics metrics = Metrics.of(run.metrics(), state.step())) {
                Consumer<TrainingEvent> events = event -> {
                    metrics.accept(event);
                    listener.accept(event);
                };
                return steps(adapter, training, optimizer, state, folder, events, cancelled);
            }
        }
    }

    /**
     * What the run in {@code out} computes with, if it has a checkpoint to resume from.
     *
     * @throws dev.jemma.engine.api.FormatException if the checkpoint is damaged
     */
    public static Optional<Precision> precision(Path out) {
        return RunFolder.precision(out);
    }

    private Training training(Adapter adapter) {
        return new Training(model, adapter.lowRanks(), options(adapter, config, maxTokens(data, evaluation)));
    }

    private static int maxTokens(TrainingData data, Optional<? extends TrainingData> evaluation) {
        return Math.max(
                data.maxTokens(), evaluation.map(TrainingData::maxTokens).orElse(1));
    }

    private static Training.Options options(Adapter adapter, TrainingConfig config, int maxTokens) {
        return new Training.Options(
                maxTokens, config.recompute(), (float) adapter.config().loraDropout());
    }

    /** What a run allocates beside weights and adapter: activations, gradients and AdamW's moments. */
    public static long bytes(
            GemmaModel model,
            Adapter adapter,
            TrainingConfig config,
            TrainingData data,
            Optional<? extends TrainingData> evaluation) {
        Map<String, Integer> ranks = new LinkedHashMap<>();
        adapter.lowRanks().modules().forEach((module, factors) -> ranks.put(module, factors.rank()));
        return Training.bytes(model.config(), ranks, options(adapter, config, maxTokens(data, evaluation)))
                + 2 * Float.BYTES * adapter.parameters();
    }

    /** Factors and gradients in the adapter's fixed order: A before B, module by module. */
    private static List<Parameter> parameters(Adapter adapter, Training training) {
        List<Parameter> parameters = new ArrayList<>();
        Map<String, LowRank> gradients = training.gradients().modules();
        adapter.lowRanks().modules().forEach((module, factors) -> {
            LowRank gradient = Optional.ofNullable(gradients.get(module)).orElseThrow();
            parameters.add(new Parameter(module + ".A", factors.a(), gradient.a()));
            parameters.add(new Parameter(module + ".B", factors.b(), gradient.b()));
        });
        return parameters;
    }

    private TrainingEvent.Ended steps(
            Adapter adapter,
            Training training,
            AdamW optimizer,
            RunState begun,
            RunFolder folder,
            Consumer<TrainingEvent> events,
            BooleanSupplier cancelled) {
        long total = begun.totalSteps();
        long start = System.nanoTime();
        RunState state = begun;
        events.accept(new TrainingEvent.Started(
                state.step() + 1, total, adapter.lowRanks().parameters()));
        if (state.step() < total && cancelled.getAsBoolean()) {
            return ended(state, Outcome.CANCELLED, events);
        }
        while (state.step() < total) {
            TrainingEvent.Stepped stepped =
                    step(training, optimizer, state.step() + 1, total, start, begun.elapsedSeconds());
            events.accept(stepped);
            state = state.after(stepped);
            boolean last = state.step() == total;
            boolean evaluate = last || (config.evalSteps() > 0 && state.step() % config.evalSteps() == 0);
            if (evaluate && evaluation.isPresent()) {
                evaluate(training, state.step(), evaluation.get(), cancelled).ifPresent(events);
            }
            boolean stop = !last && cancelled.getAsBoolean();
            if (stop || (config.saveSteps() > 0 && state.step() % config.saveSteps() == 0)) {
                events.accept(new TrainingEvent.Saved(state.step(), folder.saveCheckpoint(adapter, optimizer, state)));
            }
            if (stop) {
                return ended(state, Outcome.CANCELLED, events);
            }
        }
        folder.saveAdapter(adapter);
        events.accept(new TrainingEvent.Saved(state.step(), run.out()));
        return ended(state, Outcome.FINISHED, events);
    }

    private static TrainingEvent.Ended ended(RunState state, Outcome outcome, Consumer<TrainingEvent> events) {
        TrainingEvent.Ended ended = new TrainingEvent.Ended(state.step(), outcome);
        events.accept(ended);
        return ended;
    }

    private TrainingEvent.Stepped step(
            Training training, AdamW optimizer, long step, long total, long start, double elapsedBefore) {
        long begin = System.nanoTime();
        List<Batch> batches = data.step(step - 1);
        long tokens = 0;
        long supervised = 0;
        for (Batch batch : batches) {
            tokens += batch.tokens();
            supervised += batch.supervised();
        }
        float scale = supervised == 0 ? 0 : (float) (1.0 / supervised);
        model.exclusively(optimizer::zeroGradients);
        double sum = 0;
        for (int i = 0; i < batches.size(); i++) {
            sum += training.lossAndGradients(batches.get(i), scale, dropoutSeed(step, i));
        }
        double loss = supervised == 0 ? 0 : sum / supervised;
        double gradNorm = model.exclusively(optimizer::gradNorm);
        if (!Double.isFinite(loss) || !Double.isFinite(gradNorm)) {
            throw new TrainingException(
                    "step " + step + ": the loss is " + loss + " and the gradient's norm " + gradNorm
                            + "; a smaller learning_rate than " + config.learningRate()
                            + " or more warmup_steps may help, and checkpoints written before are whole");
        }
        double learningRate = config.learningRate(step, total);
        model.exclusively(() -> optimizer.step(step, learningRate, gradNorm));
        long end = System.nanoTime();
        return new TrainingEvent.Stepped(
                step,
                total,
                loss,
                learningRate,
                gradNorm,
                tokens,
                tokens / ((end - begin) / 1e9),
                elapsedBefore + (end - start) / 1e9);
    }

    /** A seed for each micro-batch, spread by SplitMix64's increment so that neighbours share nothing. */
    private long dropoutSeed(long step, int microBatch) {
        return config.seed() + 0x9E3779B97F4A7C15L * (step * config.gradientAccumulationSteps() + microBatch + 1);
    }

    private static Optional<TrainingEvent> evaluate(
            Training training, long step, TrainingData rows, BooleanSupplier cancelled) {
        double sum = 0;
        long supervised = 0;
        for (long i = 0; i < rows.stepsPerEpoch(); i++) {
            for (Batch batch : rows.step(i)) {
                if (cancelled.getAsBoolean()) {
                    return Optional.empty();
                }
                sum += training.loss(batch);
                supervised += batch.supervised();
            }
        }
        return Optional.of(new TrainingEvent.Evaluated(step, supervised == 0 ? 0 : sum / supervised, supervised));
    }
}
