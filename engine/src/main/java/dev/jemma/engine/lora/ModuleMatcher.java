package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.TargetModules;
import dev.jemma.engine.checkpoint.config.Parameter;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Decides which modules a config means, by the rules of PEFT 0.21 ({@code check_target_module_exists} in
 * tuners_utils.py, {@code get_pattern_key} in other.py). A module is known under several names: those of the text-only
 * model, and those that the multimodal classes of old and new transformers give it; a rule holds if it holds for one of
 * them.
 */
final class ModuleMatcher {
    /**
     * PEFT's rule without a layers_pattern: the first number that is a name of its own, two names or more from the
     * start.
     */
    private static final PythonRegex ANY_LAYER = PythonRegex.compile(".*?\\.[^.]*\\.(?P<idx>\\d+)\\.");

    private final LoraConfig config;
    private final Predicate<String> target;
    private final Predicate<String> exclude;
    private final List<PythonRegex> layers;
    private final Map<String, PythonRegex> patterns = new LinkedHashMap<>();

    /**
     * Compiles the config's patterns.
     *
     * @throws FormatException if one of them is malformed
     */
    ModuleMatcher(LoraConfig config) {
        this.config = config;
        this.target = predicate(config.targetModules());
        this.exclude = config.excludeModules().map(ModuleMatcher::predicate).orElse(name -> false);
        this.layers = config.layersPattern().isEmpty()
                ? List.of(ANY_LAYER)
                : config.layersPattern().stream()
                        .map(pattern -> PythonRegex.compile("(?:^|.*?\\.)" + pattern + "\\.(?P<idx>\\d+)\\."))
                        .toList();
        config.rankPattern().keySet().forEach(this::compile);
        config.alphaPattern().keySet().forEach(this::compile);
    }

    private void compile(String key) {
        patterns.computeIfAbsent(key, pattern -> PythonRegex.compile("(.*\\.)?(" + pattern + ")"));
    }

    private static Predicate<String> predicate(TargetModules modules) {
        return switch (modules) {
            case TargetModules.Names(List<String> names) -> byName(names);
            case TargetModules.Regex(String pattern) -> PythonRegex.compile(pattern)::matches;
            case TargetModules.AllLinear() -> name -> true;
        };
    }

    private static Predicate<String> byName(List<String> names) {
        Set<String> set = new HashSet<>(names);
        return module -> {
            for (int dot = -1; dot < module.length(); ) {
                if (set.contains(module.substring(dot + 1))) {
                    return true;
                }
                dot = module.indexOf('.', dot + 1);
                if (dot < 0) {
                    break;
                }
            }
            return false;
        };
    }

    /** Whether the config adapts {@code module}, known under {@code names}. */
    boolean targets(Parameter module, List<String> names) {
        if (names.stream().anyMatch(exclude)) {
            return false;
        }
        if (config.targetModules() instanceof TargetModules.AllLinear) {
            return module.kind() == Parameter.Kind.LINEAR;
        }
        return targetsName(names);
    }

    /** Whether the config's targets, exclusions and layers leave a module of these names in. */
    boolean targetsName(List<String> names) {
        return names.stream().noneMatch(exclude)
                && names.stream().anyMatch(name -> target.test(name) && inLayers(name));
    }

    private boolean inLayers(String name) {
        if (config.layersToTransform().isEmpty()) {
            return true;
        }
        for (PythonRegex layer : layers) {
            Optional<String> number = layer.groupAtStart(name, "idx");
            if (number.isPresent()) {
                return number.get().length() < 10 && config.layersToTransform().contains(Integer.valueOf(number.get()));
            }
        }
        return false;
    }

    /** The rank of a module. */
    int rank(List<String> names) {
        return first(config.rankPattern(), names).orElse(config.r());
    }

    /** What the update of a module is multiplied by, as f32. */
    float scale(List<String> names) {
        double alpha = first(config.alphaPattern(), names).orElse(config.loraAlpha());
        int rank = rank(names);
        return (float) (config.useRslora() ? alpha / Math.sqrt(rank) : alpha / rank);
    }

    private <T> Optional<T> first(Map<String, T> byPattern, List<String> names) {
        for (Map.Entry<String, T> entry : byPattern.entrySet()) {
            PythonRegex pattern = patterns.get(entry.getKey());
            if (pattern != null && names.stream().anyMatch(pattern::matches)) {
                return Optional.of(entry.getValue());
            }
        }
        return Optional.empty();
    }
}
