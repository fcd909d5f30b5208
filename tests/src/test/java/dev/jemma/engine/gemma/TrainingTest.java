package dev.jemma.engine.gemma;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.api.WeightType;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.gemma.Training.Options;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The hand-written backward of whole models against differences of the loss, and what a training promises about
 * batches.
 */
final class TrainingTest {
    private static Batch batch(TinyModels tiny, long seed) {
        int[] a = tiny.ids(17, seed);
        int[] b = tiny.ids(9, seed + 1);
        int[] labelsOfA = a.clone();
        Arrays.fill(labelsOfA, 0, 6, TrainingExample.IGNORED);
        return Batch.of(List.of(a, b), List.of(labelsOfA, b));
    }

    /**
     * Along each factor's own gradient, the slope of the loss is the gradient's norm. Five points, so that a step large
     * enough to drown the f32 rounding of activations still has an error of the fourth order: together below 2e-4.
     */
    @ParameterizedTest
    @CsvSource({"gemma1,0,AUTO", "gemma2,0,AUTO", "gemma3,0.3,AUTO", "gemma2,0,Q8", "gemma3,0,Q4"})
    void slopesOfTheLossAreTheGradients(String name, float dropout, WeightType weights) throws IOException {
        try (TinyModels tiny = new TinyModels(name, Backend.REFERENCE, weights)) {
            LowRanks adapter = tiny.adapter("lora");
            Batch batch = batch(tiny, 1);
            try (Training training =
                    new Training(tiny.model, adapter, new Options(batch.tokens(), Recompute.NEVER, dropout))) {
                training.lossAndGradients(batch, 1, 42);
                Map<String, float[]> gradients = new LinkedHashMap<>();
                training.gradients().modules().forEach((module, g) -> {
                    gradients.put(module + " A", Closeness.read(tiny.kernels, g.a()));
                    gradients.put(module + " B", Closeness.read(tiny.kernels, g.b()));
                });
                adapter.modules().forEach((module, factors) -> {
                    check(tiny.kernels, training, batch, factors.a(), of(gradients, module + " A"), module + " A");
                    check(tiny.kernels, training, batch, factors.b(), of(gradients, module + " B"), module + " B");
                });
            }
        }
    }

    private static float[] of(Map<String, float[]> gradients, String key) {
        return requireNonNull(gradients.get(key), key);
    }

