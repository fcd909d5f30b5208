package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import java.util.List;

/**
 * Addresses of eight rows at equal distances, by scaled indices: two registers that move along the rows instead of
 * eight.
 */
final class RowAddresses {
    /** Rows. */
    static final int EIGHT = 8;

    /** How far ahead of the rows {@link #prefetch} asks. */
    static final int PREFETCH_BYTES = 24 << 10;

    /** The register that holds three strides. */
    static final Gp THREE_STRIDES = Gp.R10;

    private static final Gp FOURTH = Gp.R11;

    private final Assembler x;
    private final Gp base;
    private final Gp fourth;
    private final List<Address> rows;

    private RowAddresses(Assembler x, Gp base, Gp stride, Gp fourth) {
        this.x = x;
        this.base = base;
        this.fourth = fourth;
        rows = List.of(
                Address.at(base),
                Address.at(base, stride, 1, 0),
                Address.at(base, stride, 2, 0),
                Address.at(fourth),
                Address.at(base, stride, 4, 0),
                Address.at(fourth, stride, 2, 0),
                Address.at(base, THREE_STRIDES, 2, 0),
                Address.at(fourth, stride, 4, 0));
    }

    /** Rows from {@code base} on; R10 and R11 are overwritten and belong to them. */
    static RowAddresses from(Assembler x, Gp base, Gp stride) {
        return from(x, base, stride, FOURTH);
    }

    /** The same with another register than R11. */
    static RowAddresses from(Assembler x, Gp base, Gp stride, Gp fourth) {
        x.lea(THREE_STRIDES, Address.at(stride, stride, 2, 0));
        x.lea(fourth, Address.at(base, THREE_STRIDES, 1, 0));
        return new RowAddresses(x, base, stride, fourth);
    }

    /** Where row {@code i} is. */
    Address row(int i) {
        return rows.get(i);
    }

    /** Moves along the rows. */
    void advance(int bytes) {
        x.add(base, bytes);
        x.add(fourth, bytes);
    }

    /** Moves along the rows by as many bytes as a register says. */
    void advance(Gp bytes) {
        x.add(base, bytes);
        x.add(fourth, bytes);
    }

    /**
     * Brings the next part of eight rows that follow these to the second-level cache, and moves {@code next} over it:
     * short rows are too many streams for the hardware's own prefetching, which then reaches half of memory's rate.
     *
     * @param next where the part begins
     * @param bytes of one row that a step of the loop reads
     */
    static void prefetch(Assembler x, Gp next, int bytes) {
        for (int at = 0; at < EIGHT * bytes; at += 64) {
            x.prefetch(Address.at(next, at));
        }
        x.add(next, EIGHT * bytes);
    }
}
