package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.RowOptions.Packing;
import dev.jemma.engine.api.RowOptions.Supervise;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.train.Dataset;
import dev.jemma.engine.train.DatasetBatches;
import dev.jemma.engine.train.RowEncoder;
import dev.jemma.engine.train.RowEncoder.End;
import dev.jemma.engine.train.Trainer;
import dev.jemma.engine.train.TrainingRun;
import dev.jemma.tests.Allocated;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * After warm-up, all threads together allocate little Java heap, whatever the size of the weights: what a token or a
 * step leaves behind is the collector's work, and a pause. Bounds are a few times what was measured, so that only a new
 * source of garbage breaks them.
 */
@AutoCompute
final class AllocationTest {
    private static final Path MODEL = Path.of("../cli/src/main/resources/dev/jemma/cli/demo/model");

    /** Where kernels are machine code, no vector of theirs is ever an object. */
    private static final boolean CODE = CpuFeatures.ofThisMachine().avx512();

    /**
     * For a decoded token of a model of four layers: the views of its tensors and its text. Measured: 550 to 620 bytes;
     * 8.6 kB with the Vector API.
     */
    private static final long BYTES_A_TOKEN = CODE ? 2 << 10 : 16 << 10;

    /**
     * For an optimizer step of two micro-batches, rows to metrics, on the same model. Measured: 66 to 81 kB, which
     * describe tensors; 1.8 to 3.8 MB with the Vector API, and up to 11.9 MB with 256-bit vectors on a busy machine,
     * most of it vectors that the compiler boxes, more or fewer from run to run.
     */
    private static final long BYTES_A_STEP = CODE ? 256 << 10 : 24 << 20;

    @TempDir
    private Path folder;

    @Test
    void aDecodedTokenAllocatesLittle() {
        try (Gemma gemma = Gemma.open(MODEL);
                Session session = gemma.session()) {
            decode(session, 900);
            long few = decode(session, 100);
            long many = decode(session, 900);
            assertThat((many - few) / 800).isLessThan(BYTES_A_TOKEN);
        }
    }

    private static long decode(Session session, int tokens) {
        long before = Allocated.bytes();
        GenerationOptions options =
                GenerationOptions.GREEDY.withMaxNewTokens(tokens).ignoringEos();
        assertThat(session.generate(new int[] {5, 6, 7}, options, event -> {}).ids())
                .hasSize(tokens);
        return Allocated.bytes() - before;
    }

    @Test
    void aTrainingStepAllocatesLittle() throws IOException {
        int steps = 300;
        long[] allocated = new long[steps + 1];
        TrainingConfig config = TrainingConfig.defaults()
                .withLearningRate(1e-3)
                .withPerDeviceTrainBatchSize(2)
                .withGradientAccumulationSteps(2)
                .withMaxSteps(steps);
        try (Gemma gemma = Gemma.open(MODEL)) {
            RowEncoder encoder = new RowEncoder(
                    gemma::tokenizer, () -> gemma.chatFormat(List.of()), 1, 1257, Supervise.ASSISTANT, End.EOS, 2);
            Dataset dataset = Dataset.read(rows(), encoder, 64, TooLong.LEAVE_OUT, List.of());
            LoraConfig lora = LoraConfig.defaults();
            new Trainer(
                            gemma.model(),
                            () -> Adapter.create(lora, gemma.checkpoint().config(), 1),
                            new DatasetBatches(dataset, config, Packing.OFF, 64),
                            Optional.empty(),
                            new TrainingRun(
                                    config,
                                    folder.resolve("out"),
                                    Optional.of(folder.resolve("metrics.jsonl")),
                                    "",
                                    "",
                                    TrainingRun.Start.NEW,
                                    gemma.precision(),
                                    Map.of()))
                    .train(
                            event -> {
                                if (event instanceof TrainingEvent.Stepped stepped) {
                                    allocated[(int) stepped.step()] = Allocated.bytes();
                                }
                            },
                            () -> false);
        }
        assertThat((allocated[steps] - allocated[steps - 100]) / 100).isLessThan(BYTES_A_STEP);
    }

    private Path rows() throws IOException {
        SplittableRandom random = new SplittableRandom(8);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 16; i++) {
            text.append("{\"input_ids\": ")
                    .append(Arrays.toString(random.ints(32, 3, 1200).toArray()))
                    .append("}\n");
        }
        return Files.writeString(folder.resolve("rows.jsonl"), text);
    }
}
