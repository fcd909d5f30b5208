package dev.jemma.engine.gemma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.config.Place;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.quantize.WeightsCache;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The real Gemma 3 270M as a Q4_K_M GGUF file, against the Hugging Face folder that was made from it. */
final class RealGgufTest {
    private static final double NEAR_TIE = 0.3;

    @SuppressWarnings("NullAway.Init")
    private static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Path gguf;

    @BeforeAll
    static void find() {
        folder = Shared.needGemma270m();
        gguf = Shared.needGemma270mGguf();
    }

    @Test
    void dequantizedWeightsAreThoseOfTheFolder() throws IOException {
        try (Checkpoint expected = Checkpoint.open(folder);
                Checkpoint actual = Checkpoint.open(gguf);
                ModelWeights weights = widened(actual)) {
            assertThat(actual.config()).isEqualTo(expected.config());
            for (String name : expected.config().weights().sequencedKeySet()) {
                Tensor wanted = expected.weight(name).tensor().orElseThrow();
                Tensor found = weights.tensor(name);
                assertThat(found.dtype()).as(name).isEqualTo(wanted.dtype());
                assertThat(found.shape()).as(name).isEqualTo(wanted.shape());
                assertThat(found.segment().mismatch(wanted.segment())).as(name).isEqualTo(-1);
            }
        }
    }

    @Test
    void logitsAreThoseOfTheFolder() throws IOException {
        int[] ids = {2, 818, 5279, 529, 7001, 563, 9079, 236761, 107, 3689, 563, 506, 5279, 529, 9405, 236881};
        try (Kernels kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
                Checkpoint fromFolder = Checkpoint.open(folder);
                Checkpoint dequantized = Checkpoint.open(gguf);
                ModelWeights weights = widened(dequantized)) {
            assertThat(logits(dequantized, weights, kernels, ids))
                    .isEqualTo(logits(fromFolder, ModelWeights.asStored(fromFolder), kernels, ids));
        }
    }

    /** Everything in bf16, in this process's memory. */
    private static ModelWeights widened(Checkpoint checkpoint) throws IOException {
        return open(checkpoint, WeightType.BF16);
    }

    private static ModelWeights open(Checkpoint checkpoint, WeightType type) throws IOException {
        int threads = Runtime.getRuntime().availableProcessors();
        return ModelWeights.open(checkpoint, type, WeightsCache.none(), threads);
    }

    private static float[] logits(Checkpoint checkpoint, ModelWeights weights, Kernels kernels, int[] ids) {
        try (GemmaModel model = new GemmaModel(checkpoint, weights, kernels);
                Inference inference = new Inference(model, List.of(), Inference.Options.of(ids.length))) {
            return Closeness.read(kernels, inference.forward(ids, 0, ids.length));
        }
    }

    @Test
    void quantizedEmbeddingIsUsedInPlace() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
            Tensor embedding =
                    checkpoint.weight(Place.EMBEDDING.weight()).tensor().orElseThrow();
            assertThat(embedding.dtype()).isEqualTo(DType.Q8_0);
            MemorySegment file = checkpoint.weight(Place.EMBEDDING.weight()).bytes();
            assertThat(embedding.segment().address()).isEqualTo(file.address());
            assertThat(checkpoint
                            .weight("model.layers.0.self_attn.q_proj.weight")
                            .dtype())
                    .isEqualTo(DType.BF16);
        }
    }

    /**
     * llama.cpp's answers (make_llama_greedy.py), up to the first token where the two best logits are closer than what
     * its 8-bit activations change: logits of some tens move by some tenths.
     */
    @Test
    void greedyTextIsLlamaCppsUpToNearTies() throws IOException {
        List<String> rows = Files.readAllLines(Path.of("src/test/resources/gguf/llama-greedy.jsonl"));
        assertThat(rows).hasSizeGreaterThan(5);
        int equal = 0;
        try (Kernels kernels = CpuKernels.open(Runtime.getRuntime().availableProcessors());
                Checkpoint checkpoint = Checkpoint.open(gguf);
                ModelWeights weights = open(checkpoint, WeightType.AUTO);
                GemmaModel model = new GemmaModel(checkpoint, weights, kernels)) {
            Tokenizer tokenizer = checkpoint.tokenizer().orElseThrow();
            for (String row : rows) {
                JsonNode answer = JsonMapper.shared().readTree(row);
                String wanted = answer.get("text").stringValue();
                int[] ids = tokenizer.encode(answer.get("prompt").stringValue(), Specials.WITH);
                int[] next = new int[32];
                float[] logits = new float[checkpoint.config().vocabSize()];
                try (Inference inference =
                        new Inference(model, List.of(), Inference.Options.of(ids.length + next.length))) {
                    kernels.read(inference.forward(ids, 0, ids.length), logits);
                    int i = 0;
                    boolean parted = false;
                    double before = Double.MAX_VALUE;
                    while (i < next.length && !parted) {
                        next[i] = Closeness.indexOfLargest(logits);
                        String text = tokenizer.decode(Arrays.copyOf(next, i + 1), Specials.WITH);
                        parted = !wanted.startsWith(text.replaceAll("\\uFFFD+$", ""));
                        double gap = gap(logits);
                        if (parted) {
                            // the token before may be another one too that is spelled alike: a space, and then a word
                            assertThat(Math.min(gap, before))
                                    .as("%s -> %s, not %s", row, text, wanted)
                                    .isLessThan(NEAR_TIE);
                        }
                        before = gap;
                        kernels.read(inference.forward(next, i++, 1), logits);
                    }
                    equal += parted ? 0 : 1;
                }
            }
        }
        // three of nine where this was written; every other one parts at a near-tie, after which nothing can be
        // compared
        assertThat(equal).isPositive();
    }

    /** How far the second largest is below the largest. */
    private static double gap(float[] logits) {
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length - 1] - sorted[sorted.length - 2];
    }
}
