package dev.jemma.engine.checkpoint.config;

import java.util.List;
import java.util.function.Predicate;

/**
 * What {@link Place} says of a parameter.
 *
 * @param kind what it does
 * @param path its module's name for Hugging Face: inside a layer, or outside of the layers the whole of it
 * @param ggufPath the same for llama.cpp
 * @param dimensions outermost first; linear maps are [outputs, inputs]
 * @param stage where in a forward it stands
 * @param present which layers have it
 * @param smallest the smallest form that {@code --weights} may give it
 */
record Declaration(
        Parameter.Kind kind,
        String path,
        String ggufPath,
        List<Dimension> dimensions,
        Stage stage,
        Predicate<LayerConfig> present,
        Parameter.Smallest smallest) {

    /** Where in a forward a parameter stands. */
    enum Stage {
        BEFORE_LAYERS,
        IN_LAYER,
        AFTER_LAYERS
    }

    static Declaration norm(String path, String ggufPath, Dimension width) {
        return inEveryLayer(Parameter.Kind.NORM, path, ggufPath, List.of(width), Parameter.Smallest.AS_STORED);
    }

    static Declaration linear(String path, String ggufPath, Dimension outputs, Dimension inputs) {
        return inEveryLayer(
                Parameter.Kind.LINEAR, path, ggufPath, List.of(outputs, inputs), Parameter.Smallest.FOUR_BITS);
    }

    /** Of the vocabulary, one way or the other. */
    static Declaration vocabulary(Parameter.Kind kind, String path, String ggufPath) {
        return inEveryLayer(
                kind, path, ggufPath, List.of(Dimension.VOCABULARY, Dimension.HIDDEN), Parameter.Smallest.EIGHT_BITS);
    }

    private static Declaration inEveryLayer(
            Parameter.Kind kind,
            String path,
            String ggufPath,
            List<Dimension> dimensions,
            Parameter.Smallest smallest) {
        return new Declaration(kind, path, ggufPath, dimensions, Stage.IN_LAYER, layer -> true, smallest);
    }

    Declaration beforeLayers() {
        return new Declaration(kind, path, ggufPath, dimensions, Stage.BEFORE_LAYERS, present, smallest);
    }

    Declaration afterLayers() {
        return new Declaration(kind, path, ggufPath, dimensions, Stage.AFTER_LAYERS, present, smallest);
    }

    Declaration where(Predicate<LayerConfig> layers) {
        return new Declaration(kind, path, ggufPath, dimensions, stage, layers, smallest);
    }

    Declaration in8BitsAtLeast() {
        return new Declaration(kind, path, ggufPath, dimensions, stage, present, Parameter.Smallest.EIGHT_BITS);
    }
}
