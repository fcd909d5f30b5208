package dev.jemma.engine.gemma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Slab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Sessions over the bundled models. Gemma 2's and 3's windows (6) are shorter than every sequence here, so that rings
 * wrap.
 */
final class InferenceTest {
    /** The same rows through other shapes: sums in another order. */
    private static final double SAME = 2e-6;

    private static final int LENGTH = 60;

    private static Inference open(TinyModels tiny, Inference.Options options) {
        return new Inference(tiny.model, List.of(), options);
    }

    private static float[] whole(TinyModels tiny, int[] ids) {
        try (Inference inference = open(tiny, Inference.Options.of(ids.length))) {
            return Closeness.read(tiny.kernels, inference.forward(ids, 0, ids.length));
        }
    }

    private static void assertSame(TinyModels tiny, Tensor logits, float[] expected) {
        assertThat(Closeness.ofLargest(Closeness.read(tiny.kernels, logits), expected))
                .isLessThan(SAME);
    }

    @ParameterizedTest
    @CsvSource({
        "gemma1,1",
        "gemma1,7",
        "gemma2,1",
        "gemma2,4",
        "gemma2,13",
        "gemma3,1",
        "gemma3,5",
        "gemma3,6",
        "gemma3,59"
    })
    void chunksGiveWhatTheWholeGives(String name, int chunk) throws IOException {
        for (Backend backend : Backend.values()) {
            try (TinyModels tiny = new TinyModels(name, backend)) {
                int[] ids = tiny.ids(LENGTH, 1);
                try (Inference inference =
                        open(tiny, Inference.Options.of(LENGTH).withChunk(chunk))) {
                    assertSame(tiny, inference.forward(ids, 0, LENGTH), whole(tiny, ids));
                    assertThat(inference.position()).isEqualTo(LENGTH);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void tokenByTokenGivesAllRowsOfTheWhole(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            int[] ids = tiny.ids(LENGTH, 2);
            try (Inference one = open(tiny, Inference.Options.of(LENGTH));
                    Inference all = open(tiny, Inference.Options.of(LENGTH).withLogitRows(LENGTH))) {
                float[] rows = Closeness.read(tiny.kernels, all.forwardAll(ids, 0, LENGTH));
                int width = rows.length / LENGTH;
                for (int t = 0; t < LENGTH; t++) {
                    assertSame(tiny, one.forward(ids, t, 1), Arrays.copyOfRange(rows, t * width, (t + 1) * width));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"gemma1", "gemma2", "gemma3"})
    void rewindsAsFarAsPromised(String name) throws IOException {
        try (TinyModels tiny = new TinyModels(name, Backend.REFERENCE)) {
            int[] first = tiny.ids(LENGTH, 3);
            int[] second = tiny.ids(LENGTH, 4);
            Inference.Options options = new Inference.Options(LENGTH, 1, 10, 1, 20, () -> false);
            int kept = LENGTH - 20;
            int[] joined = Arrays.copyOf(first, LENGTH);
            System.arraycopy(second, 0, joined, kept, 15);
            int[] expectedIds = Arrays.copyOf(joined, kept + 15);
            try (Inference inference = open(tiny, options)) {
                inference.forward(first, 0, LENGTH);
                assertThat(inference.rewind(kept)).isEqualTo(kept);
                assertSame(tiny, inference.forward(joined, kept, 15), whole(tiny, expectedIds));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"gemma1,5,5", "gemma2,5,0", "gemma3,5,0"})
    void saysSoWhenTheRingNoLongerHoldsWhatIsSeenThere(String name, int wanted, int reached) throws IOException {
        try (TinyModels tiny = new TinyModels(name, Backend.REFERENCE)) {
            int[] ids = tiny.ids(LENGTH, 5);
            Inference.Options options = new Inference.Options(LENGTH, 1, 10, 1, 0, () -> false);
            try (Inference inference = open(tiny, options)) {
                inference.forward(ids, 0, LENGTH);
                assertThat(inference.rewind(wanted)).isEqualTo(reached);
                assertThat(inference.position()).isEqualTo(reached);
                // From where it stands, everything is as if it had never been further.
                assertSame(tiny, inference.forward(ids, reached, 30 - reached), whole(tiny, Arrays.copyOf(ids, 30)));
                assertThat(inference.rewind(29)).isEqualTo(29);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void cachesGrowWithoutForgetting(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            int[] ids = tiny.ids(700, 6);
            try (Inference inference = open(tiny, Inference.Options.of(700).withChunk(64));
                    Inference atOnce = open(tiny, Inference.Options.of(700).withChunk(700))) {
                for (int t = 0; t < 600; t += 50) {
                    inference.forward(ids, t, 50);
                }
                float[] expected = Closeness.read(tiny.kernels, atOnce.forward(ids, 0, 700));
                assertSame(tiny, inference.forward(ids, 600, 100), expected);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void sequencesDoNotSeeOneAnother(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            int[] a = tiny.ids(31, 7);
            int[] b = tiny.ids(17, 8);
            int[] c = tiny.ids(40, 9);
            Inference.Options options =
                    Inference.Options.of(LENGTH).withSequences(3).withChunk(12);
            try (Inference inference = open(tiny, options)) {
                Tensor logits =
                        inference.forward(List.of(new Feed(2, c, 0, 39), new Feed(0, a, 0, 30), new Feed(1, b, 0, 16)));
                assertThat(logits.shape().dims())
                        .containsExactly(3, tiny.checkpoint.config().vocabSize());
                assertSame(tiny, logits.rows(0, 1), whole(tiny, Arrays.copyOf(c, 39)));
                assertSame(tiny, logits.rows(1, 2), whole(tiny, Arrays.copyOf(a, 30)));
                assertSame(tiny, logits.rows(2, 3), whole(tiny, Arrays.copyOf(b, 16)));
                logits =
                        inference.forward(List.of(new Feed(0, a, 30, 1), new Feed(1, b, 16, 1), new Feed(2, c, 39, 1)));
                assertSame(tiny, logits.rows(0, 1), whole(tiny, a));
                assertSame(tiny, logits.rows(1, 2), whole(tiny, b));
                assertSame(tiny, logits.rows(2, 3), whole(tiny, c));
                inference.rewind(1, 5);
                assertSame(tiny, inference.forward(List.of(new Feed(1, b, 5, 12))), whole(tiny, b));
                assertThat(inference.position(0)).isEqualTo(31);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void adaptersAddUp(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma2", backend)) {
            int[] ids = tiny.ids(12, 10);
            LowRanks full = tiny.adapter("lora");
            LowRanks pattern = tiny.adapter("lora-rs-pattern");
            float[] both;
            try (Inference inference =
                    new Inference(tiny.model, List.of(full, pattern, full), Inference.Options.of(12))) {
                both = Closeness.read(tiny.kernels, inference.forward(ids, 0, 12));
            }
            // full twice is full with twice its scale
            LowRanks doubled = new LowRanks(full.modules().entrySet().stream()
                    .collect(Collectors.toMap(
                            Map.Entry::getKey,
                            e -> new LowRank(
                                    e.getValue().a(),
                                    e.getValue().b(),
                                    2 * e.getValue().scale()))));
            try (Inference inference = new Inference(tiny.model, List.of(pattern, doubled), Inference.Options.of(12))) {
                assertSame(tiny, inference.forward(ids, 0, 12), both);
            }
            assertThat(Closeness.ofLargest(whole(tiny, ids), both)).isGreaterThan(0.01);
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void aCancelledChunkIsAsIfNeverFed(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            int[] ids = tiny.ids(LENGTH, 11);
            AtomicInteger asked = new AtomicInteger();
            // Two chunks of four layers go through, the third is cancelled in its third layer.
            Inference.Options options =
                    Inference.Options.of(LENGTH).withChunk(10).cancelledBy(() -> asked.incrementAndGet() == 11);
            try (Inference inference = open(tiny, options)) {
                assertThatThrownBy(() -> inference.forward(ids, 0, LENGTH))
                        .isInstanceOf(CancellationException.class)
                        .hasMessage("cancelled in layer 2");
                assertThat(inference.position()).isEqualTo(20);
                assertSame(tiny, inference.forward(ids, 20, 40), whole(tiny, ids));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void refusesWhatDoesNotFit(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend)) {
            assertThatThrownBy(() -> open(tiny, Inference.Options.of(1025)))
                    .hasMessage("a context of 1025 tokens, the model was made for 1024");
            try (Inference inference = open(tiny, Inference.Options.of(20))) {
                inference.forward(tiny.ids(15, 12), 0, 15);
                assertThatThrownBy(() -> inference.forward(tiny.ids(6, 12), 0, 6))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("6 tokens after 15 do not fit a context of 20");
                assertThatThrownBy(() -> inference.forward(new int[] {5, 96}, 0, 2))
                        .hasMessage("token id 96, wanted 0 to 95");
                assertThatThrownBy(() -> inference.forwardAll(tiny.ids(3, 12), 0, 3))
                        .hasMessage("logits of 3 rows, wanted at most 1, in chunks of at most 20");
                assertThatThrownBy(() -> inference.rewind(16))
                        .hasMessage("rewind to position 16 of a sequence at position 15");
                assertThatThrownBy(() -> inference.forward(
                                List.of(new Feed(0, new int[] {5}, 0, 1), new Feed(0, new int[] {5}, 0, 1))))
                        .hasMessage("2 feeds for 1 sequences, wanted one at most for each");
                try (Inference two = open(tiny, Inference.Options.of(20).withSequences(2))) {
                    assertThatThrownBy(() -> two.forward(
                                    List.of(new Feed(1, new int[] {5}, 0, 1), new Feed(1, new int[] {5}, 0, 1))))
                            .hasMessage("two feeds for sequence 1, wanted one");
                }
                assertThatThrownBy(() -> inference.forward(List.of(new Feed(1, new int[] {5}, 0, 1))))
                        .hasMessage("tokens for sequence 1 of 1");
                assertThat(inference.position()).isEqualTo(15);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void namesEveryModuleThatDoesNotFit(Backend backend) throws IOException {
        try (TinyModels tiny = new TinyModels("gemma3", backend);
                Slab slab = tiny.kernels.slab(1 << 16)) {
            LowRank odd = new LowRank(slab.allocate(DType.F32, 2, 33), slab.allocate(DType.F32, 64, 2), 1);
            LowRanks adapter = new LowRanks(Map.of("model.layers.0.self_attn.q_proj", odd));
            assertThatThrownBy(() -> new Inference(tiny.model, List.of(adapter), Inference.Options.of(8)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "the adapter does not fit the model: module 'model.layers.0.self_attn.q_proj': A is [2, 33]"
                                    + " and B [64, 2], wanted [r, 32] and [64, r]");
            LowRanks unknown = new LowRanks(Map.of("model.layers.4.mlp.up_proj", odd));
            assertThatThrownBy(() -> new Inference(tiny.model, List.of(unknown), Inference.Options.of(8)))
                    .hasMessage(
                            "the adapter does not fit the model: the model has no module 'model.layers.4.mlp.up_proj'");
        }
    }
}
