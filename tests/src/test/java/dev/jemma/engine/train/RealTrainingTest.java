package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingConfig.RowOrder;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.GemmaModel;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Six optimizer steps of the real Gemma 3 270M beside what PEFT and torch did with it. A fresh trace of
 * make_reference.py is checked with {@code -Djemma.reference.270m=FOLDER}.
 */
final class RealTrainingTest {
    private static final int ROWS_A_STEP = 2;

    @TempDir
    private Path out;

    /** Rows in file order, two a step, round and round. */
    private record Rows(List<Batch> rows) implements TrainingData {
        static Rows read(Path file) throws IOException {
            List<Batch> rows = new ArrayList<>();
            for (String line : Files.readAllLines(file)) {
                JsonNode row = JsonMapper.shared().readTree(line);
                rows.add(Batch.of(ints(row.get("input_ids")), ints(row.get("labels"))));
            }
            return new Rows(rows);
        }

        private static int[] ints(JsonNode list) {
            return list.valueStream().mapToInt(JsonNode::intValue).toArray();
        }

        @Override
        public long stepsPerEpoch() {
            return rows.size() / ROWS_A_STEP;
        }

        @Override
        public List<Batch> step(long index) {
            List<int[]> ids = new ArrayList<>();
            List<int[]> labels = new ArrayList<>();
            for (int i = 0; i < ROWS_A_STEP; i++) {
                Batch row = rows.get((int) ((index * ROWS_A_STEP + i) % rows.size()));
                ids.add(row.ids());
                labels.add(row.labels());
            }
            return List.of(Batch.of(ids, labels));
        }

        @Override
        public int maxTokens() {
            return ROWS_A_STEP * rows.stream().mapToInt(Batch::tokens).max().orElseThrow();
        }

        @Override
        public String fingerprint() {
            return "rows";
        }
    }

    @Test
    void followsPeftForSixSteps() throws IOException {
        Path real = Shared.needGemma270m();
        String fresh = System.getProperty("jemma.reference.270m", "");
        Path reference = fresh.isEmpty() ? Shared.need("models/gemma-3-270m") : Path.of(fresh);
        JsonNode trace = JsonMapper.shared().readTree(reference.resolve("train/trace.json"));
        JsonNode hyper = trace.get("hyperparameters");
        TrainingConfig config = TrainingConfig.defaults()
                .withLearningRate(hyper.get("lr").asDouble())
                .withWarmupSteps(hyper.get("warmup_steps").asDouble())
                .withWeightDecay(hyper.get("weight_decay").asDouble())
                .withMaxGradNorm(hyper.get("max_grad_norm").asDouble())
                .withPerDeviceTrainBatchSize(ROWS_A_STEP)
                .withMaxSteps(hyper.get("steps").asLong())
                .withShuffle(RowOrder.AS_GIVEN);
        List<TrainingEvent.Stepped> steps = new ArrayList<>();
        try (Kernels kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
                Checkpoint checkpoint = Checkpoint.open(real);
                GemmaModel model = new GemmaModel(checkpoint, kernels)) {
            new Trainer(
                            model,
                            () -> start(reference, checkpoint),
                            Rows.read(reference.resolve("rows.jsonl")),
                            Optional.empty(),
                            new TrainingRun(
                                    config,
                                    out,
                                    Optional.empty(),
                                    "base",
                                    "start",
                                    Start.NEW,
                                    model.precision(),
                                    Map.of()))
                    .train(
                            event -> {
                                if (event instanceof TrainingEvent.Stepped stepped) {
                                    steps.add(stepped);
                                }
                            },
                            () -> false);
        }
        assertThat(steps).hasSize(trace.get("trace").size());
        for (TrainingEvent.Stepped step : steps) {
            JsonNode wanted = trace.get("trace").get((int) step.step() - 1);
            double loss = wanted.get("loss").asDouble();
            double norm = wanted.get("grad_norm").asDouble();
            assertThat(step.loss()).as("loss of step %d", step.step()).isCloseTo(loss, within(1e-3 * loss));
            assertThat(step.learningRate()).isEqualTo(wanted.get("lr").asDouble());
            assertThat(step.gradNorm()).as("norm of step %d", step.step()).isCloseTo(norm, within(5e-3 * norm));
        }
    }

    private static Adapter start(Path reference, Checkpoint checkpoint) {
        try {
            return Adapter.load(reference.resolve("train/start"), checkpoint.config());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
