package dev.jemma.engine.kernel.cpu.attention;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Write;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The three products that attention is made of, by one thread: {@code A X^T}, {@code A X} and {@code M^T X}, where X are rows of one
 * head (queries, keys, values, gradients of size D) that were packed once, and A and M are a block of rows or scores.
 *
 * <p>A and M are rows of {@link #elementBytes} an element, brought into that form by {@link #left}; results are f32 rows. Memory is
 * the caller's; scratch of at least {@link #scratchBytes} is one thread's own.
 */
public sealed interface HeadProduct permits F32HeadProduct, Bf16HeadProduct {
    /** Rows that are packed at once: the first row of a call of {@link #pack} is a multiple of it, and of every {@link #keyBlock}. */
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
        /** For {@code M^T X}: rows of X are summed over, and those of M lie as they were computed. */
        SUMMED
    }

    /** Where the rows of a head lie before they are packed. */
    @FunctionalInterface
    interface Placement {
        /** Byte offset of a row's first element. */
        long offset(int head, int row);
    }

    /** Rows that lie {@code stride} bytes apart. */
    record Matrix(MemorySegment memory, long offset, long stride) {
        /** These from row {@code row} and byte {@code bytes} of it on. */
        Matrix from(int row, long bytes) {
            return new Matrix(memory, offset + row * stride + bytes, stride);
        }

        long address() {
            return memory.address() + offset;
        }
    }

    /** X: {@code count} rows of {@code headDim} elements in one of the layouts. */
    record Packed(MemorySegment memory, long offset, int count, int headDim) {}

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
     * {@code P = e^(capped score - lse)} and {@code dS = P (dP - delta) cap'(score) scale} in the form of rows of A or M. Scores (before
     * scale and cap) and dP may be overwritten; they are {@code count} floats each, of keys that the query sees.
     */
    void gradients(
            MemorySegment memory,
            long scores,
            long dP,
            int count,
            AttentionShape shape,
            float lse,
            float delta,
            MemorySegment to,
            long p,
            long dS);

    /** Bytes that {@code rows} rows take when packed. */
    long packedBytes(Layout layout, int rows, int headDim);

    /** Bytes of scratch of a thread, for factors A of at most {@code rows} rows. */
    long scratchBytes(int rows, int headDim);

    /** Packs rows {@code from .. to - 1} of a head of f32 rows; {@code to} is another multiple of {@link #PACKED_ROWS} or the end. */
    void pack(
            Layout layout,
            MemorySegment x,
            Placement placement,
            int head,
            int from,
            int to,
            Packed packed,
            MemorySegment scratch);

    /**
     * {@code C = A X^T} for rows {@code first .. first + count - 1} of X.
     *
     * @param first a multiple of {@link #keyBlock}
     * @param count columns of C that are wanted; up to the next multiple of {@link #keyBlock} are written
     * @param m rows of A and C
     */
    void timesTransposed(Matrix a, int m, Packed x, int first, int count, Matrix c, MemorySegment scratch);

    /**
     * {@code C (+)= A X}, C [m, D], for rows {@code first .. first + count - 1} of X.
     *
     * @param first even
     * @param count columns of A
     */
    void times(Matrix a, int m, Packed x, int first, int count, Matrix c, Write write, MemorySegment scratch);

    /**
     * {@code C (+)= M^T X}, C [columns, D], for rows {@code first .. first + count - 1} of X.
     *
     * @param m M's row that belongs to row {@code first} of X, and its column that belongs to the first row of C
     * @param columns at most {@link #keyBlock}
     * @param first even
     * @param count rows of M
     */
    void transposedTimes(
            Matrix m, int columns, Packed x, int first, int count, Matrix c, Write write, MemorySegment scratch);
}
