package dev.jemma.engine.gemma;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.ReferenceKernels;

/** What model tests run on. */
enum Backend {
    /** Doubles, one loop after the other. */
    REFERENCE;

    Kernels kernels() {
        return switch (this) {
            case REFERENCE -> new ReferenceKernels();
        };
    }
}
