package dev.jemma.engine.kernel.cpu.code;

import static dev.jemma.engine.kernel.cpu.code.x86.Assembler.Width.V512;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.x86.Address;
import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.Evex;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * What tiles of a matrix product have in common: a function for each way to write, number of rows and number of
 * vectors, and how C is written.
 */
final class TileFrame {
    /** Lanes of a vector. */
    static final int LANES = 16;

    /** Most vectors side by side. */
    static final int VECTORS = 3;

    /** The mask of the columns in the last vector. */
    static final int MASK = 1;

    private final int mostRows;
    private final MemorySegment[] functions;

    /** Writes the code of a tile of {@code rows} x {@code vectors}; none for a shape that does not exist. */
    @FunctionalInterface
    interface Generator {
        byte[] generate(int rows, int vectors, Write write);
    }

    /** Publishes all functions of up to {@code mostRows} rows, if this machine can run them. */
    TileFrame(boolean available, int mostRows, Generator generator) {
        this.mostRows = mostRows;
        List<byte[]> code = new ArrayList<>();
        for (Write write : Write.values()) {
            for (int rows = 1; available && rows <= mostRows; rows++) {
                for (int vectors = 1; vectors <= VECTORS; vectors++) {
                    code.add(generator.generate(rows, vectors, write));
                }
            }
        }
        functions = available ? CodeMemory.publish(code) : new MemorySegment[0];
    }

    MemorySegment function(int rows, int columns, Write write) {
        return functions[(write.ordinal() * mostRows + rows - 1) * VECTORS + vectors(columns) - 1];
    }

    private static int vectors(int columns) {
        return Math.ceilDiv(columns, LANES);
    }

    /** The bits of {@link #MASK}. */
    static long mask(int columns) {
        return 0xFFFF >>> vectors(columns) * LANES - columns;
    }

    /**
     * Writes sums, row by row from vector {@code first} on, to the rows of C, the last vector of each under
     * {@link #MASK}.
     */
    static void store(Assembler x, IntFunction<Address> c, int rows, int vectors, int first, Write write) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < vectors; j++) {
                int mask = j == vectors - 1 ? MASK : Assembler.ALL;
                int sum = first + i * vectors + j;
                Address at = c.apply(i).plus(j * V512.bytes());
                if (write == Write.ADD) {
                    x.vector(Evex.VADDPS, V512, sum, sum, at, mask);
                }
                x.vector(Evex.VMOVUPS_STORE, V512, sum, 0, at, mask);
            }
        }
    }
}
