package dev.jemma.engine.gemma;

import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.ReferenceKernels;
import dev.jemma.engine.kernel.cpu.CpuKernels;

/** What model tests run on. */
public enum Backend {
    /** Doubles, one loop after the other. */
    REFERENCE,
    /**
     * The Vector API; one thread, since teams are the business of the kernel tests and tiny models would measure their
     * barriers.
     */
    CPU;

    public Kernels kernels() {
        return switch (this) {
            case REFERENCE -> new ReferenceKernels();
            case CPU -> CpuKernels.open(1);
        };
    }
}
