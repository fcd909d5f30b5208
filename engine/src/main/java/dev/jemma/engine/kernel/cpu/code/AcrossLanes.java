package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;

/** Code that combines the lanes of vectors, in a fixed order. */
final class AcrossLanes {
    private AcrossLanes() {}

    /** Every lane of the sixteen of {@code v} becomes {@code op} of all: of lanes 8 apart, then 4, 2 and 1. */
    static void reduce(Assembler x, Evex op, int v, int temporary) {
        reduce(x, op, v, temporary, 8, 1);
    }

    /**
     * The part of {@link #reduce(Assembler, Evex, int, int)} from the distance {@code first} to the distance
     * {@code last}, powers of two.
     */
    static void reduce(Assembler x, Evex op, int v, int temporary, int first, int last) {
        for (int distance = first; distance >= last; distance /= 2) {
            switch (distance) {
                case 8 -> x.vector(Evex.VSHUFI32X4, V512, temporary, v, v, 0x4E);
                case 4 -> x.vector(Evex.VSHUFI32X4, V512, temporary, v, v, 0xB1);
                case 2 -> x.vector(Evex.VPSHUFD, V512, temporary, 0, v, 0x4E);
                case 1 -> x.vector(Evex.VPSHUFD, V512, temporary, 0, v, 0xB1);
                default -> throw new IllegalArgumentException("lanes " + distance + " apart, wanted 8, 4, 2 or 1");
            }
            x.vector(op, V512, v, v, temporary);
        }
    }

    /**
     * Leaves the sums of vectors 0 .. 7, as eight f32, in the lower half of vector 0. Uses vectors 8 to 15.
     *
     * <p>Four vectors become one whose 128-bit parts hold a partial sum of each; then the parts are added.
     */
    static void sumsOfEight(Assembler x, Width width) {
        int half = 8;
        for (int four = 0; four < 8; four += 4) {
            for (int i = four; i < four + 4; i += 2) { // lanes 0, 2 and 1, 3 of two vectors
                x.vector(Evex.VPUNPCKLDQ, width, 12, i, i + 1);
                x.vector(Evex.VPUNPCKHDQ, width, 13, i, i + 1);
                x.vector(Evex.VADDPS, width, half + i / 2, 12, 13);
            }
            int pair = half + four / 2;
            x.vector(Evex.VPUNPCKLQDQ, width, 12, pair, pair + 1);
            x.vector(Evex.VPUNPCKHQDQ, width, 13, pair, pair + 1);
            x.vector(Evex.VADDPS, width, four, 12, 13);
        }
        if (width == Width.V512) { // parts 0 + 1 and 2 + 3 of both, then these
            x.vector(Evex.VSHUFI32X4, width, 12, 0, 4, 0x88);
            x.vector(Evex.VSHUFI32X4, width, 13, 0, 4, 0xDD);
            x.vector(Evex.VADDPS, width, 0, 12, 13);
            x.vector(Evex.VSHUFI32X4, width, 12, 0, 0, 0xB1);
            x.vector(Evex.VADDPS, width, 0, 0, 12);
            x.vector(Evex.VSHUFI32X4, width, 0, 0, 0, 0x08);
        } else { // part 0 of both + part 1 of both
            x.vector(Evex.VSHUFI32X4, width, 12, 0, 4, 0);
            x.vector(Evex.VSHUFI32X4, width, 13, 0, 4, 3);
            x.vector(Evex.VADDPS, width, 0, 12, 13);
        }
    }
}
