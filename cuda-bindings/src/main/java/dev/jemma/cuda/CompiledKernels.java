package dev.jemma.cuda;

import java.util.List;

/**
 * A compiled program, ready for {@link CudaModule#load}.
 *
 * @param image cubin, or PTX text
 * @param target what it was made for
 * @param log what the compiler said, warnings and the assembler's figures included
 * @param usage registers and memory of each kernel; empty for PTX
 * @param origin whether it was compiled now
 */
public record CompiledKernels(byte[] image, GpuTarget target, String log, List<KernelUsage> usage, Origin origin) {
    /** Where an image came from. */
    public enum Origin {
        /** Compiled by this call. */
        COMPILER,
        /** Taken from the disk. */
        CACHE
    }

    /** Copies the list. */
    public CompiledKernels {
        usage = List.copyOf(usage);
    }

    @Override
    public String toString() {
        return image.length + " bytes for " + target + " " + usage;
    }
}
