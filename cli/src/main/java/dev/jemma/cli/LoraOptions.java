package dev.jemma.cli;

import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.TargetModules;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** The adapter that {@code train} makes, under PEFT's names. */
final class LoraOptions {
    @Option(
            names = {"--lora-r", "--r"},
            paramLabel = "N",
            description = "Rank (${DEFAULT-VALUE}).")
    private int r;

    @Option(
            names = "--lora-alpha",
            paramLabel = "X",
            description = "Updates are scaled by alpha / r (${DEFAULT-VALUE}).")
    private double loraAlpha;

    @Option(names = "--lora-dropout", paramLabel = "X", description = "Dropout of adapter inputs (${DEFAULT-VALUE}).")
    private double loraDropout;

    @Option(
            names = "--target-modules",
            split = ",",
            paramLabel = "NAMES",
            hideParamSyntax = true,
            description = "all-linear, names such as q_proj,v_proj, or one regular expression (${DEFAULT-VALUE}).")
    private List<String> targetModules = List.of();

    @Option(names = "--use-rslora", negatable = true, fallbackValue = "true", description = "Scale by alpha / sqrt(r).")
    private boolean useRslora;

    @Option(
            names = "--rank-pattern",
            split = ",",
            paramLabel = "NAME=N,...",
            hideParamSyntax = true,
            description = "Ranks of some modules.")
    private Map<String, Integer> rankPattern = new LinkedHashMap<>();

    @Option(
            names = "--alpha-pattern",
            split = ",",
            paramLabel = "NAME=X,...",
            hideParamSyntax = true,
            description = "Alphas of some modules.")
    private Map<String, Double> alphaPattern = new LinkedHashMap<>();

    LoraConfig config() {
        return LoraConfig.of(r, loraAlpha, targets())
                .withLoraDropout(loraDropout)
                .withUseRslora(useRslora)
                .withPatterns(rankPattern, alphaPattern);
    }

    /**
     * One word of letters, digits and underscores is a module's name; with other characters it is a regular expression.
     */
    private TargetModules targets() {
        boolean one = targetModules.size() == 1;
        return one && !targetModules.getFirst().matches("\\w+(\\.\\w+)*")
                ? TargetModules.of(targetModules.getFirst())
                : TargetModules.of(targetModules);
    }
}
