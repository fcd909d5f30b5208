package dev.jemma.cuda;

/**
 * What the compiler makes code for.
 *
 * @param capability the compute capability
 * @param form machine code for exactly that capability, or PTX that the driver translates for it and all later ones
 */
public record GpuTarget(ComputeCapability capability, Form form) {
    /** The forms of compiled code. */
    public enum Form {
        /** Machine code that runs on its capability and later minor ones of the same generation: {@code sm_86}. */
        CUBIN,
        /**
         * Machine code that may use what only this generation has (wgmma, TMA), and runs nowhere else: {@code sm_90a}.
         */
        SPECIFIC_CUBIN,
        /** Portable assembly: {@code compute_90}. */
        PTX
    }

    /** Machine code for exactly {@code capability}; from Hopper on with the generation's own instructions. */
    public static GpuTarget exactly(ComputeCapability capability) {
        return new GpuTarget(capability, capability.major() >= 9 ? Form.SPECIFIC_CUBIN : Form.CUBIN);
    }

    /** Reads {@code sm_86}, {@code sm_90a} or {@code compute_90}. */
    public static GpuTarget parse(String name) {
        String digits = name.replaceFirst("^(sm|compute)_", "").replaceFirst("a$", "");
        boolean specific = name.endsWith("a");
        boolean ptx = name.startsWith("compute_");
        if (!name.matches("(sm_[1-9]\\d{1,2}a?)|(compute_[1-9]\\d{1,2})")) {
            throw new IllegalArgumentException(
                    "'" + name + "' is no target: wanted sm_86, sm_90a or compute_90 or the like");
        }
        int number = Integer.parseInt(digits);
        return new GpuTarget(
                new ComputeCapability(number / 10, number % 10),
                ptx ? Form.PTX : specific ? Form.SPECIFIC_CUBIN : Form.CUBIN);
    }

    /** The name that compilers take. */
    @Override
    public String toString() {
        return switch (form) {
            case CUBIN -> "sm_" + capability.number();
            case SPECIFIC_CUBIN -> "sm_" + capability.number() + "a";
            case PTX -> "compute_" + capability.number();
        };
    }
}
