package dev.jemma.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.jemma.engine.api.EndTokens;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.constraint.TokenConstraint;
import dev.jemma.engine.gemma.GemmaModel;
import dev.jemma.engine.gemma.Inference;
import dev.jemma.engine.gemma.ReferenceData;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.tokenizer.Detokenizer;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Generation with the tiny reference models, whose ids a small tokenizer turns into text. */
final class GeneratorTest {
    private static final Path MODELS = Path.of("src", "test", "resources", "models");
    private static final Tokenizer TOKENIZER =
            Tokenizer.load(Path.of("src", "test", "resources", "tokenizer", "tiny.json"));
    private static final EndTokens NO_END = new EndTokens(Set.of(), Set.of());
    private static final Consumer<GenerationEvent> IGNORE = event -> {};
    private static final int VOCABULARY = 96;
    private static final long BYTES_A_TOKEN = 1024;

    /** A model and a session with it. */
    private record Fixture(
            Kernels kernels, Checkpoint checkpoint, GemmaModel model, Inference inference, Generator generator)
            implements AutoCloseable {
        static Fixture open(String name, int threads, Inference.Options options) throws IOException {
            Kernels kernels = CpuKernels.open(threads);
            Checkpoint checkpoint = Checkpoint.open(MODELS.resolve(name));
            GemmaModel model = new GemmaModel(checkpoint, kernels);
            Inference inference = new Inference(model, List.of(), options);
            return new Fixture(
                    kernels,
                    checkpoint,
                    model,
                    inference,
                    new Generator(inference, kernels, Optional.of(TOKENIZER), VOCABULARY, List.of()));
        }

        static Fixture open(String name) throws IOException {
            return open(name, 2, Inference.Options.of(256));
        }

        GenerationResult generate(int[] prompt, GenerationOptions options) {
            return generator.generate(prompt, options, NO_END, TokenConstraint.NONE, IGNORE);
        }

        @Override
        public void close() {
            inference.close();
            model.close();
            checkpoint.close();
            kernels.close();
        }
    }

    private static int[] prompt(long seed, int length) {
        return new Random(seed).ints(length, 2, VOCABULARY).toArray();
    }

    private static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static int[] ids(GenerationResult result) {
        return result.ids().stream().mapToInt(i -> i).toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma1", "gemma2", "gemma3"})
    void greedyIdsAreHuggingFaces(String name) throws IOException {
        try (var f = Fixture.open(name);
                var expected = new ReferenceData(MODELS.resolve(name).resolve("forward.safetensors"))) {
            int[] wanted = expected.ints("greedy.new");
            GenerationResult result = f.generate(
                    expected.ints("greedy.prompt"), GenerationOptions.GREEDY.withMaxNewTokens(wanted.length));
            assertThat(ids(result)).isEqualTo(wanted);
            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.text()).isEqualTo(TOKENIZER.decode(wanted, Specials.WITH));
        }
    }

    @Test
    void everyNumberOfThreadsAndChunkSizeGivesTheSame() throws IOException {
        int[] prompt = prompt(1, 40);
        Set<List<Integer>> greedy = new HashSet<>();
        Set<List<Integer>> sampled = new HashSet<>();
        for (int threads = 1; threads <= 2; threads++) {
            for (int chunk : new int[] {3, 64}) {
                try (var f = Fixture.open(
                        "gemma3", threads, Inference.Options.of(128).withChunk(chunk))) {
                    greedy.add(f.generate(prompt, GenerationOptions.GREEDY.withMaxNewTokens(40))
                            .ids());
                    sampled.add(f.generate(
                                    prompt,
                                    GenerationOptions.GREEDY
                                            .withMaxNewTokens(40)
                                            .withTemperature(1)
                                            .withTopP(0.9)
                                            .withSeed(5))
                            .ids());
                }
            }
        }
        assertThat(greedy).hasSize(1);
        assertThat(sampled).hasSize(1).isNotEqualTo(greedy);
    }

    @Test
    void whatWasReadBeforeIsNotReadAgain() throws IOException {
        int[] first = prompt(2, 30);
        var options = GenerationOptions.GREEDY.withMaxNewTokens(12);
        try (var f = Fixture.open("gemma2")) {
            GenerationResult one = f.generate(first, options);
            assertThat(one.reusedTokens()).isZero();
            int[] second = concat(first, ids(one), prompt(3, 5));
            GenerationResult two = f.generate(second, options);
            assertThat(two.reusedTokens())
                    .as("all but the last token generated, which was never fed")
                    .isEqualTo(41);
            assertThat(two.promptTokens()).isEqualTo(47);
            GenerationResult again = f.generate(second, options);
            assertThat(again.reusedTokens())
                    .as("the last prompt token is read for its logits")
                    .isEqualTo(46);
            assertThat(again.ids()).isEqualTo(two.ids());
            try (var fresh = Fixture.open("gemma2")) {
                assertThat(fresh.generate(second, options).ids()).isEqualTo(two.ids());
            }
        }
    }

