package dev.jemma.cuda;

/**
 * The instruction set of a device: {@code 9.0} is Hopper, {@code 8.9} Ada, {@code 12.0} the consumer Blackwells.
 *
 * @param major the generation
 * @param minor the variant
 */
public record ComputeCapability(int major, int minor) implements Comparable<ComputeCapability> {
    /** Checks the ranges. */
    public ComputeCapability {
        if (major < 1 || minor < 0 || minor > 9) {
            throw new IllegalArgumentException("compute capability " + major + "." + minor
                    + ": wanted a major of 1 or more and a minor of 0 to 9");
        }
    }

    /** The number in names of targets: 90 for 9.0. */
    public int number() {
        return major * 10 + minor;
    }

    @Override
    public int compareTo(ComputeCapability other) {
        return Integer.compare(number(), other.number());
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
