package dev.jemma.engine.gemma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.gemma.ReferenceData.Key;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.tests.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Everything that Hugging Face computed with tiny models: those of make_tiny_models.py, bundled, and those of
 * make_reference.py where they are. Fresh models of either script are checked with {@code -Djemma.reference=FOLDER}.
 *
 * <p>Tolerances are those that the references are stated with: f32 with another order of summation.
 */
final class ReferenceModelsTest {
    private static final double LOGITS = 2e-4;
    private static final double HIDDEN = 1e-4;

    /** A model folder and the backend to run it with. */
    record Case(Path folder, Backend backend) {
        @Override
        public String toString() {
            return folder + " " + backend;
        }
    }

    /** An adapter of a model. */
    record AdapterCase(Path model, String name, Backend backend) {
        Path folder() {
            return model.resolve(name);
        }

        ReferenceData results() throws IOException {
            return new ReferenceData(model.resolve(name + ".safetensors"));
        }

        @Override
        public String toString() {
            return folder() + " " + backend;
        }
    }

    static Stream<Case> models() throws IOException {
        List<Path> roots = new ArrayList<>(List.of(TinyModels.ROOT));
        Optional.ofNullable(System.getProperty("jemma.reference"))
                .map(Path::of)
                .or(() -> Shared.folder("reference/models"))
                .ifPresent(roots::add);
        List<Case> cases = new ArrayList<>();
        for (Path root : roots) {
            try (Stream<Path> folders = Files.list(root)) {
                folders.sorted().forEach(folder -> cases.add(new Case(folder, Backend.CPU)));
            }
        }
        // The slow reference, once.
        cases.add(new Case(TinyModels.ROOT.resolve("gemma3"), Backend.REFERENCE));
        return cases.stream();
    }

