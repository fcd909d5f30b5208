package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.Tiles.MR;
import static dev.jemma.engine.kernel.cpu.Tiles.NR;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.F32Tile;
import java.lang.foreign.MemorySegment;

/**
 * {@code C = A B} or {@code C += A B} in f32 by one thread, B in panels {@code [depth][NR]}: what attention is made of. Machine code
 * takes A as it lies, by rows or by columns; {@link Tiles} wants it packed into strips, here.
 */
final class PanelProduct {
    private PanelProduct() {}

    /** Bytes of scratch that a product of {@code rows} rows wants. */
    static long scratchBytes(int rows) {
        return 4 * Gemm.roundUp(rows, MR) * DEPTH + Tiles.EDGE_BYTES;
    }

    /**
     * Where an operand's elements lie.
     *
     * @param offset bytes to the first
     * @param row bytes from row to row
     * @param step bytes from one step of the depth to the next; for B from panel to panel
     */
    record View(MemorySegment memory, long offset, long row, long step) {
        /** A whose depth runs along rows that lie {@code row} bytes apart. */
        static View rows(MemorySegment memory, long offset, long row) {
            return new View(memory, offset, row, 4);
        }

        /** A whose depth runs across rows that lie {@code step} bytes apart. */
        static View columns(MemorySegment memory, long offset, long step) {
            return new View(memory, offset, 4, step);
        }

        /** B in panels that lie {@code panel} bytes apart. */
        static View panels(MemorySegment memory, long offset, long panel) {
            return new View(memory, offset, 4L * NR, panel);
        }
    }

    /**
     * C [m, n] from A [m, depth] and B [depth, n].
     *
     * @param c its step is not used
     * @param scratch at least {@link #scratchBytes}(m), of this thread
     */
    static void multiply(View a, View b, View c, int m, int n, int depth, Write write, MemorySegment scratch) {
        if (F32Tile.available()) {
            byMachineCode(a, b, c, m, n, depth, write);
            return;
        }
        long edgeAt = 4 * Gemm.roundUp(m, MR) * DEPTH;
        MemorySegment edge = scratch.asSlice(edgeAt, Tiles.EDGE_BYTES);
        for (int k = 0; k < depth; k += DEPTH) {
            int block = Math.min(DEPTH, depth - k);
            pack(a, k, m, block, scratch);
            for (int j = 0; j < n; j += NR) {
                for (int i = 0; i < m; i += MR) {
                    Tiles.product(
                            scratch,
                            4L * i * block,
                            b.memory,
                            b.offset + j / NR * b.step + k * b.row,
                            block,
                            c.memory,
                            c.offset + i * c.row + 4L * j,
                            c.row,
                            Math.min(MR, m - i),
                            Math.min(NR, n - j),
                            k == 0 ? write : Write.ADD,
                            edge);
                }
            }
        }
    }

    private static void pack(View a, int k, int m, int depth, MemorySegment strips) {
        for (int i = 0; i < m; i += MR) {
            int rows = Math.min(MR, m - i);
            long from = a.offset + i * a.row + k * a.step;
            if (a.step == 4) {
                Pack.stripAlong(a.memory, from, a.row, rows, depth, strips, 4L * i * depth);
            } else {
                Pack.stripAcross(a.memory, from, a.step, rows, depth, strips, 4L * i * depth);
            }
        }
    }

    private static void byMachineCode(View a, View b, View c, int m, int n, int depth, Write write) {
        int most = F32Tile.mostRows(NR);
        for (int j = 0; j < n; j += NR) {
            for (int i = 0; i < m; i += most) {
                F32Tile.run(
                        Math.min(most, m - i),
                        Math.min(NR, n - j),
                        write,
                        1,
                        a.memory.address() + a.offset + i * a.row,
                        a.row,
                        a.step,
                        b.memory.address() + b.offset + j / NR * b.step,
                        b.row,
                        depth,
                        c.memory.address() + c.offset + i * c.row + 4L * j,
                        c.row);
            }
        }
    }
}
