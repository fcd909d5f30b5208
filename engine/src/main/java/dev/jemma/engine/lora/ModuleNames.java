package dev.jemma.engine.lora;

import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.TargetModules;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * What PEFT calls the modules of a model. In text-only models that is the canonical name; in multimodal ones
 * transformers puts the text model under {@code model.language_model} since 4.52, and under
 * {@code language_model.model} before.
 */
final class ModuleNames {
    /** What PEFT puts before a module's name in its file. */
    static final String FILE_PREFIX = "base_model.model.";

    private ModuleNames() {}

    /** Every name of a module that a config may refer to. */
    static List<String> of(String module) {
        if (module.equals(Place.HEAD.module())) {
            return List.of(module, "language_model." + module);
        }
        String inner = module.substring("model.".length());
        return List.of(module, "model.language_model." + inner, "language_model.model." + inner);
    }

    /** The names of a module that a config may refer to in this model. */
    static List<String> of(String module, GemmaConfig model) {
        return model.isMultimodal() ? of(module) : List.of(module);
    }

    /** The name of a module in a file that PEFT would write today. */
    static String fileName(Parameter module, GemmaConfig model) {
        return FILE_PREFIX + current(module.module(), model);
    }

    /** The canonical name of a factor: the module's, and what PEFT calls the factor. */
    static String factor(Parameter module, Factor factor) {
        return module.module() + "." + factor.key(module);
    }

    private static String current(String module, GemmaConfig model) {
        return model.isMultimodal() && module.startsWith("model.")
                ? "model.language_model." + module.substring("model.".length())
                : module;
    }

    /**
     * The modules that a config means in a model.
     *
     * @throws IllegalArgumentException if there are none, or it means what cannot be adapted
     */
    static SequencedMap<Parameter, Adapter.Rank> targeted(LoraConfig config, GemmaConfig model) {
        ModuleMatcher matcher = new ModuleMatcher(config);
        SequencedMap<Parameter, Adapter.Rank> modules = new LinkedHashMap<>();
        for (Parameter module : model.layout().modules()) {
            List<String> names = of(module.module(), model);
            if (matcher.targets(module, names)) {
                modules.put(module, new Adapter.Rank(matcher.rank(names), matcher.scale(names)));
            }
        }
        if (modules.isEmpty()) {
            throw new IllegalArgumentException(
                    "target_modules " + text(config.targetModules()) + " means no module of this "
                            + model.family().title()
                            + ", wanted names such as " + String.join(", ", linears(model)));
        }
        if (!(config.targetModules() instanceof TargetModules.AllLinear)) {
            for (String other : notAdaptable(model)) {
                if (matcher.targetsName(of(other, model))) {
                    throw new IllegalArgumentException("target_modules " + text(config.targetModules()) + " means "
                            + other + ", which is neither a linear map nor the embedding");
                }
            }
        }
        return modules;
    }

    private static List<String> notAdaptable(GemmaConfig model) {
        List<String> names = new ArrayList<>(List.of("model.layers", "model.rotary_emb"));
        for (int i = 0; i < model.numHiddenLayers(); i++) {
            String layer = Layout.layer(i);
            names.add(layer.substring(0, layer.length() - 1));
            names.add(layer + "self_attn");
            names.add(layer + "mlp");
            names.add(layer + "mlp.act_fn");
        }
        model.layout().parameters().stream()
                .filter(parameter -> !parameter.isModule())
                .map(Parameter::module)
                .forEach(names::add);
        return names;
    }

    /** The last names of the linear maps of a layer. */
    private static List<String> linears(GemmaConfig model) {
        return model.layout().modules().stream()
                .filter(module -> module.kind() == Parameter.Kind.LINEAR)
                .map(module -> lastName(module.module()))
                .distinct()
                .toList();
    }

    static String lastName(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    /** {@code target_modules} for the file. */
    static TargetModules saved(LoraConfig config, GemmaConfig model, Collection<String> adapted) {
        if (model.isMultimodal()) {
            // the vision tower has modules of the same last names
            return new TargetModules.Names(
                    adapted.stream().map(name -> current(name, model)).toList());
        }
        return config.targetModules() instanceof TargetModules.AllLinear
                ? new TargetModules.Names(
                        adapted.stream().map(ModuleNames::lastName).distinct().toList())
                : config.targetModules();
    }

    private static String text(TargetModules modules) {
        return switch (modules) {
            case TargetModules.Names(List<String> names) -> names.toString();
            case TargetModules.Regex(String pattern) -> "\"" + pattern + "\"";
            case TargetModules.AllLinear() -> "all-linear";
        };
    }
}
