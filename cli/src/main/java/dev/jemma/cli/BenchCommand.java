package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.Recompute;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.gemma.Batch;
import dev.jemma.engine.gemma.Training;
import dev.jemma.engine.lora.Adapter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

@Command(
        name = "bench",
        description = "Tokens a second of prompt reading (pp), generation (tg) and LoRA training steps.",
        mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
    /** For how long runs are not counted: until Java has compiled what they repeat. */
    private static final long WARM_UP_NANOS = 3_000_000_000L;

    private static final double SUPERVISED = 0.2;

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Model folder.")
    private Path model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @Mixin
    private ComputeOptions compute;

    @Option(
            names = {"-p", "--prompt-tokens"},
            defaultValue = "512",
            paramLabel = "N",
            description = "Prompt tokens; 0 = no test (${DEFAULT-VALUE}).")
    private int prompt;

    @Option(
            names = {"-n", "--new-tokens"},
            defaultValue = "32",
            paramLabel = "N",
            description = "Generated tokens; 0 = no test (${DEFAULT-VALUE}).")
    private int generated;

    @Option(names = "-t", paramLabel = "THREADS", defaultValue = "0", description = "As --threads.")
    private int threads;

    @Option(
            names = {"-r", "--repeats"},
            defaultValue = "3",
            paramLabel = "N",
            description = "Measured repeats, after runs of three seconds, at least one (${DEFAULT-VALUE}).")
    private int repeats;

    @Option(
            names = "--train",
            description =
                    "LoRA steps too: r 16 on all linears, one row of the prompt's length, a fifth of it supervised.")
    private boolean train;

    @Option(
            names = "--gradient-checkpointing",
            description = "LoRA steps compute blocks a second time instead of keeping their activations.")
    private boolean gradientCheckpointing;

    @Option(names = "--json", description = "Print a JSON array.")
    private boolean json;

    /**
     * What one test gave.
     *
     * @param test its name, {@code pp512}
     * @param first tokens a second of the very first run, while Java still compiles
     * @param rates tokens a second of each repeat
     * @param bytesPerToken bytes of weights read for a token; 0 where reading is not what limits
     * @param flopsPerToken operations for a token: products of weights, and of attention's queries, keys and values inside its mask
     * @param peakBytes the most memory the process has held resident until then; 0 where the system does not say
     */
    private record Measured(
            String test, double first, double[] rates, double bytesPerToken, double flopsPerToken, long peakBytes) {
        Measured(String test, Rates rates, double bytesPerToken, double flopsPerToken) {
            this(test, rates.first, rates.repeats, bytesPerToken, flopsPerToken, ResidentMemory.peakBytes());
        }

        double mean() {
            return Arrays.stream(rates).average().orElse(0);
        }

        double stdev() {
            double mean = mean();
            double sum = Arrays.stream(rates)
                    .map(rate -> (rate - mean) * (rate - mean))
                    .sum();
            return rates.length < 2 ? 0 : Math.sqrt(sum / (rates.length - 1));
        }
    }

    @Override
    public Integer call() {
        GemmaOptions options = threads > 0 ? compute.options().withThreads(threads) : compute.options();
        List<Measured> measured = new ArrayList<>();
        try (Gemma gemma = Gemma.open(model, options)) {
            spec.commandLine().getErr().println(model + " on " + gemma.description());
            GemmaConfig config = gemma.checkpoint().config();
            double layers = linears(config);
            double head = (double) config.vocabSize() * config.hiddenSize();
            if (prompt > 0) {
                double flops = 2 * layers + (attention(config, prompt) + 2 * head) / prompt;
                measured.add(new Measured("pp" + prompt, repeat(() -> read(gemma)), 0, flops));
            }
            if (generated > 0) {
                double bytes = gemma.model().weights().bytesPerToken();
                measured.add(new Measured("tg" + generated, repeat(() -> generate(gemma)), bytes, 2 * (layers + head)));
            }
            if (train) {
                int tokens = trainingTokens();
                // the gradients of attention's two products are four; what is computed a second time is not counted
                double flops = 4 * layers + 4 * head * SUPERVISED + 3 * attention(config, tokens) / tokens;
                measured.add(new Measured("train" + tokens, trainingSteps(gemma), 0, flops));
            }
        }
        print(measured);
        return 0;
    }

    /** Elements of the layers' linear maps. */
    private static double linears(GemmaConfig config) {
        return config.layout().modules().stream()
                .filter(module -> module.kind() == Parameter.Kind.LINEAR)
                .mapToDouble(module -> module.shape().elements())
                .sum();
    }

    /** Operations of attention over a row of so many tokens: two products of each query with each key that it sees. */
    private static double attention(GemmaConfig config, int tokens) {
        double flops = 0;
        for (LayerConfig layer : config.layers()) {
            double seen = layer.window() > 0 ? Math.min(tokens, layer.window()) : tokens;
            double pairs = seen * (seen + 1) / 2 + (tokens - seen) * seen;
            flops += 4 * pairs * layer.queryDim();
        }
        return flops;
    }

    private int trainingTokens() {
        return prompt > 0 ? prompt : 512;
    }

    /** Tokens a second of the first run and of the measured ones. */
    private record Rates(double first, double[] repeats) {}

    private Rates repeat(DoubleSupplier test) {
        long start = System.nanoTime();
        double first = test.getAsDouble();
        while (System.nanoTime() - start < WARM_UP_NANOS) {
            var _ = test.getAsDouble();
        }
        double[] rates = new double[repeats];
        for (int i = 0; i < repeats; i++) {
            rates[i] = test.getAsDouble();
        }
        return new Rates(first, rates);
    }

    private int[] randomIds(Gemma gemma, int count) {
        SplittableRandom random = new SplittableRandom(7);
        int vocabulary = gemma.checkpoint().config().vocabSize();
        return random.ints(count, 3, vocabulary).toArray();
    }

    private double read(Gemma gemma) {
        try (Session session = gemma.session(new SessionOptions(0, adapters))) {
            GenerationResult result = session.generate(
                    randomIds(gemma, prompt), GenerationOptions.GREEDY.withMaxNewTokens(1), event -> {});
            return result.promptTokensPerSecond();
        }
    }

    private double generate(Gemma gemma) {
        try (Session session = gemma.session(new SessionOptions(0, adapters))) {
            GenerationOptions options =
                    GenerationOptions.GREEDY.withMaxNewTokens(generated + 1).ignoringEos();
            return session.generate(randomIds(gemma, 8), options, event -> {}).answerTokensPerSecond();
        }
    }

    private Rates trainingSteps(Gemma gemma) {
        int tokens = trainingTokens();
        int[] ids = randomIds(gemma, tokens);
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, (int) (tokens * (1 - SUPERVISED)), TrainingExample.IGNORED);
        Batch batch = Batch.of(ids, labels);
        Recompute recompute = gradientCheckpointing ? Recompute.BLOCKS : Recompute.NEVER;
        try (Adapter adapter =
                        Adapter.create(LoraConfig.defaults(), gemma.checkpoint().config(), 1);
                Training training =
                        new Training(gemma.model(), adapter.lowRanks(), new Training.Options(tokens, recompute, 0))) {
            return repeat(() -> {
                long start = System.nanoTime();
                training.zeroGradients();
                training.lossAndGradients(batch, 1f / batch.supervised(), 0);
                return tokens / ((System.nanoTime() - start) / 1e9);
            });
        }
    }

    private void print(List<Measured> measured) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ArrayNode list = JsonNodeFactory.instance.arrayNode();
            for (Measured test : measured) {
                list.addObject()
                        .put("test", test.test)
                        .put("tokens_per_second", test.mean())
                        .put("stdev", test.stdev())
                        .put("first_tokens_per_second", test.first)
                        .put("bytes_per_second", test.mean() * test.bytesPerToken)
                        .put("flops_per_second", test.mean() * test.flopsPerToken)
                        .put("peak_resident_bytes", test.peakBytes);
            }
            out.println(list.toPrettyString());
            return;
        }
        out.printf("%-10s %22s %12s %12s %12s %12s%n", "test", "tokens/s", "first", "GB/s", "GFLOP/s", "peak GB");
        for (Measured test : measured) {
            out.printf(
                    Locale.ROOT,
                    "%-10s %12.1f ± %7.1f %12.1f %12.1f %12.1f %12.2f%n",
                    test.test,
                    test.mean(),
                    test.stdev(),
                    test.first,
                    test.mean() * test.bytesPerToken / 1e9,
                    test.mean() * test.flopsPerToken / 1e9,
                    test.peakBytes / 1e9);
        }
    }
}
