package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.SchedulerType;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingException;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.ReferenceData;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.train.TrainingRun.Start;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Twelve optimizer steps beside torch's AdamW on PEFT's adapter, and what a run keeps when it is interrupted.
 *
 * <p>Fresh traces of make_reference.py are checked with {@code -Djemma.reference=FOLDER}.
 */
final class TrainerTest {
    @TempDir
    private Path out;

    static Stream<Path> models() throws IOException {
        Path root = Optional.ofNullable(System.getProperty("jemma.reference"))
                .map(Path::of)
                .or(() -> Shared.folder("reference/models"))
                .orElse(Path.of("src/test/resources/traced"));
        try (Stream<Path> folders = Files.list(root)) {
            List<Path> traced = folders.filter(folder -> Files.isDirectory(folder.resolve("train")))
                    .sorted()
                    .toList();
            return traced.stream();
        }
    }

    private static Path model() throws IOException {
        return models().filter(folder -> folder.endsWith("gemma3")).findFirst().orElseThrow();
    }

    /** The reference's batches: two micro-batches of two rows a step. */
    private record RecordedBatches(List<List<Batch>> steps) implements TrainingData {
        static RecordedBatches of(Path folder) throws IOException {
            try (ReferenceData data = new ReferenceData(folder.resolve("train/batches.safetensors"))) {
                long[] shape = data.shape("input_ids");
                int rows = (int) shape[1];
                int length = (int) shape[2];
                int[] ids = data.ints("input_ids");
                int[] labels = data.ints("labels");
                List<List<Batch>> steps = new ArrayList<>();
                for (int m = 0; m < shape[0]; m++) {
                    if (m % 2 == 0) {
                        steps.add(new ArrayList<>());
                    }
                    int from = m * rows * length;
                    int[] starts = new int[rows];
                    Arrays.setAll(starts, row -> row * length);
                    steps.getLast()
                            .add(new Batch(
                                    Arrays.copyOfRange(ids, from, from + rows * length),
                                    Arrays.copyOfRange(labels, from, from + rows * length),
                                    starts));
                }
                return new RecordedBatches(steps);
            }
        }

        @Override
        public long stepsPerEpoch() {
            return steps.size();
        }

        @Override
        public List<Batch> step(long index) {
            return steps.get((int) (index % steps.size()));
        }

        @Override
        public int maxTokens() {
            return steps.getFirst().getFirst().tokens();
        }

        @Override
        public String fingerprint() {
            return "recorded";
        }
    }

    private static TrainingConfig config(Recompute recompute, int saveSteps) {
        return TrainingConfig.defaults()
                .withLearningRate(5e-3)
                .withLrSchedulerType(SchedulerType.COSINE)
                .withWarmupSteps(3)
                .withWeightDecay(0.1)
                .withPerDeviceTrainBatchSize(2)
                .withGradientAccumulationSteps(2)
                .withMaxSteps(12)
                .withShuffle(RowOrder.AS_GIVEN)
                .withRecompute(recompute)
                .withSaveSteps(saveSteps)
                .withSaveTotalLimit(2);
    }

    private List<TrainingEvent> train(
            Path folder, TrainingConfig config, Path out, Start start, BooleanSupplier cancelled) throws IOException {
        List<TrainingEvent> events = new ArrayList<>();
        try (Kernels kernels = CpuKernels.open(2);
                Checkpoint checkpoint = Checkpoint.open(folder);
                GemmaModel model = new GemmaModel(checkpoint, kernels)) {
            TrainingRun run = new TrainingRun(
                    config,
                    out,
                    Optional.of(out.resolve("metrics.jsonl")),
                    "base",
                    "start",
                    start,
                    model.precision(),
                    Map.of("jemma.json", "{}\n"));
            new Trainer(
                            model,
                            () -> load(folder.resolve("train/start"), checkpoint),
                            RecordedBatches.of(folder),
                            Optional.of(RecordedBatches.of(folder)),
                            run)
                    .train(events::add, cancelled);
        }
        return events;
    }

