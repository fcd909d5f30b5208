package dev.jemma.engine.lora;

import dev.jemma.engine.checkpoint.GemmaConfig;
import dev.jemma.engine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * A module of a Gemma that can be adapted.
 *
 * @param name its canonical name, such as {@code model.layers.0.self_attn.q_proj}
 * @param kind what it is
 * @param in width of its input; of an embedding, the vocabulary
 * @param out width of its output
 */
record LoraModule(String name, Kind kind, long in, long out) {
    static final String EMBEDDING = "model.embed_tokens";
    static final String HEAD = "lm_head";

    enum Kind {
        LINEAR,
        HEAD,
        EMBEDDING
    }

    /** The modules of a model, in the order of computation: the order of parameters in PyTorch and here. */
    static List<LoraModule> of(GemmaConfig config) {
        List<LoraModule> modules = new ArrayList<>();
        config.weights().forEach((weight, shape) -> {
            String name = weight.substring(0, weight.length() - ".weight".length());
            if (name.equals(EMBEDDING)) {
                modules.add(new LoraModule(name, Kind.EMBEDDING, shape.dim(0), shape.dim(1)));
            } else if (shape.rank() == 2 && !name.equals(HEAD)) {
                modules.add(new LoraModule(name, Kind.LINEAR, shape.dim(1), shape.dim(0)));
            }
        });
        modules.add(new LoraModule(HEAD, Kind.HEAD, config.hiddenSize(), config.vocabSize()));
        return modules;
    }

    /** A: [r, in]. */
    Shape shapeA(int rank) {
        return Shape.of(rank, in);
    }

    /** B: [out, r]. */
    Shape shapeB(int rank) {
        return Shape.of(out, rank);
    }

    /** What PEFT's file calls A behind the module's name. */
    String keyA() {
        return kind == Kind.EMBEDDING ? "lora_embedding_A" : "lora_A.weight";
    }

    /** What PEFT's file calls B behind the module's name. */
    String keyB() {
        return kind == Kind.EMBEDDING ? "lora_embedding_B" : "lora_B.weight";
    }
}
