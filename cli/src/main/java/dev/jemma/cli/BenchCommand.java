package dev.jemma.cli;

import dev.jemma.engine.Benchmark;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.api.Recompute;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
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
     * @param flopsPerToken operations for a token: products of weights, and of attention's queries, keys and values
     *     inside its mask
     * @param peakBytes the most memory the process has held resident until then; 0 where the system does not say
     */
    private record Measured(
            String test, double first, double[] rates, double bytesPerToken, double flopsPerToken, long peakBytes) {
        Measured(String test, List<Benchmark.Speed> runs) {
            this(
                    test,
                    runs.getFirst().tokensPerSecond(),
                    runs.stream()
                            .skip(1)
                            .mapToDouble(Benchmark.Speed::tokensPerSecond)
                            .toArray(),
                    runs.getFirst().bytesPerToken(),
                    runs.getFirst().flopsPerToken(),
                    ResidentMemory.peakBytes());
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
            Benchmark benchmark = gemma.benchmark(adapters);
            if (prompt > 0) {
                measured.add(new Measured("pp" + prompt, repeat(() -> benchmark.prompt(prompt))));
            }
            if (generated > 0) {
                measured.add(new Measured("tg" + generated, repeat(() -> benchmark.answer(generated))));
            }
            if (train) {
                int tokens = prompt > 0 ? prompt : 512;
                try (Benchmark.Steps steps =
                        benchmark.trainingSteps(tokens, gradientCheckpointing ? Recompute.BLOCKS : Recompute.NEVER)) {
                    measured.add(new Measured("train" + tokens, repeat(steps::measure)));
                }
            }
        }
        print(measured);
        return 0;
    }

    /** The very first run, then the measured ones; those between them warm up. */
    private List<Benchmark.Speed> repeat(Supplier<Benchmark.Speed> test) {
        long start = System.nanoTime();
        List<Benchmark.Speed> runs = new ArrayList<>();
        runs.add(test.get());
        while (System.nanoTime() - start < WARM_UP_NANOS) {
            var _ = test.get();
        }
        for (int i = 0; i < repeats; i++) {
            runs.add(test.get());
        }
        return runs;
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
