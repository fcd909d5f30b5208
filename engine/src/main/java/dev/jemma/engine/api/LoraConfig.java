package dev.jemma.engine.api;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What an adapter adapts and how strongly: PEFT's LoraConfig, under its names.
 *
 * @param r rank
 * @param loraAlpha updates are scaled by {@code lora_alpha / r}
 * @param useRslora scale by {@code lora_alpha / sqrt(r)} instead
 * @param loraDropout share of the inputs of linear updates that training drops
 * @param targetModules what is adapted
 * @param excludeModules what is not, although targeted; names or a regular expression
 * @param layersToTransform layers to adapt; empty = all. Only with target names
 * @param layersPattern regular expressions of what stands before a layer's number; empty = any
 * @param rankPattern ranks of modules by regular expression of the end of their name, first match wins
 * @param alphaPattern alphas of modules, likewise
 * @param init how A begins; B begins as zeros
 * @param baseModelNameOrPath the model it belongs to
 */
public record LoraConfig(
        int r,
        double loraAlpha,
        boolean useRslora,
        double loraDropout,
        TargetModules targetModules,
        Optional<TargetModules> excludeModules,
        List<Integer> layersToTransform,
        List<String> layersPattern,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        Init init,
        Optional<String> baseModelNameOrPath) {

    /** The largest rank accepted, far above any in use. */
    public static final int MAX_RANK = 1 << 16;

    /**
     * How the A of a linear update begins. An embedding's A begins as zeros and its B as N(0, 1), whatever is chosen
     * here.
     */
    public enum Init {
        /** Uniform in {@code +-1/sqrt(in)}: {@code init_lora_weights = true}. */
        KAIMING_UNIFORM,
        /** N(0, (1/r)^2): {@code init_lora_weights = "gaussian"}. */
        GAUSSIAN
    }

    public LoraConfig {
        Objects.requireNonNull(init, "init");
        layersToTransform = List.copyOf(layersToTransform);
        layersPattern = List.copyOf(layersPattern);
        rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
        alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
        require(r >= 1 && r <= MAX_RANK, "r", r, "a whole number from 1 to " + MAX_RANK);
        require(Double.isFinite(loraAlpha), "lora_alpha", loraAlpha, "a finite number");
        require(loraDropout >= 0 && loraDropout < 1, "lora_dropout", loraDropout, "0 or more and below 1");
        rankPattern.forEach((pattern, rank) -> require(
                rank >= 1 && rank <= MAX_RANK,
                "rank_pattern." + pattern,
                rank,
                "a whole number from 1 to " + MAX_RANK));
        require(
                targetModules instanceof TargetModules.Names || layersToTransform.isEmpty(),
                "layers_to_transform",
                layersToTransform,
                "none where target_modules is not a list of names");
        require(
                layersPattern.isEmpty() || !layersToTransform.isEmpty(),
                "layers_pattern",
                layersPattern,
                "none where layers_to_transform is not set");
    }

    private static void require(boolean holds, String key, Object value, String wanted) {
        if (!holds) {
            throw new IllegalArgumentException(key + " is " + value + ", wanted " + wanted);
        }
    }

    /** Rank and alpha for {@code targetModules}, everything else as PEFT has it by default. */
    public static LoraConfig of(int r, double loraAlpha, TargetModules targetModules) {
        return new LoraConfig(
                r,
                loraAlpha,
                false,
                0,
                targetModules,
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of(),
                Map.of(),
                Init.KAIMING_UNIFORM,
                Optional.empty());
    }

    /** The defaults of {@code jemma train}: r 16, alpha 32, every linear map but the head. */
    public static LoraConfig defaults() {
        return of(16, 32, new TargetModules.AllLinear());
    }

    private LoraConfig with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.done();
    }

    /** The same with another rank. */
    public LoraConfig withR(int value) {
        return with(draft -> draft.r = value);
    }

    /** The same with another {@code lora_alpha}. */
    public LoraConfig withLoraAlpha(double value) {
        return with(draft -> draft.loraAlpha = value);
    }

    /** The same with {@code use_rslora} set or not. */
    public LoraConfig withUseRslora(boolean value) {
        return with(draft -> draft.useRslora = value);
    }

    /** The same with another {@code lora_dropout}. */
    public LoraConfig withLoraDropout(double value) {
        return with(draft -> draft.loraDropout = value);
    }

    /** The same with other {@code target_modules}. */
    public LoraConfig withTargetModules(TargetModules value) {
        return with(draft -> draft.targetModules = value);
    }

    /** The same with an A that begins another way. */
    public LoraConfig withInit(Init value) {
        return with(draft -> draft.init = value);
    }

    /** The same with {@code rank_pattern} and {@code alpha_pattern}. */
    public LoraConfig withPatterns(Map<String, Integer> ranks, Map<String, Double> alphas) {
        return with(draft -> {
            draft.rankPattern = ranks;
            draft.alphaPattern = alphas;
        });
    }

    /** The same, belonging to {@code model}. */
    public LoraConfig withBaseModel(String model) {
        return with(draft -> draft.baseModelNameOrPath = Optional.of(model));
    }

    /** The components, to be changed one by one. */
    private static final class Draft {
        private int r;
        private double loraAlpha;
        private boolean useRslora;
        private double loraDropout;
        private TargetModules targetModules;
        private Optional<TargetModules> excludeModules;
        private List<Integer> layersToTransform;
        private List<String> layersPattern;
        private Map<String, Integer> rankPattern;
        private Map<String, Double> alphaPattern;
        private Init init;
        private Optional<String> baseModelNameOrPath;

        Draft(LoraConfig from) {
            r = from.r;
            loraAlpha = from.loraAlpha;
            useRslora = from.useRslora;
            loraDropout = from.loraDropout;
            targetModules = from.targetModules;
            excludeModules = from.excludeModules;
            layersToTransform = from.layersToTransform;
            layersPattern = from.layersPattern;
            rankPattern = from.rankPattern;
            alphaPattern = from.alphaPattern;
            init = from.init;
            baseModelNameOrPath = from.baseModelNameOrPath;
        }

        LoraConfig done() {
            return new LoraConfig(
                    r,
                    loraAlpha,
                    useRslora,
                    loraDropout,
                    targetModules,
                    excludeModules,
                    layersToTransform,
                    layersPattern,
                    rankPattern,
                    alphaPattern,
                    init,
                    baseModelNameOrPath);
        }
    }
}
