package dev.jemma.engine.kernel.cpu.attention;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The three products that attention is made of, by one thread: {@code A X^T}, {@code A X} and {@code M^T X}, where X
 * are rows of one head (queries, keys, values, gradients of size D) that were packed once, and A and M are a block of
 * rows or scores.
 *
 * <p>A and M are rows of {@link #elementBytes} an element, brought into that form by {@link #left}; results are f32
 * rows. Memory is the caller's; scratch of at least {@link #scratchBytes} is one thread's own.
 */
public sealed interface HeadProduct permits F32HeadProduct, Bf16HeadProduct {
    /**
     * Rows that are packed at once: the first row of a call of {@link #pack} is a multiple of it, and of every
     * {@link #keyBlock}.
     */
    int PACKED_ROWS = 96;

    /** The products in {@code arithmetic}; in f32 where this CPU has no product of bf16 pairs. */
    static HeadProduct of(Arithmetic arithmetic) {
        return arithmetic == Arithmetic.BF16 && Bf16HeadProduct.available()
                ? new Bf16HeadProduct()
                : new F32HeadProduct();
    }

    /** How X is packed, by the product it is for. */
    enum Layout {
        /** For {@code A X^T}: rows of X are columns of the result. */
        COLUMNS,
        /** For {@code A X}: rows of X are summed over. */
        DEPTH,
        /** For {@code M^T X}: rows of X are summed over, and those of M stay as they were computed. */
        SUMMED
    }

    /** Where the rows of a head are before they are packed. */
    @FunctionalInterface
    interface Placement {
        /** Byte offset of a row's first element. */
        long offset(int head, int row);
    }

    /** Rows of heads before they are packed: queries, keys, values or gradients, f32. */
    record Unpacked(MemorySegment memory, Placement placement) {}

    /** Rows that are {@code stride} bytes apart. */
    record Matrix(MemorySegment memory, long offset, long stride) {
        /** These from row {@code row} and byte {@code bytes} of it on. */
        Matrix from(int row, long bytes) {
            return new Matrix(memory, at(row) + bytes, stride);
        }

        /** Byte offset of a row. */
        long at(int row) {
            return offset + row * stride;
        }

        long address() {
            return memory.address() + offset;
        }
    }

    /** X: {@code count} rows of {@code headDim} elements in one of the layouts. */
    record Packed(Layout layout, MemorySegment memory, long offset, int count, int headDim) {
        /** Rows {@code first .. first + rows - 1}. */
        Part part(int first, int rows) {
            return new Part(this, first, rows);
        }
    }

    /** Rows {@code first .. first + count - 1} of X, {@code first} even. */
    record Part(Packed x, int first, int count) {}

    /** Zeros over an even number of bytes. */
    static void zeros(MemorySegment memory, long at, long bytes) {
        for (long i = 0; i < bytes; i += 2) {
            memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + i, (short) 0);
        }
    }

    /** Scores are computed in whole blocks of so many keys, counted from the first row packed. */
    int keyBlock();

    /** Bytes of an element of A and M. */
    int elementBytes();

    /** Bytes from row to row of an A or M of {@code elements} columns. */
    long leftStride(int elements);

    /** Brings {@code count} floats into the form of a row of A or M. */
    void left(MemorySegment from, long fromOffset, int count, MemorySegment to, long toOffset);

    /** {@code to = e^(score - max)} in the form of a row of A or M; returns the sum. The scores may be overwritten. */
    float exponentials(MemorySegment scores, long at, int count, float max, MemorySegment to, long toAt);

    /**
     * {@code P = e^(capped score - lse)} and {@code dS = P (dP - delta) cap'(score) scale} in the form of rows of A or
     * M, for {@code count} elements from {@code from} on of row {@code row} of a block: keys that the query sees.
     * Scores and dP may be overwritten.
     */
    void gradients(ScoreGradients block, int row, int from, int count, float lse, float delta);

    /** Bytes that {@code rows} rows take when packed. */
    long packedBytes(Layout layout, int rows, int headDim);

    /** Bytes of scratch of a thread, for factors A of at most {@code rows} rows. */
    long scratchBytes(int rows, int headDim);

    /**
     * Packs rows {@code from .. to - 1} of a head; {@code to} is another multiple of {@link #PACKED_ROWS} or the end.
     */
    void pack(Unpacked x, int head, int from, int to, Packed packed, MemorySegment scratch);

    /**
     * {@code C = A X^T}.
     *
     * @param m rows of A and C
     * @param x from a multiple of {@link #keyBlock} on; columns of C up to the next multiple of it are written
     */
    void timesTransposed(Matrix a, int m, Part x, Matrix c, MemorySegment scratch);

    /**
     * {@code C (+)= A X}, C [m, D].
     *
     * @param x as many rows as A has columns
     */
    void times(Matrix a, int m, Part x, Matrix c, Write write, MemorySegment scratch);

    /**
     * {@code C (+)= M^T X}, C [columns, D].
     *
     * @param m M's row that belongs to the first of X, and its column that belongs to the first row of C
     * @param columns at most {@link #keyBlock}
     * @param x as many rows as M has
     */
    void transposedTimes(Matrix m, int columns, Part x, Matrix c, Write write, MemorySegment scratch);
}