    @Test
    void aPromptThatPartsFromTheCacheAnywhereGivesWhatAFreshSessionGives() throws IOException {
        var random = new Random(9);
        var options = GenerationOptions.GREEDY.withMaxNewTokens(6);
        // 4 positions of rewind room and windows of 6: most of these prompts lie beyond what the rings hold
        var narrow = new Inference.Options(256, 1, 16, 1, 4, () -> false);
        try (var f = Fixture.open("gemma3", 1, narrow)) {
            int[] last = prompt(10, 60);
            int readAgain = 0;
            for (int round = 0; round < 25; round++) {
                int keep = 1 + random.nextInt(last.length);
                int[] next = concat(Arrays.copyOf(last, keep), prompt(100 + round, 1 + random.nextInt(20)));
                GenerationResult cached = f.generate(next, options);
                readAgain += cached.reusedTokens() == 0 ? 1 : 0;
                try (var fresh = Fixture.open("gemma3", 1, narrow)) {
                    assertThat(fresh.generate(next, options).ids())
                            .as("round %d", round)
                            .isEqualTo(cached.ids());
                }
                last = concat(next, ids(cached));
            }
            assertThat(readAgain).isBetween(5, 24);
        }
    }

    @Test
    void endsBeforeAnEndTokenUnlessTold() throws IOException {
        int[] prompt = prompt(4, 10);
        try (var f = Fixture.open("gemma3")) {
            List<Integer> free = f.generate(prompt, GenerationOptions.GREEDY.withMaxNewTokens(20))
                    .ids();
            int end = free.get(7);
            int first = free.indexOf(end);
            var stop = new EndTokens(Set.of(end, 95), Set.of());
            var await = new EndTokens(Set.of(95), Set.of(end));
            GenerationResult stopped =
                    f.generator.generate(prompt, GenerationOptions.GREEDY, stop, TokenConstraint.NONE, IGNORE);
            assertThat(stopped.ids()).isEqualTo(free.subList(0, first));
            assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(f.generator
                            .generate(prompt, GenerationOptions.GREEDY, await, TokenConstraint.NONE, IGNORE)
                            .finishReason())
                    .isEqualTo(FinishReason.TOOL_CALL);
            var ignoring = GenerationOptions.GREEDY.withMaxNewTokens(20).ignoringEos();
            assertThat(f.generator
                            .generate(prompt, ignoring, stop, TokenConstraint.NONE, IGNORE)
                            .ids())
                    .isEqualTo(free);
        }
    }

    @Test
    void endsBeforeAStopTextThatSpansTokens() throws IOException {
        int[] prompt = prompt(5, 10);
        try (var f = Fixture.open("gemma1")) {
            GenerationResult free = f.generate(prompt, GenerationOptions.GREEDY.withMaxNewTokens(30));
            String text = free.text();
            assertThat(text.length()).isGreaterThan(12);
            String stop = text.substring(6, 9);
            var streamed = new StringBuilder();
            GenerationResult stopped = f.generator.generate(
                    prompt,
                    GenerationOptions.GREEDY.withMaxNewTokens(30).withStop(List.of("never", stop)),
                    NO_END,
                    TokenConstraint.NONE,
                    event -> {
                        switch (event) {
                            case GenerationEvent.Text(String piece) -> streamed.append(piece);
                            case GenerationEvent.Control(int id, String token) -> streamed.append(token);
                            case GenerationEvent.Prompted p ->
                                assertThat(p.tokens()).isEqualTo(10);
                            case GenerationEvent.Finished done ->
                                assertThat(done.result().text()).hasToString(streamed.toString());
                        }
                    });
            assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(stopped.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
            assertThat(streamed.toString()).isEqualTo(stopped.text());
            assertThat(stopped.ids())
                    .isEqualTo(free.ids().subList(0, stopped.ids().size()));
        }
    }

    @Test
    void eventsComeInOrder() throws IOException {
        try (var f = Fixture.open("gemma2")) {
            List<GenerationEvent> events = new ArrayList<>();
            GenerationResult result = f.generator.generate(
                    prompt(6, 8),
                    GenerationOptions.GREEDY.withMaxNewTokens(5),
                    NO_END,
                    TokenConstraint.NONE,
                    events::add);
            assertThat(events.getFirst())
                    .isInstanceOfSatisfying(
                            GenerationEvent.Prompted.class,
                            p -> assertThat(p.tokens()).isEqualTo(8));
            assertThat(events.getLast()).isEqualTo(new GenerationEvent.Finished(result));
            assertThat(events.subList(1, events.size() - 1))
                    .allMatch(e -> e instanceof GenerationEvent.Text || e instanceof GenerationEvent.Control);
        }
    }

    @Test
    void noNewTokensOnlyReadsThePrompt() throws IOException {
        try (var f = Fixture.open("gemma2")) {
            GenerationResult result = f.generate(prompt(6, 8), GenerationOptions.GREEDY.withMaxNewTokens(0));
            assertThat(result.ids()).isEmpty();
            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(f.inference.position()).isEqualTo(8);
        }
    }

    @Test
    void aFullContextEndsTheAnswer() throws IOException {
        int[] prompt = prompt(7, 10);
        try (var f = Fixture.open("gemma3", 1, Inference.Options.of(16));
                var wide = Fixture.open("gemma3")) {
            GenerationResult result = f.generate(prompt, GenerationOptions.GREEDY);
            assertThat(result.finishReason()).isEqualTo(FinishReason.CONTEXT);
            assertThat(result.ids())
                    .as("six positions are left, and the token after the last position needs none")
                    .hasSize(7)
                    .isEqualTo(wide.generate(prompt, GenerationOptions.GREEDY.withMaxNewTokens(7))
                            .ids());
            assertThatThrownBy(() -> f.generate(prompt(7, 17), GenerationOptions.GREEDY))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "the prompt has 17 tokens, the session's context holds 16; shorten it or open a session with a longer context");
            assertThatThrownBy(() -> f.generate(new int[0], GenerationOptions.GREEDY))
                    .hasMessage("the prompt has no tokens, wanted at least one (usually <bos>)");
            assertThat(f.generate(prompt(7, 16), GenerationOptions.GREEDY).ids())
                    .hasSize(1);
        }
    }