    private static void check(
            Kernels kernels, Training training, Batch batch, Tensor factor, float[] gradient, String name) {
        double norm = Closeness.norm(gradient);
        assertThat(norm).as(name).isPositive();
        float[] start = Closeness.read(kernels, factor);
        double step = 0.004 * Math.max(Closeness.norm(start), 0.1);
        double[] loss = new double[5];
        for (int i = -2; i <= 2; i++) {
            float[] moved = start.clone();
            for (int j = 0; j < moved.length; j++) {
                moved[j] += (float) (i * step * gradient[j] / norm);
            }
            kernels.write(factor, moved, 0, moved.length);
            loss[i + 2] = i == 0 ? 0 : training.lossAndGradients(batch, 0, 42);
        }
        kernels.write(factor, start, 0, start.length);
        double slope = (loss[0] - 8 * loss[1] + 8 * loss[3] - loss[4]) / (12 * step);
        assertThat(slope / norm).as(name).isCloseTo(1, within(5e-4));
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void recomputedBlocksGiveTheSameBits(Backend backend) throws IOException {
        for (String name : List.of("gemma1", "gemma2", "gemma3")) {
            try (TinyModels tiny = new TinyModels(name, backend)) {
                LowRanks adapter = tiny.adapter("lora");
                Batch batch = batch(tiny, 2);
                Map<String, float[]> kept = gradients(tiny, adapter, batch, new Options(64, Recompute.NEVER, 0.1f));
                Map<String, float[]> again = gradients(tiny, adapter, batch, new Options(64, Recompute.BLOCKS, 0.1f));
                kept.forEach(
                        (key, gradient) -> assertThat(again.get(key)).as(key).isEqualTo(gradient));
            }
        }
    }

    private static Map<String, float[]> gradients(TinyModels tiny, LowRanks adapter, Batch batch, Options options) {
        try (Training training = new Training(tiny.model, adapter, options)) {
            training.lossAndGradients(batch, 0.5f, 7);
            return read(tiny, training);
        }
    }

    private static Map<String, float[]> read(TinyModels tiny, Training training) {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        training.gradients().modules().forEach((module, g) -> {
            gradients.put(module + " A", Closeness.read(tiny.kernels, g.a()));
            gradients.put(module + " B", Closeness.read(tiny.kernels, g.b()));
        });
        return gradients;
    }

    /**
     * An adapter on a few modules must get the gradients that these modules get in an adapter on all, in which the
     * others do nothing (B = 0): whatever part of the backward it lets out, it may not need.
     */
    @ParameterizedTest
    @CsvSource({
        "lm_head",
        "model.embed_tokens",
        "model.layers.2.mlp.down_proj",
        "model.layers.2.mlp.up_proj",
        "model.layers.2.mlp.gate_proj",
        "model.layers.2.self_attn.o_proj",
        "model.layers.2.self_attn.v_proj",
        "model.layers.2.self_attn.k_proj",
        "model.layers.2.self_attn.q_proj",
        "model.layers.0.self_attn.k_proj"
    })
    void stopsNoSoonerThanTheLowestAdaptedModule(String lowest) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", Backend.REFERENCE)) {
            LowRanks all = tiny.adapter("lora");
            Map<String, LowRank> few = new LinkedHashMap<>();
            all.modules().forEach((module, factors) -> {
                if (module.equals(lowest) || module.equals("model.layers.3.mlp.gate_proj")) {
                    few.put(module, factors);
                } else {
                    tiny.kernels.zero(factors.b());
                }
            });
            Batch batch = batch(tiny, 3);
            for (Recompute recompute : Recompute.values()) {
                Options options = new Options(batch.tokens(), recompute, 0);
                Map<String, float[]> expected = gradients(tiny, all, batch, options);
                Map<String, float[]> actual = gradients(tiny, new LowRanks(few), batch, options);
                assertThat(actual).hasSize(4);
                actual.forEach((key, gradient) -> {
                    assertThat(Closeness.norm(gradient)).as(key).isPositive();
                    assertThat(Closeness.relative(gradient, of(expected, key)))
                            .as(key)
                            .isLessThan(1e-6);
                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void sequencesOfABatchAddUp(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            LowRanks adapter = tiny.adapter("lora");
            int[] a = tiny.ids(17, 4);
            int[] b = tiny.ids(8, 5);
            Options options = new Options(25, Recompute.NEVER, 0);
            try (Training together = new Training(tiny.model, adapter, options);
                    Training apart = new Training(tiny.model, adapter, options)) {
                Batch both = Batch.of(List.of(a, b), List.of(a, b));
                assertThat(both.supervised()).isEqualTo(16 + 7);
                double loss = together.lossAndGradients(both, 0.25f, 0);
                double lossApart = apart.lossAndGradients(Batch.of(b), 0.25f, 0);
                lossApart += apart.lossAndGradients(Batch.of(a), 0.25f, 0);
                assertThat(loss).isCloseTo(lossApart, within(1e-4));
                assertThat(together.loss(both)).isEqualTo(loss);
                Map<String, float[]> expected = read(tiny, apart);
                read(tiny, together)
                        .forEach((key, gradient) -> assertThat(Closeness.relative(gradient, of(expected, key)))
                                .as(key)
                                .isLessThan(1e-5));
                together.zeroGradients();
                read(tiny, together)
                        .forEach((key, gradient) ->
                                assertThat(Closeness.norm(gradient)).as(key).isZero());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void dropoutFollowsItsSeed(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend);
                Training training =
                        new Training(tiny.model, tiny.adapter("lora"), new Options(26, Recompute.NEVER, 0.5f))) {
            Batch batch = batch(tiny, 6);
            double loss = training.lossAndGradients(batch, 1, 1);
            assertThat(training.lossAndGradients(batch, 1, 1)).isEqualTo(loss);
            assertThat(training.lossAndGradients(batch, 1, 2)).isNotEqualTo(loss);
            double evaluated = training.loss(batch);
            assertThat(evaluated).isNotEqualTo(loss);
            try (Training without =
                    new Training(tiny.model, tiny.adapter("lora"), new Options(26, Recompute.NEVER, 0))) {
                assertThat(without.loss(batch)).isEqualTo(evaluated);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void refusesWhatDoesNotFit(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma2", backend);
                Training training =
                        new Training(tiny.model, tiny.adapter("lora"), new Options(10, Recompute.NEVER, 0))) {
            assertThatThrownBy(() -> training.loss(Batch.of(tiny.ids(11, 1))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a batch of 11 tokens, wanted at most 10");
            assertThatThrownBy(() -> training.loss(Batch.of(new int[] {5, 96})))
                    .hasMessage("id 96 at index 1 of the batch, wanted 0 to 95");
            assertThatThrownBy(() -> training.loss(Batch.of(new int[] {5, 6}, new int[] {5, -1})))
                    .hasMessage("label -1 at index 1 of the batch, wanted 0 to 95");
            assertThatThrownBy(() -> new Batch(new int[3], new int[3], new int[] {0, 3}))
                    .hasMessage("sequence starts [0, 3], wanted them ascending and below 3");
            Batch unsupervised = Batch.of(new int[] {5, 6}, new int[] {5, TrainingExample.IGNORED});
            assertThat(training.lossAndGradients(unsupervised, 1, 0)).isZero();
        }
        assertThatThrownBy(() -> new Options(1, Recompute.NEVER, 1))
                .hasMessage(
                        "training of 1 tokens a batch with dropout 1.0, wanted at least one token and a dropout from 0 to below 1");
    }

    /** The estimate is the plan: a backend that gives no more than was asked for finds room for everything. */
    @ParameterizedTest
    @EnumSource(Backend.class)
    void sizesAreKnownBeforehand(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend);
                Slab factors = tiny.kernels.slab(64)) {
            assertThat(factors.allocate(DType.F32, 1).elements()).isEqualTo(1);
            Map<String, Integer> ranks = tiny.adapter("lora").modules().entrySet().stream()
                    .collect(Collectors.toMap(
                            Map.Entry::getKey, e -> e.getValue().rank()));
            GemmaConfig config = tiny.checkpoint.config();
            long kept = Training.bytes(config, ranks, new Options(200, Recompute.NEVER, 0));
            long recomputed = Training.bytes(config, ranks, new Options(200, Recompute.BLOCKS, 0));
            long dropped = Training.bytes(config, ranks, new Options(200, Recompute.NEVER, 0.1f));
            long none = Training.bytes(config, Map.of(), new Options(200, Recompute.NEVER, 0));
            assertThat(kept).isBetween(2 * recomputed, 4 * recomputed);
            assertThat(dropped).isEqualTo(kept + 2L * 200 * 64 * 4);
            assertThat(none).isLessThan(recomputed);
        }
    }
}