    static Stream<AdapterCase> adapters() throws IOException {
        return models().flatMap(model -> Stream.of("lora", "lora-rs-pattern", "lora-embedding")
                .map(name -> new AdapterCase(model.folder, name, model.backend))
                .filter(adapter -> Files.isDirectory(adapter.folder())));
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAndHiddenStates(Case c) throws IOException {
        try (Kernels kernels = c.backend.kernels();
                Checkpoint checkpoint = Checkpoint.open(c.folder);
                GemmaModel model = new GemmaModel(checkpoint, kernels);
                ReferenceData expected = new ReferenceData(c.folder.resolve("forward.safetensors"))) {
            int rows = Math.toIntExact(expected.shape("input_ids")[0]);
            for (int row = 0; row < rows; row++) {
                int[] ids = expected.ints("input_ids", row);
                float[][] hidden = new float[checkpoint.config().numHiddenLayers() + 1][];
                try (Inference inference = new Inference(model, List.of(), wholeRow(ids))) {
                    inference.observe((x, layer) -> hidden[layer] = Closeness.read(kernels, x));
                    float[] logits = Closeness.read(kernels, inference.forwardAll(ids, 0, ids.length));
                    assertThat(Closeness.ofLargest(logits, row(expected, "logits", row)))
                            .isLessThan(LOGITS);
                }
                for (int layer = 0; layer < hidden.length; layer++) {
                    assertThat(Closeness.relative(hidden[layer], row(expected, "hidden." + layer, row)))
                            .as("hidden.%d", layer)
                            .isLessThan(HIDDEN);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void greedyIds(Case c) throws IOException {
        try (Kernels kernels = c.backend.kernels();
                Checkpoint checkpoint = Checkpoint.open(c.folder);
                GemmaModel model = new GemmaModel(checkpoint, kernels);
                ReferenceData expected = new ReferenceData(c.folder.resolve("forward.safetensors"));
                Inference inference = new Inference(model, List.of(), Inference.Options.of(128))) {
            int[] prompt = expected.ints("greedy.prompt");
            int[] wanted = expected.ints("greedy.new");
            int[] next = new int[wanted.length];
            Tensor logits = inference.forward(prompt, 0, prompt.length);
            for (int i = 0; i < next.length; i++) {
                next[i] = Closeness.indexOfLargest(Closeness.read(kernels, logits));
                logits = inference.forward(next, i, 1);
            }
            assertThat(next).isEqualTo(wanted);
        }
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void logitsWithAdapter(AdapterCase c) throws IOException {
        try (Kernels kernels = c.backend.kernels();
                Checkpoint checkpoint = Checkpoint.open(c.model);
                GemmaModel model = new GemmaModel(checkpoint, kernels);
                Slab slab = kernels.slab(ReferenceData.adapterBytes(c.folder()));
                ReferenceData expected = c.results()) {
            LowRanks adapter = ReferenceData.adapter(c.folder(), kernels, slab);
            int rows = Math.toIntExact(expected.shape("input_ids")[0]);
            for (int row = 0; row < rows; row++) {
                int[] ids = expected.ints("input_ids", row);
                try (Inference inference = new Inference(model, List.of(adapter), wholeRow(ids))) {
                    float[] logits = Closeness.read(kernels, inference.forwardAll(ids, 0, ids.length));
                    assertThat(Closeness.ofLargest(logits, row(expected, "logits", row)))
                            .isLessThan(LOGITS);
                    if (expected.names().contains("logits.merged")) {
                        assertThat(Closeness.ofLargest(logits, row(expected, "logits.merged", row)))
                                .isLessThan(LOGITS);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void lossAndGradientsOfAdapter(AdapterCase c) throws IOException {
        try (Kernels kernels = c.backend.kernels();
                Checkpoint checkpoint = Checkpoint.open(c.model);
                GemmaModel model = new GemmaModel(checkpoint, kernels);
                Slab slab = kernels.slab(ReferenceData.adapterBytes(c.folder()));
                ReferenceData expected = c.results()) {
            LowRanks adapter = ReferenceData.adapter(c.folder(), kernels, slab);
            Batch batch = Batch.of(
                    List.of(expected.ints("input_ids", 0), expected.ints("input_ids", 1)),
                    List.of(expected.ints("labels", 0), expected.ints("labels", 1)));
            for (Recompute recompute : Recompute.values()) {
                try (Training training =
                        new Training(model, adapter, new Training.Options(batch.tokens() + 3, recompute, 0))) {
                    double loss = training.lossAndGradients(batch, 1f / batch.supervised(), 0);
                    assertThat(loss / batch.supervised()).isCloseTo(expected.floats("loss")[0], withPercentage(1e-3));
                    assertThat(training.loss(batch)).isEqualTo(loss);
                    int compared = 0;
                    for (String name : expected.names()) {
                        if (name.startsWith("grad.")) {
                            compared++;
                            Key key = Key.of(name.substring("grad.".length()));
                            LowRank gradient =
                                    training.gradients().of(key.module()).orElseThrow();
                            float[] actual = Closeness.read(kernels, key.isA() ? gradient.a() : gradient.b());
                            float[] wanted = expected.floats(name);
                            assertThat(Closeness.cosine(actual, wanted))
                                    .as(name)
                                    .isGreaterThan(1 - 1e-5);
                            assertThat(Closeness.norm(actual) / Closeness.norm(wanted))
                                    .as(name)
                                    .isBetween(1 - 1e-3, 1 + 1e-3);
                        }
                    }
                    assertThat(compared).isEqualTo(2 * adapter.modules().size());
                }
            }
        }
    }

    private static Inference.Options wholeRow(int[] ids) {
        return Inference.Options.of(ids.length).withLogitRows(ids.length);
    }

    private static float[] row(ReferenceData data, String name, int row) {
        float[] all = data.floats(name);
        int size = all.length / Math.toIntExact(data.shape(name)[0]);
        return Arrays.copyOfRange(all, row * size, (row + 1) * size);
    }
}