    @Test
    void cancellingKeepsWhatWasSaidAndTheSessionGoesOn() throws IOException {
        var cancelled = new AtomicBoolean();
        int[] prompt = prompt(8, 20);
        var options = GenerationOptions.GREEDY.withMaxNewTokens(30);
        try (var f = Fixture.open("gemma3", 2, Inference.Options.of(256).cancelledBy(cancelled::get))) {
            List<Integer> whole = f.generate(prompt, options).ids();
            int[] texts = {0};
            GenerationResult cut = f.generator.generate(prompt, options, NO_END, TokenConstraint.NONE, event -> {
                if (event instanceof GenerationEvent.Text && ++texts[0] == 4) {
                    cancelled.set(true);
                }
            });
            assertThat(cut.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(cut.ids())
                    .isNotEmpty()
                    .isEqualTo(whole.subList(0, cut.ids().size()));
            assertThat(cut.ids().size()).isLessThan(30);
            assertThat(f.generate(prompt(9, 25), options).ids())
                    .as("cancelled before the first token")
                    .isEmpty();
            cancelled.set(false);
            assertThat(f.generate(prompt, options).ids()).isEqualTo(whole);
        }
    }

    @Test
    void suppressedTokensNeverCome() throws IOException {
        int[] prompt = prompt(11, 12);
        try (var f = Fixture.open("gemma2")) {
            List<Integer> free = f.generate(prompt, GenerationOptions.GREEDY.withMaxNewTokens(10))
                    .ids();
            var generator = new Generator(
                    f.inference, f.kernels, Optional.of(TOKENIZER), VOCABULARY, List.of(free.getFirst(), 100_000));
            f.inference.rewind(0);
            assertThat(generator
                            .generate(
                                    prompt,
                                    GenerationOptions.GREEDY.withMaxNewTokens(10),
                                    NO_END,
                                    TokenConstraint.NONE,
                                    IGNORE)
                            .ids())
                    .doesNotContain(free.getFirst());
        }
    }

    /** What choosing a token and letting its text out costs; the model's own share is the kernels' affair. */
    @Test
    void choosingATokenAllocatesLittleJavaHeap() {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        float[] logits = new float[20_000];
        var random = new Random(13);
        var options = GenerationOptions.GREEDY
                .withTemperature(0.8)
                .withTopK(64)
                .withTopP(0.95)
                .withRepetitionPenalty(1.1)
                .withSeed(1);
        var sampler = new Sampler(options, logits.length, new int[0], TokenConstraint.NONE);
        var text = new AnswerText(List.of("<end>"), IGNORE);
        Detokenizer detokenizer = TOKENIZER.detokenizer(Specials.WITH);
        long before = 0;
        for (int token = 0; token < 300; token++) {
            if (token == 100) {
                before = threads.getCurrentThreadAllocatedBytes();
            }
            for (int i = 0; i < logits.length; i++) {
                logits[i] = random.nextFloat();
            }
            int id = sampler.choose(logits);
            sampler.see(id);
            text.add(detokenizer.add(id % VOCABULARY));
        }
        assertThat((threads.getCurrentThreadAllocatedBytes() - before) / 200).isLessThan(BYTES_A_TOKEN);
    }
}
