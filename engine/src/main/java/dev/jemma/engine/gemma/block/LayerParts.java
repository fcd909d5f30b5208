package dev.jemma.engine.gemma.block;

import dev.jemma.engine.checkpoint.ModelWeights;
import dev.jemma.engine.checkpoint.config.LayerConfig;
import dev.jemma.engine.checkpoint.config.Layout;
import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.checkpoint.config.Place;
import java.util.Optional;

/**
 * What a block is built of: the linear maps and norms of one layer by their places. Weights are borrowed.
 *
 * @param layout the model's
 * @param weights what it computes with
 * @param layer index of the layer
 */
public record LayerParts(Layout layout, ModelWeights weights, int layer) {
    /** What config.json says about the layer. */
    LayerConfig config() {
        return layout.config().layers().get(layer);
    }

    /** The linear map at {@code place}. */
    Linear linear(Place place) {
        return Linear.of(layout.of(layer, place), layout, weights);
    }

    /** The norm at {@code place}. */
    Norm norm(Place place) {
        return norm(layout.of(layer, place));
    }

    /** The norm at {@code place}, if the layer has one. */
    Optional<Norm> normIfAny(Place place) {
        return layout.find(layer, place).map(this::norm);
    }

    private Norm norm(Parameter parameter) {
        return Norm.of(parameter, layout, weights);
    }
}
