package dev.jemma.engine.checkpoint.config;

import dev.jemma.engine.checkpoint.config.Declaration.Stage;
import dev.jemma.engine.tensor.Shape;

/**
 * A parameter of a model.
 *
 * @param place what it is there for
 * @param layer index of its layer; -1 before the layers, their number after them
 * @param name canonical name of its weight: {@code model.layers.3.self_attn.q_proj.weight}
 * @param shape dimensions of its weight, outermost first; linear maps are [outputs, inputs], an embedding [vocabulary,
 *     outputs]
 */
public record Parameter(Place place, int layer, String name, Shape shape) {
    /** What PyTorch calls the one parameter of a module. */
    static final String WEIGHT = ".weight";

    /** What a parameter does. */
    public enum Kind {
        /** Scales the elements of a row; as it is stored, and never adapted. */
        NORM,
        /** Maps a row to another. */
        LINEAR,
        /** Gives a token's row. */
        EMBEDDING,
        /** Maps a row to logits. */
        HEAD
    }

    /** The smallest form that {@code --weights} may give a parameter. */
    public enum Smallest {
        /** What the files have. */
        AS_STORED,
        /** Blocks of 8 bits: in 4 these few cost more than all the others. */
        EIGHT_BITS,
        /** Blocks of 4 bits. */
        FOUR_BITS
    }

    /** The parameter at {@code place} of a model. */
    static Parameter of(GemmaConfig config, Place place, int layer) {
        String module = place.stage() == Stage.IN_LAYER
                ? Layout.layer(layer) + place.path(config.layers().get(layer))
                : place.path();
        long[] dims = place.declared().dimensions().stream()
                .mapToLong(dimension -> dimension.of(config, layer))
                .toArray();
        return new Parameter(place, layer, module + WEIGHT, Shape.of(dims));
    }

    /** What it does. */
    public Kind kind() {
        return place.kind();
    }

    /** How small it may become. */
    public Smallest smallest() {
        return place.declared().smallest();
    }

    /** Whether an adapter can change it: everything but norms. */
    public boolean isModule() {
        return kind() != Kind.NORM;
    }

    /** The canonical name of the module that it is the weight of: {@code model.layers.3.self_attn.q_proj}. */
    public String module() {
        return name.substring(0, name.length() - WEIGHT.length());
    }

    /** Width of what a module reads; of an embedding, which reads tokens, the vocabulary. */
    public long inputs() {
        return shape.dim(kind() == Kind.EMBEDDING ? 0 : 1);
    }

    /** Width of what a module gives. */
    public long outputs() {
        return shape.dim(kind() == Kind.EMBEDDING ? 1 : 0);
    }

    /** The name of its weight in GGUF files: {@code blk.3.attn_q.weight}. */
    public String ggufName() {
        String path = place.declared().ggufPath();
        return (place.stage() == Stage.IN_LAYER ? "blk." + layer + "." + path : path) + WEIGHT;
    }
}
