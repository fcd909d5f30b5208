package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;

/** Addresses of eight rows at equal distances, by scaled indices: two moving registers instead of eight. */
final class RowAddresses {
    /** How far ahead of the rows {@link #prefetch} asks. */
    static final int PREFETCH_BYTES = 24 << 10;

    private RowAddresses() {}

    /** With {@code fourth} as R11. */
    static Address[] addresses(Assembler x, Gp base, Gp stride) {
        return addresses(x, base, stride, Gp.R11);
    }

    /**
     * Lets R10 be three strides and {@code fourth} the fourth row; a loop that walks along the rows moves {@code base} and
     * {@code fourth}.
     */
    static Address[] addresses(Assembler x, Gp base, Gp stride, Gp fourth) {
        x.lea(Gp.R10, Address.at(stride, stride, 2, 0));
        x.lea(fourth, Address.at(base, Gp.R10, 1, 0));
        return new Address[] {
            Address.at(base),
            Address.at(base, stride, 1, 0),
            Address.at(base, stride, 2, 0),
            Address.at(fourth),
            Address.at(base, stride, 4, 0),
            Address.at(fourth, stride, 2, 0),
            Address.at(base, Gp.R10, 2, 0),
            Address.at(fourth, stride, 4, 0)
        };
    }

    /**
     * Brings the next part of eight rows that lie behind these to the second-level cache, and moves {@code next} over it: short rows are
     * too many streams for the hardware's own prefetching, which then reaches half of memory's rate.
     *
     * @param next where the part begins
     * @param bytes of one row that a step of the loop reads
     */
    static void prefetch(Assembler x, Gp next, int bytes) {
        for (int at = 0; at < 8 * bytes; at += 64) {
            x.prefetch(Address.at(next, at));
        }
        x.add(next, 8 * bytes);
    }
}
