package dev.jemma.engine.lora;

import dev.jemma.engine.checkpoint.config.Parameter;
import dev.jemma.engine.tensor.Shape;

/** The two factors of a module's update {@code B A}, as PEFT shapes and names them. */
enum Factor {
    /** [r, inputs]. */
    A,
    /** [outputs, r]. */
    B;

    /** Its shape at rank {@code r} of {@code module}. */
    Shape shape(Parameter module, int r) {
        return switch (this) {
            case A -> Shape.of(r, module.inputs());
            case B -> Shape.of(module.outputs(), r);
        };
    }

    /** What PEFT's file calls it behind the module's name; an embedding has parameters where others have modules. */
    String key(Parameter module) {
        return switch (module.kind()) {
            case EMBEDDING -> "lora_embedding_" + name();
            case LINEAR, HEAD -> "lora_" + name() + ".weight";
            case NORM -> throw new IllegalArgumentException(module.name() + " is a norm, which has no factors");
        };
    }
}
