package dev.jemma.engine.checkpoint.config;

import dev.jemma.engine.checkpoint.config.Declaration.Stage;
import dev.jemma.engine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The parameters of one model in the order of {@link Place}, layer by layer, and the views that others take of them.
 * Immutable.
 */
public final class Layout {
    private final GemmaConfig config;
    private final List<Parameter> parameters;
    private final List<Parameter> modules;
    private final Map<String, Integer> numbers = new LinkedHashMap<>();
    private final Map<Key, Parameter> byPlace = new LinkedHashMap<>();

    private record Key(Place place, int layer) {}

    private Layout(GemmaConfig config, List<Parameter> parameters) {
        this.config = config;
        this.parameters = List.copyOf(parameters);
        this.modules = parameters.stream().filter(Parameter::isModule).toList();
        modules.forEach(module -> numbers.put(module.module(), numbers.size()));
        parameters.forEach(parameter -> byPlace.put(new Key(parameter.place(), parameter.layer()), parameter));
    }

    /** The layout of the model that {@code config} describes. */
    static Layout of(GemmaConfig config) {
        List<Parameter> parameters = new ArrayList<>();
        int layers = config.layers().size();
        add(config, Stage.BEFORE_LAYERS, -1, parameters);
        for (int l = 0; l < layers; l++) {
            add(config, Stage.IN_LAYER, l, parameters);
        }
        add(config, Stage.AFTER_LAYERS, layers, parameters);
        return new Layout(config, parameters);
    }

    private static void add(GemmaConfig config, Stage stage, int layer, List<Parameter> parameters) {
        for (Place place : Place.values()) {
            boolean present = place.stage() == stage
                    && (stage != Stage.IN_LAYER
                            || place.declared().present().test(config.layers().get(layer)));
            if (present) {
                parameters.add(Parameter.of(config, place, layer));
            }
        }
    }

    /** The prefix of a layer's names: {@code model.layers.3.}. */
    public static String layer(int index) {
        return "model.layers." + index + ".";
    }

    /** The model's shape and constants. */
    public GemmaConfig config() {
        return config;
    }

    /** Every parameter. A tied head is among them, under the name and with the shape that it would have of its own. */
    public List<Parameter> parameters() {
        return parameters;
    }

    /** The parameters that files hold: every one but a tied head. */
    public List<Parameter> stored() {
        return parameters.stream()
                .filter(parameter -> !(parameter.place() == Place.HEAD && config.tieWordEmbeddings()))
                .toList();
    }

    /** The shapes of what files hold, by canonical name. */
    public SequencedMap<String, Shape> weights() {
        SequencedMap<String, Shape> weights = new LinkedHashMap<>();
        stored().forEach(parameter -> weights.put(parameter.name(), parameter.shape()));
        return Collections.unmodifiableSequencedMap(weights);
    }

    /**
     * The canonical name of the weight that a parameter of this name has in the files: a tied head's is the
     * embedding's.
     */
    public String storedName(String name) {
        return config.tieWordEmbeddings() && name.equals(Place.HEAD.weight()) ? Place.EMBEDDING.weight() : name;
    }

    /** The parameters that an adapter can change; a module's number is its index here. */
    public List<Parameter> modules() {
        return modules;
    }

    /**
     * The number of a module.
     *
     * @throws IllegalArgumentException if it is none of this model
     */
    public int number(Parameter module) {
        Integer number = numbers.get(module.module());
        if (number == null) {
            throw new IllegalArgumentException("the model has no module '" + module.module() + "'");
        }
        return number;
    }

    /** The module called {@code name}, if the model has it. */
    public Optional<Parameter> module(String name) {
        return Optional.ofNullable(numbers.get(name)).map(modules::get);
    }

    /** The parameter at {@code place} of layer {@code layer}, if the layer has one. */
    public Optional<Parameter> find(int layer, Place place) {
        return Optional.ofNullable(byPlace.get(new Key(place, layer)));
    }

    /**
     * The parameter at {@code place} of layer {@code layer}.
     *
     * @throws IllegalArgumentException if the layer has none
     */
    public Parameter of(int layer, Place place) {
        return find(layer, place)
                .orElseThrow(() -> new IllegalArgumentException(
                        "layer " + layer + " of this " + config.family().title() + " has no " + place));
    }

    /** The parameter at a place outside of the layers. */
    public Parameter of(Place place) {
        return of(place.stage() == Stage.BEFORE_LAYERS ? -1 : config.layers().size(), place);
    }
}
