package dev.jemma.engine.kernel.cpu.code.x86;

import java.util.Optional;

/**
 * A place in memory: {@code base + index * scale + displacement}.
 *
 * @param scale 1, 2, 4 or 8; without an index 1
 * @param displacement in bytes
 */
public record Address(Gp base, Optional<Gp> index, int scale, int displacement) {
    public Address {
        if (index.isPresent() && index.get() == Gp.RSP) {
            throw new IllegalArgumentException("RSP cannot be an index");
        }
        if (Integer.bitCount(scale) != 1 || scale > 8) {
            throw new IllegalArgumentException("scale is " + scale + ", wanted 1, 2, 4 or 8");
        }
    }

    /** Where the register points. */
    public static Address at(Gp base) {
        return at(base, 0);
    }

    /** {@code base + displacement}. */
    public static Address at(Gp base, int displacement) {
        return new Address(base, Optional.empty(), 1, displacement);
    }

    /** {@code base + index * scale + displacement}. */
    public static Address at(Gp base, Gp index, int scale, int displacement) {
        return new Address(base, Optional.of(index), scale, displacement);
    }

    /** This place, {@code bytes} further on. */
    public Address plus(int bytes) {
        return new Address(base, index, scale, displacement + bytes);
    }
}