    private static Adapter load(Path folder, Checkpoint checkpoint) {
        try {
            return Adapter.load(folder, checkpoint.config());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void followsTorchForTwelveSteps(Path folder) throws IOException {
        List<TrainingEvent> events = train(folder, config(Recompute.NEVER, 0), out, Start.NEW, () -> false);
        JsonNode trace =
                JsonMapper.shared().readTree(folder.resolve("train/trace.json")).get("trace");
        List<TrainingEvent.Stepped> steps = events.stream()
                .filter(TrainingEvent.Stepped.class::isInstance)
                .map(TrainingEvent.Stepped.class::cast)
                .toList();
        assertThat(steps).hasSize(trace.size());
        for (TrainingEvent.Stepped step : steps) {
            JsonNode wanted = trace.get((int) step.step() - 1);
            double loss = wanted.get("loss").asDouble();
            double norm = wanted.get("grad_norm").asDouble();
            assertThat(step.loss()).as("loss of step %d", step.step()).isCloseTo(loss, within(1e-3 * loss));
            assertThat(step.learningRate()).isEqualTo(wanted.get("lr").asDouble());
            assertThat(step.gradNorm()).as("norm of step %d", step.step()).isCloseTo(norm, within(5e-3 * norm));
        }
        assertSameAdapter(out, folder.resolve("train/end"));
    }

    /** Relative distance below 1e-2: twelve steps of AdamW amplify what f32 rounds. */
    private static void assertSameAdapter(Path ours, Path theirs) throws IOException {
        try (ReferenceData a = new ReferenceData(ours.resolve("adapter_model.safetensors"));
                ReferenceData b = new ReferenceData(theirs.resolve("adapter_model.safetensors"))) {
            assertThat(a.names()).isEqualTo(b.names());
            for (String name : b.names()) {
                float[] x = a.floats(name);
                float[] y = b.floats(name);
                double distance = 0;
                double length = 0;
                for (int i = 0; i < y.length; i++) {
                    distance += (x[i] - y[i]) * (double) (x[i] - y[i]);
                    length += y[i] * (double) y[i];
                }
                assertThat(Math.sqrt(distance)).as(name).isLessThanOrEqualTo(1e-2 * Math.sqrt(length));
            }
        }
    }

    @Test
    void recomputeChangesNoBit() throws IOException {
        train(model(), config(Recompute.NEVER, 0), out.resolve("a"), Start.NEW, () -> false);
        train(model(), config(Recompute.BLOCKS, 0), out.resolve("b"), Start.NEW, () -> false);
        assertThat(out.resolve("b/adapter_model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("a/adapter_model.safetensors"));
    }

    @Test
    void aCancelledRunResumesBitForBit() throws IOException {
        Path whole = out.resolve("whole");
        train(model(), config(Recompute.NEVER, 0), whole, Start.NEW, () -> false);
        Path cut = out.resolve("cut");
        int[] asked = {-1}; // before the first step too
        List<TrainingEvent> first = train(model(), config(Recompute.NEVER, 0), cut, Start.NEW, () -> ++asked[0] == 5);
        assertThat(first.getLast()).isEqualTo(new TrainingEvent.Ended(5, TrainingEvent.Outcome.CANCELLED));
        assertThat(cut.resolve("adapter_model.safetensors")).doesNotExist();
        List<TrainingEvent> second = train(model(), config(Recompute.NEVER, 0), cut, Start.RESUME, () -> false);
        assertThat(second.getFirst())
                .isInstanceOfSatisfying(
                        TrainingEvent.Started.class,
                        started -> assertThat(started.firstStep()).isEqualTo(6));
        assertThat(cut.resolve("adapter_model.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("adapter_model.safetensors"));
        assertThat(Files.readAllLines(cut.resolve("metrics.jsonl"))).hasSize(13);
    }

    @Test
    void keepsTheNewestCheckpointsAndEachIsAnAdapter() throws IOException {
        train(model(), config(Recompute.NEVER, 3), out, Start.NEW, () -> false);
        assertThat(out.resolve("checkpoint-3")).doesNotExist();
        assertThat(out.resolve("checkpoint-9")).isDirectory();
        assertThat(out.resolve("checkpoint-12/jemma.json")).hasContent("{}");
        assertThat(out.resolve("checkpoint-12/adapter_model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("adapter_model.safetensors"));
    }

    @Test
    void refusesAFolderThatHoldsARun() throws IOException {
        train(model(), config(Recompute.NEVER, 0), out, Start.NEW, () -> false);
        assertThatThrownBy(() -> train(model(), config(Recompute.NEVER, 0), out, Start.NEW, () -> false))
                .isInstanceOf(TrainingException.class)
                .hasMessage(
                        out
                                + " already holds a run; --resume goes on with it, another --out keeps it, deleting the folder ends it");
    }

    @Test
    void refusesToResumeAnotherRunAndNamesTheDifference() throws IOException {
        train(model(), config(Recompute.NEVER, 4), out, Start.NEW, () -> false);
        TrainingConfig other = config(Recompute.NEVER, 4).withLearningRate(1e-3).withSeed(43);
        assertThatThrownBy(() -> train(model(), other, out, Start.RESUME, () -> false))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(
                        "checkpoint-12 belongs to another run: learning_rate was 0.005, now 0.001; seed was 42, now 43");
    }

    @Test
    void resumeWithoutACheckpointBeginsAtTheBeginning() throws IOException {
        List<TrainingEvent> events = train(model(), config(Recompute.NEVER, 0), out, Start.RESUME, () -> false);
        assertThat(events.getLast()).isEqualTo(new TrainingEvent.Ended(12, TrainingEvent.Outcome.FINISHED));
    }
}
