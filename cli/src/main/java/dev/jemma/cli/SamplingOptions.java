package dev.jemma.cli;

import dev.jemma.engine.api.GenerationOptions;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How answers are generated; what is not said is as the model's generation_config.json has it. */
final class SamplingOptions {
    @Option(names = "--max-new-tokens", paramLabel = "N", description = "Most tokens of an answer (256).")
    private Optional<Integer> maxNewTokens = Optional.empty();

    @Option(names = "--temperature", paramLabel = "T", description = "0 = always the likeliest token.")
    private Optional<Double> temperature = Optional.empty();

    @Option(names = "--top-k", paramLabel = "K", description = "Sample among the K likeliest tokens.")
    private Optional<Integer> topK = Optional.empty();

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Sample among the likeliest tokens of probability P together.")
    private Optional<Double> topP = Optional.empty();

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Leave out tokens less likely than P times the likeliest.")
    private Optional<Double> minP = Optional.empty();

    @Option(
            names = "--repetition-penalty",
            paramLabel = "R",
            description = "Make tokens that were there less likely; 1 = not.")
    private Optional<Double> repetitionPenalty = Optional.empty();

    @Option(names = "--seed", paramLabel = "S", description = "Makes sampling repeat.")
    private Optional<Long> seed = Optional.empty();

    @Option(names = "--stop", paramLabel = "TEXT", description = "End before this text; may be given several times.")
    private List<String> stop = List.of();

    @Option(names = "--ignore-eos", description = "Go on after the model's end token.")
    private boolean ignoreEos;

    /** The model's own options with what was said on the command line. */
    GenerationOptions over(GenerationOptions model) {
        GenerationOptions options = model;
        options = maxNewTokens.map(options::withMaxNewTokens).orElse(options);
        options = temperature.map(options::withTemperature).orElse(options);
        options = topK.map(options::withTopK).orElse(options);
        options = topP.map(options::withTopP).orElse(options);
        options = minP.map(options::withMinP).orElse(options);
        options = repetitionPenalty.map(options::withRepetitionPenalty).orElse(options);
        options = seed.map(options::withSeed).orElse(options);
        options = stop.isEmpty() ? options : options.withStop(stop);
        return ignoreEos ? options.ignoringEos() : options;
    }
}
