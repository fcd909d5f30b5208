package dev.jemma.engine.gemma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The pretrained Gemma 3 270M against what Hugging Face computes with it. Fresh prompts, passages and rows of
 * make_reference.py are checked with {@code -Djemma.reference.270m=FOLDER}.
 */
final class RealGemmaTest {
    private static final Map<String, Double> EXACT = new ConcurrentHashMap<>();
    /** Mean losses agree to this many percent: the references' own tolerance. */
    private static final double LOSS_PERCENT = 0.1;

    /** Fresh prompts are compared up to a pair of logits that are this close, where either id is right. */
    private static final double NEAR_TIE = 1e-3;

    private static final JsonMapper JSON = JsonMapper.shared();

    @SuppressWarnings("NullAway.Init")
    private static Path reference;

    @SuppressWarnings("NullAway.Init")
    private static Kernels kernels;

    @SuppressWarnings("NullAway.Init")
    private static Checkpoint checkpoint;

    @SuppressWarnings("NullAway.Init")
    private static GemmaModel model;

    @BeforeAll
    static void open() throws IOException {
        Path folder = Shared.needGemma270m();
        String other = System.getProperty("jemma.reference.270m");
        reference = other == null ? Shared.need("models/gemma-3-270m") : Path.of(other);
        kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
        checkpoint = Checkpoint.open(folder);
        model = new GemmaModel(checkpoint, kernels);
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
            checkpoint.close();
            kernels.close();
        }
    }

    private static List<JsonNode> rows(String file) throws IOException {
        return Files.readAllLines(reference.resolve(file)).stream()
                .map(JSON::readTree)
                .toList();
    }

    private static int[] ints(JsonNode array) {
        return JSON.treeToValue(array, int[].class);
    }

    @Test
    void greedyIds() throws IOException {
        List<JsonNode> prompts = rows("greedy.jsonl");
        assertThat(prompts).isNotEmpty();
        for (JsonNode prompt : prompts) {
            int[] ids = ints(prompt.get("ids"));
            int[] wanted = ints(prompt.get("new"));
            double[] gaps = JSON.treeToValue(prompt.get("gaps"), double[].class);
            int compared = 0;
            while (compared < gaps.length && gaps[compared] >= NEAR_TIE) {
                compared++;
            }
            int[] next = new int[compared];
            float[] logits = new float[checkpoint.config().vocabSize()];
            try (Inference inference =
                    new Inference(model, List.of(), Inference.Options.of(ids.length + wanted.length))) {
                kernels.read(inference.forward(ids, 0, ids.length), logits);
                for (int i = 0; i < compared; i++) {
                    next[i] = Closeness.indexOfLargest(logits);
                    kernels.read(inference.forward(next, i, 1), logits);
                }
            }
            assertThat(next).as(prompt.get("text").stringValue()).isEqualTo(Arrays.copyOf(wanted, compared));
        }
    }

    /** The longest passage (1,921 tokens) crosses the 512 positions that sliding layers see. */
    @Test
    void lossesOfPassages() throws IOException {
        Tokenizer tokenizer = checkpoint.tokenizer().orElseThrow();
        List<JsonNode> passages = rows("scores.jsonl");
        assertThat(passages).isNotEmpty();
        for (JsonNode passage : passages) {
            int[] ids = tokenizer.encode(passage.get("text").stringValue(), Specials.WITH);
            Batch batch = Batch.of(ids);
            assertThat(batch.supervised()).isEqualTo(passage.get("tokens").intValue());
            assertThat(loss(batch)).isCloseTo(passage.get("loss").doubleValue(), withPercentage(LOSS_PERCENT));
        }
    }

    @Test
    void lossesOfRows() throws IOException {
        List<JsonNode> rows = rows("rows.jsonl");
        JsonNode losses = JSON.readTree(reference.resolve("row_scores.json"));
        assertThat(rows).isNotEmpty();
        for (int i = 0; i < rows.size(); i++) {
            Batch batch = Batch.of(
                    ints(rows.get(i).get("input_ids")), ints(rows.get(i).get("labels")));
            assertThat(loss(batch)).isCloseTo(losses.get(i).doubleValue(), withPercentage(LOSS_PERCENT));
        }
    }

    /**
     * What rounded products and quantized weights cost on passages and function-calling rows together, in percent of
     * the f32 loss on the stored weights; docs/benchmarks.md has the figures. Weights in memory, so that nothing is
     * left in anybody's cache.
     */
    @ParameterizedTest
    @CsvSource({"AUTO, BF16, 0.5", "Q8, F32, 1", "Q8, BF16, 1", "Q4, F32, 6", "Q4, INT8, 6", "Q4, BF16, 6"})
    void lossStaysWithin(WeightType type, Arithmetic arithmetic, double percent) throws IOException {
        List<Batch> batches = passagesAndRows();
        WeightsCache none = new WeightsCache(checkpoint.path(), Long.MAX_VALUE);
        int threads = Runtime.getRuntime().availableProcessors();
        try (ModelWeights weights = ModelWeights.open(checkpoint, type, none, threads);
                Kernels others = CpuKernels.open(threads, arithmetic);
                GemmaModel cheaper = new GemmaModel(checkpoint, weights, others)) {
            double wanted = exactLoss(batches);
            double seen = sum(cheaper, batches);
            assertThat(seen)
                    .as(type + " " + arithmetic + ": " + (100 * (seen / wanted - 1)) + " %")
                    .isCloseTo(wanted, withPercentage(percent));
        }
    }

    private static List<Batch> passagesAndRows() throws IOException {
        List<Batch> batches = new ArrayList<>();
        Tokenizer tokenizer = checkpoint.tokenizer().orElseThrow();
        for (JsonNode passage : rows("scores.jsonl")) {
            int[] ids = tokenizer.encode(passage.get("text").stringValue(), Specials.WITH);
            batches.add(Batch.of(Arrays.copyOf(ids, Math.min(ids.length, 800))));
        }
        for (JsonNode row : rows("rows.jsonl")) {
            batches.add(Batch.of(ints(row.get("input_ids")), ints(row.get("labels"))));
        }
        return batches;
    }

    /** Computed once for all forms. */
    private static double exactLoss(List<Batch> batches) {
        return EXACT.computeIfAbsent("loss", key -> sum(model, batches));
    }

    private static double sum(GemmaModel of, List<Batch> batches) {
        return batches.stream()
                .mapToDouble(batch -> loss(of, batch) * batch.supervised())
                .sum();
    }

    private static double loss(Batch batch) {
        return loss(model, batch);
    }

    private static double loss(GemmaModel of, Batch batch) {
        try (Training training =
                new Training(of, LowRanks.NONE, new Training.Options(batch.tokens(), Recompute.NEVER, 0))) {
            return training.loss(batch) / batch.supervised();
        }
    }
}
