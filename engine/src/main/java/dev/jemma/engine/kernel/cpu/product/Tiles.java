package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOAT;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;

import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost product: a tile of {@value #MR} x 2 vectors of C in registers, C = A B or C += A B over a block of the
 * depth.
 *
 * <p>A is packed as {@code [depth][MR]} (a strip), B as {@code [depth][NR]} (a panel); see {@link Pack}. Twelve
 * accumulators hide the latency of FMA (4 cycles, two a cycle) and leave room for two vectors of B and a broadcast in
 * AVX2's 16 registers; on CPUs with 32 the same tile still runs at the arithmetic limit. Every element of C is one
 * chain of FMAs in the order of the depth, so its bits do not depend on how C was cut into tiles.
 */
public final class Tiles {
    /** Rows of a tile. */
    public static final int MR = 6;

    /** Columns of a tile. */
    public static final int NR = 2 * L;

    /** Greatest depth of a block: a panel of it (16 KiB with 256-bit vectors) stays in the first-level cache. */
    public static final int DEPTH = 256;

    /** Bytes of the scratch tile that {@link #edge} wants. */
    public static final long EDGE_BYTES = 4L * MR * NR;

    /**
     * All of memory. The loads of A go through it at addresses that {@link #full} has checked as one range: with a
     * check in front of each of its six scalar loads the loop reaches 60-75 % of the FMA limit, without them 93 % (JDK
     * 25, Zen 3).
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
    public static void product(
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
                float value = edge.get(FLOAT, 4L * (i * NR + j));
                c.set(FLOAT, at, write == Write.ADD ? c.get(FLOAT, at) + value : value);
            }
        }
    }

    /**
     * A whole tile. It calls the Vector API directly, whose methods the compiler always inlines: a vector that crosses
     * a call of ours that is not inlined is boxed, which costs a hundred times what the tile does.
     */
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
        FloatVector c00 = FloatVector.zero(FLOATS);
        FloatVector c01 = FloatVector.zero(FLOATS);
        FloatVector c10 = FloatVector.zero(FLOATS);
        FloatVector c11 = FloatVector.zero(FLOATS);
        FloatVector c20 = FloatVector.zero(FLOATS);
        FloatVector c21 = FloatVector.zero(FLOATS);
        FloatVector c30 = FloatVector.zero(FLOATS);
        FloatVector c31 = FloatVector.zero(FLOATS);
        FloatVector c40 = FloatVector.zero(FLOATS);
        FloatVector c41 = FloatVector.zero(FLOATS);
        FloatVector c50 = FloatVector.zero(FLOATS);
        FloatVector c51 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, bOffset + k * 2L * BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, bOffset + BYTES + k * 2L * BYTES, ORDER);
            FloatVector x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a0 + k * 4L * MR));
            c00 = FMA ? x.fma(b0, c00) : x.mul(b0).add(c00);
            c01 = FMA ? x.fma(b1, c01) : x.mul(b1).add(c01);
            x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a1 + k * 4L * MR));
            c10 = FMA ? x.fma(b0, c10) : x.mul(b0).add(c10);
            c11 = FMA ? x.fma(b1, c11) : x.mul(b1).add(c11);
            x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a2 + k * 4L * MR));
            c20 = FMA ? x.fma(b0, c20) : x.mul(b0).add(c20);
            c21 = FMA ? x.fma(b1, c21) : x.mul(b1).add(c21);
            x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a3 + k * 4L * MR));
            c30 = FMA ? x.fma(b0, c30) : x.mul(b0).add(c30);
            c31 = FMA ? x.fma(b1, c31) : x.mul(b1).add(c31);
            x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a4 + k * 4L * MR));
            c40 = FMA ? x.fma(b0, c40) : x.mul(b0).add(c40);
            c41 = FMA ? x.fma(b1, c41) : x.mul(b1).add(c41);
            x = FloatVector.broadcast(FLOATS, MEMORY.get(FLOAT, a5 + k * 4L * MR));
            c50 = FMA ? x.fma(b0, c50) : x.mul(b0).add(c50);
            c51 = FMA ? x.fma(b1, c51) : x.mul(b1).add(c51);
        }
        long r1 = cOffset + 1 * cStride;
        long r2 = cOffset + 2 * cStride;
        long r3 = cOffset + 3 * cStride;
        long r4 = cOffset + 4 * cStride;
        long r5 = cOffset + 5 * cStride;
        if (write == Write.ADD) {
            c00 = c00.add(FloatVector.fromMemorySegment(FLOATS, c, cOffset, ORDER));
            c01 = c01.add(FloatVector.fromMemorySegment(FLOATS, c, cOffset + BYTES, ORDER));
            c10 = c10.add(FloatVector.fromMemorySegment(FLOATS, c, r1, ORDER));
            c11 = c11.add(FloatVector.fromMemorySegment(FLOATS, c, r1 + BYTES, ORDER));
            c20 = c20.add(FloatVector.fromMemorySegment(FLOATS, c, r2, ORDER));
            c21 = c21.add(FloatVector.fromMemorySegment(FLOATS, c, r2 + BYTES, ORDER));
            c30 = c30.add(FloatVector.fromMemorySegment(FLOATS, c, r3, ORDER));
            c31 = c31.add(FloatVector.fromMemorySegment(FLOATS, c, r3 + BYTES, ORDER));
            c40 = c40.add(FloatVector.fromMemorySegment(FLOATS, c, r4, ORDER));
            c41 = c41.add(FloatVector.fromMemorySegment(FLOATS, c, r4 + BYTES, ORDER));
            c50 = c50.add(FloatVector.fromMemorySegment(FLOATS, c, r5, ORDER));
            c51 = c51.add(FloatVector.fromMemorySegment(FLOATS, c, r5 + BYTES, ORDER));
        }
        c00.intoMemorySegment(c, cOffset, ORDER);
        c01.intoMemorySegment(c, cOffset + BYTES, ORDER);
        c10.intoMemorySegment(c, r1, ORDER);
        c11.intoMemorySegment(c, r1 + BYTES, ORDER);
        c20.intoMemorySegment(c, r2, ORDER);
        c21.intoMemorySegment(c, r2 + BYTES, ORDER);
        c30.intoMemorySegment(c, r3, ORDER);
        c31.intoMemorySegment(c, r3 + BYTES, ORDER);
        c40.intoMemorySegment(c, r4, ORDER);
        c41.intoMemorySegment(c, r4 + BYTES, ORDER);
        c50.intoMemorySegment(c, r5, ORDER);
        c51.intoMemorySegment(c, r5 + BYTES, ORDER);
    }
}
