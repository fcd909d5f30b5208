package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;
import static dev.jemma.engine.kernel.cpu.Lanes.zero;

import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost product: a tile of {@value #MR} x 2 vectors of C in registers, C = A B or C += A B over a block of the depth.
 *
 * <p>A is packed as {@code [depth][MR]} (a strip), B as {@code [depth][NR]} (a panel); see {@link Pack}. Twelve accumulators hide
 * the latency of FMA (4 cycles, two a cycle) and leave room for two vectors of B and a broadcast in AVX2's 16 registers; on CPUs
 * with 32 the same tile still runs at the arithmetic limit. Every element of C is one chain of FMAs in the order of the depth, so
 * its bits do not depend on how C was cut into tiles.
 */
final class Tiles {
    /** Rows of a tile. */
    static final int MR = 6;

    /** Columns of a tile. */
    static final int NR = 2 * L;

    /** Greatest depth of a block: a panel of it (16 KiB with 256-bit vectors) stays in the first-level cache. */
    static final int DEPTH = 256;

    /** Bytes of the scratch tile that {@link #edge} wants. */
    static final long EDGE_BYTES = 4L * MR * NR;

    /**
     * All of memory. The loads of A go through it at addresses that {@link #full} has checked as one range: with a check in front
     * of each of its six scalar loads the loop reaches 60-75 % of the FMA limit, without them 93 % (JDK 25, Zen 3).
     */
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final long POSITIVE = 0x7FFF_FFFF_FFFFL;

    private Tiles() {}

    /**
     * C, or its upper left part, from one strip and one panel.
     *
     * @param rows rows of C that exist, 1 .. MR
     * @param columns columns of C that exist, 1 .. NR
     * @param edge at least {@link #EDGE_BYTES} of scratch of this thread
     */
    static void product(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            int depth,
            MemorySegment c,
            long cOffset,
            long cStride,
            int rows,
            int columns,
            Write write,
            MemorySegment edge) {
        if (rows == MR && columns == NR) {
            full(a, aOffset, b, bOffset, depth, c, cOffset, cStride, write);
            return;
        }
        full(a, aOffset, b, bOffset, depth, edge, 0, 4L * NR, Write.SET);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                long at = cOffset + i * cStride + 4L * j;
                float value = edge.get(Lanes.FLOAT, 4L * (i * NR + j));
                c.set(Lanes.FLOAT, at, write == Write.ADD ? c.get(Lanes.FLOAT, at) + value : value);
            }
        }
    }

    private static void full(
            MemorySegment a,
            long aOffset,
            MemorySegment b,
            long bOffset,
            int depth,
            MemorySegment c,
            long cOffset,
            long cStride,
            Write write) {
        Objects.checkFromIndexSize(aOffset, 4L * MR * depth, a.byteSize());
        long a0 = a.address() + aOffset & POSITIVE;
        long a1 = a0 + 4;
        long a2 = a0 + 8;
        long a3 = a0 + 12;
        long a4 = a0 + 16;
        long a5 = a0 + 20;
        FloatVector c00 = zero();
        FloatVector c01 = zero();
        FloatVector c10 = zero();
        FloatVector c11 = zero();
        FloatVector c20 = zero();
        FloatVector c21 = zero();
        FloatVector c30 = zero();
        FloatVector c31 = zero();
        FloatVector c40 = zero();
        FloatVector c41 = zero();
        FloatVector c50 = zero();
        FloatVector c51 = zero();
        for (int k = 0; k < depth; k++) {
            FloatVector b0 = load(b, bOffset + k * 2L * BYTES);
            FloatVector b1 = load(b, bOffset + BYTES + k * 2L * BYTES);
            FloatVector x = element(a0 + k * 4L * MR);
            c00 = fma(x, b0, c00);
            c01 = fma(x, b1, c01);
            x = element(a1 + k * 4L * MR);
            c10 = fma(x, b0, c10);
            c11 = fma(x, b1, c11);
            x = element(a2 + k * 4L * MR);
            c20 = fma(x, b0, c20);
            c21 = fma(x, b1, c21);
            x = element(a3 + k * 4L * MR);
            c30 = fma(x, b0, c30);
            c31 = fma(x, b1, c31);
            x = element(a4 + k * 4L * MR);
            c40 = fma(x, b0, c40);
            c41 = fma(x, b1, c41);
            x = element(a5 + k * 4L * MR);
            c50 = fma(x, b0, c50);
            c51 = fma(x, b1, c51);
        }
        switch (write) {
            case SET -> {
                set(c, cOffset + 0 * cStride, c00, c01);
                set(c, cOffset + 1 * cStride, c10, c11);
                set(c, cOffset + 2 * cStride, c20, c21);
                set(c, cOffset + 3 * cStride, c30, c31);
                set(c, cOffset + 4 * cStride, c40, c41);
                set(c, cOffset + 5 * cStride, c50, c51);
            }
            case ADD -> {
                add(c, cOffset + 0 * cStride, c00, c01);
                add(c, cOffset + 1 * cStride, c10, c11);
                add(c, cOffset + 2 * cStride, c20, c21);
                add(c, cOffset + 3 * cStride, c30, c31);
                add(c, cOffset + 4 * cStride, c40, c41);
                add(c, cOffset + 5 * cStride, c50, c51);
            }
        }
    }

    private static FloatVector element(long address) {
        return Lanes.all(MEMORY.get(Lanes.FLOAT, address));
    }

    private static void set(MemorySegment c, long offset, FloatVector left, FloatVector right) {
        store(left, c, offset);
        store(right, c, offset + BYTES);
    }

    private static void add(MemorySegment c, long offset, FloatVector left, FloatVector right) {
        store(load(c, offset).add(left), c, offset);
        store(load(c, offset + BYTES).add(right), c, offset + BYTES);
    }
}
