package dev.jemma.engine.kernel;

import dev.jemma.engine.kernel.cpu.CpuKernels;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

final class CpuKernelsTest {
    @Test
    void computesWhatTheReferenceComputes() {
        try (Arena arena = Arena.ofShared();
                Kernels kernels = CpuKernels.open(2)) {
            KernelsContract.matchesReference(kernels, new KernelsContract.HostTransfer(arena));
        }
    }
}
