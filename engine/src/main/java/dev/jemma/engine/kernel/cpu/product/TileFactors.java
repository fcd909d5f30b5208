package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;

/**
 * The form in which the tiles of {@link PanelGemm} read the two factors: rows of the left, brought into it once for
 * all, and panels of the right, a weight, which each thread packs one at a time into memory of its own.
 */
sealed interface TileFactors extends AutoCloseable permits FloatFactors, Int8Factors {
    /** Most rows of a tile. */
    int rows();

    /** Greatest depth of a panel. */
    int deepest();

    /** Steps of the depth that a panel of less than all of it has a multiple of. */
    int unit();

    /** Bytes of {@code steps} steps of a row of the left factor, from a multiple of {@link #unit} on. */
    long leftBytes(int steps);

    /** B is {@code weight} from now on. */
    void begin(PanelSource weight);

    /**
     * Brings a row of {@code depth} floats at {@code from} of {@code x} into the form; what follows it may be
     * overwritten up to a vector.
     */
    void left(MemorySegment x, long from, int depth, MemorySegment to, long offset);

    /**
     * Packs steps {@code k .. k + block - 1} of {@code count} columns.
     *
     * @return the panel's address; it lasts until the member's next call
     */
    long pack(int member, int k, int block, int column, int count);

    /**
     * {@code height} rows at {@code a} by the {@code count} columns of a panel over its {@code block} steps; addresses
     * as the tiles have them.
     */
    void multiply(
            int height, int count, Write write, long a, long aStride, long panel, int block, long c, long cStride);

    @Override
    void close();
}
