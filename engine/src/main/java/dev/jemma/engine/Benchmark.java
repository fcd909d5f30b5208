package dev.jemma.engine;

import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.Flops;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.lora.Adapter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * How fast an open {@link Gemma} is, on random tokens. Each call measures once; the first ones are slow, until Java has
 * compiled what they repeat. For one thread.
 */
public final class Benchmark {
    private static final int FIRST_ID = 3;
    private static final double SUPERVISED = 0.2;

    private final Gemma gemma;
    private final SessionOptions session;
    private final Flops flops;

    Benchmark(Gemma gemma, List<Path> adapters) {
        this.gemma = gemma;
        this.session = new SessionOptions(0, adapters);
        this.flops = Flops.of(gemma.checkpoint().config());
    }

    /**
     * One measurement.
     *
     * @param tokensPerSecond the speed
     * @param bytesPerToken bytes of weights read per token; 0 where reading is not what limits
     * @param flopsPerToken operations per token: products of weights, and of attention's queries, keys and values
     *     inside its mask. What a backward computes a second time is not counted
     */
    public record Speed(double tokensPerSecond, double bytesPerToken, double flopsPerToken) {}

    /** Reads a prompt of so many tokens. */
    public Speed prompt(int tokens) {
        try (Session reader = gemma.session(session)) {
            GenerationOptions one = GenerationOptions.GREEDY.withMaxNewTokens(1);
            double rate = reader.generate(ids(tokens), one, event -> {}).promptTokensPerSecond();
            return new Speed(rate, 0, flops.prompt(tokens) / tokens);
        }
    }

    /** Generates so many tokens after a short prompt. */
    public Speed answer(int tokens) {
        try (Session writer = gemma.session(session)) {
            GenerationOptions options =
                    GenerationOptions.GREEDY.withMaxNewTokens(tokens + 1).ignoringEos();
            double rate = writer.generate(ids(8), options, event -> {}).answerTokensPerSecond();
            return new Speed(rate, gemma.model().weights().bytesPerToken(), flops.answerToken());
        }
    }

    /**
     * Steps of {@link LoraConfig#defaults} on one row of so many tokens, a fifth of it supervised; closed by the
     * caller.
     */
    public Steps trainingSteps(int tokens, Recompute recompute) {
        return new Steps(tokens, recompute);
    }

    /** Training steps, each of them loss and gradients of one row. Owns an adapter and the buffers of a training. */
    public final class Steps implements AutoCloseable {
        private final Adapter adapter;
        private final Training training;
        private final Batch batch;

        private Steps(int tokens, Recompute recompute) {
            int[] ids = ids(tokens);
            int[] labels = ids.clone();
            Arrays.fill(labels, 0, (int) (tokens * (1 - SUPERVISED)), TrainingExample.IGNORED);
            batch = Batch.of(ids, labels);
            adapter = Adapter.create(LoraConfig.defaults(), gemma.checkpoint().config(), 1);
            training = new Training(gemma.model(), adapter.lowRanks(), new Training.Options(tokens, recompute, 0));
        }

        /** One step. */
        public Speed measure() {
            long start = System.nanoTime();
            training.zeroGradients();
            training.lossAndGradients(batch, 1f / batch.supervised(), 0);
            double seconds = (System.nanoTime() - start) / 1e9;
            int tokens = batch.tokens();
            double work = flops.lossAndGradients(tokens, SUPERVISED * tokens, Recompute.NEVER);
            return new Speed(tokens / seconds, 0, work / tokens);
        }

        @Override
        public void close() {
            training.close();
            adapter.close();
        }
    }

    private int[] ids(int count) {
        int vocabulary = gemma.checkpoint().config().vocabSize();
        return new SplittableRandom(7).ints(count, FIRST_ID, vocabulary).toArray();
    }
}
