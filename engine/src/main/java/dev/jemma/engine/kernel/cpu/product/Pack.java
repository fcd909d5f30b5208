package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.loadInts;
import static dev.jemma.engine.kernel.cpu.product.Tiles.DEPTH;
import static dev.jemma.engine.kernel.cpu.product.Tiles.MR;
import static dev.jemma.engine.kernel.cpu.product.Tiles.NR;

import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Widen;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Copies blocks of matrices into the order in which {@link Tiles} reads them, widened to f32.
 *
 * <p>A strip is {@code [depth][MR]}, a panel {@code [depth][NR]}; rows or columns that a block lacks are zeros. Offsets
 * and strides are in bytes; a panel's source is where a row of the matrix starts and the first element wanted in it,
 * which need not start a block of a quantized type. "Along" means that the depth runs along the rows of the source (the
 * other index selects the row), "across" that every step of the depth is the next row.
 */
public final class Pack {
    /** L vectors. */
    private static final long SQUARE_BYTES = BYTES * L;

    /** Scratch to transpose in, and for the rows of a quantized panel. */
    static final long SCRATCH_BYTES = SQUARE_BYTES + 4L * NR * DEPTH;

    private static final int LOG_L = Integer.numberOfTrailingZeros(L);
    private static final VectorShuffle<Integer>[] EXCHANGE = exchanges();
    private static final VectorMask<Integer>[] UPPER = uppers();

    private Pack() {}

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static VectorShuffle<Integer>[] exchanges() {
        VectorShuffle<Integer>[] shuffles = new VectorShuffle[LOG_L];
        for (int i = 0; i < LOG_L; i++) {
            int distance = 1 << i;
            shuffles[i] = VectorShuffle.fromOp(Lanes.INTS, lane -> lane ^ distance);
        }
        return shuffles;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static VectorMask<Integer>[] uppers() {
        VectorMask<Integer>[] masks = new VectorMask[LOG_L];
        for (int i = 0; i < LOG_L; i++) {
            boolean[] upper = new boolean[L];
            for (int lane = 0; lane < L; lane++) {
                upper[lane] = (lane & 1 << i) != 0;
            }
            masks[i] = VectorMask.fromArray(Lanes.INTS, upper, 0);
        }
        return masks;
    }

    /** A strip of f32 rows: {@code to[k][m] = from[m][k]} for {@code rows} rows. */
    public static void stripAlong(
            MemorySegment from, long offset, long stride, int rows, int depth, MemorySegment to, long toOffset) {
        for (int m = 0; m < MR; m++) {
            stripRow(from, offset + m * stride, m < rows ? depth : 0, depth, to, toOffset, m);
        }
    }

    /** Row {@code m} of a strip: {@code count} elements, then zeros. */
    static void stripRow(
            MemorySegment from, long offset, int count, int depth, MemorySegment to, long toOffset, int m) {
        long at = toOffset + 4L * m;
        for (int k = 0; k < count; k++) {
            to.set(Lanes.FLOAT, at + k * 4L * MR, from.get(Lanes.FLOAT, offset + k * 4L));
        }
        for (int k = count; k < depth; k++) {
            to.set(Lanes.FLOAT, at + k * 4L * MR, 0f);
        }
    }

    /** A strip of f32 columns: {@code to[k][m] = from[k][m]} for {@code rows} columns of the source. */
    public static void stripAcross(
            MemorySegment from, long offset, long stride, int rows, int depth, MemorySegment to, long toOffset) {
        for (int k = 0; k < depth; k++) {
            for (int m = 0; m < MR; m++) {
                float value = m < rows ? from.get(Lanes.FLOAT, offset + k * stride + 4L * m) : 0f;
                to.set(Lanes.FLOAT, toOffset + 4L * (k * MR + m), value);
            }
        }
    }

    /** A panel of {@code columns} columns: {@code to[k][j] = scale * from[k][element + j]}. */
    public static void panelAcross(
            DType dtype,
            MemorySegment from,
            long offset,
            long element,
            long stride,
            int columns,
            int depth,
            float scale,
            MemorySegment to,
            long toOffset) {
        if (columns == NR) {
            for (int k = 0; k < depth; k++) {
                Widen.row(dtype, from, offset + k * stride, element, NR, scale, to, toOffset + k * 4L * NR);
            }
            return;
        }
        for (int k = 0; k < depth; k++) {
            for (int j = 0; j < NR; j++) {
                float value = j < columns ? scale * Widen.get(dtype, from, offset + k * stride, element + j) : 0;
                to.set(Lanes.FLOAT, toOffset + 4L * (k * NR + j), value);
            }
        }
    }

    /**
     * A panel of {@code columns} rows of the source: {@code to[k][j] = scale * from[j][element + k]}.
     *
     * @param square at least {@link #SCRATCH_BYTES} of scratch of this thread for quantized types, a vector of vectors
     *     for others
     */
    public static void panelAlong(
            DType dtype,
            MemorySegment from,
            long offset,
            long element,
            long stride,
            int columns,
            int depth,
            float scale,
            MemorySegment to,
            long toOffset,
            MemorySegment square) {
        if (dtype.isQuantized()) {
            widenedPanel(dtype, from, offset, element, stride, columns, depth, scale, to, toOffset, square);
            return;
        }
        long first = offset + dtype.bytes(element);
        int step = dtype == DType.F32 ? L : 2 * L;
        int bound = columns == NR ? depth - depth % step : 0;
        for (int k = 0; k < bound; k += step) {
            for (int half = 0; half < 2; half++) {
                transpose(from, first + half * L * stride + dtype.bytes(k), stride, square);
                spread(dtype, square, scale, to, toOffset + k * 4L * NR + half * BYTES);
            }
        }
        for (int j = 0; j < NR; j++) {
            for (int k = bound; k < depth; k++) {
                float value = j < columns ? scale * Widen.get(dtype, from, offset + j * stride, element + k) : 0;
                to.set(Lanes.FLOAT, toOffset + 4L * (k * NR + j), value);
            }
        }
    }

    /** Blocks are widened a row at a time, and the rows transposed. */
    private static void widenedPanel(
            DType dtype,
            MemorySegment from,
            long offset,
            long element,
            long stride,
            int columns,
            int depth,
            float scale,
            MemorySegment to,
            long toOffset,
            MemorySegment scratch) {
        long width = 4L * DEPTH;
        for (int j = 0; j < columns; j++) {
            Widen.row(dtype, from, offset + j * stride, element, depth, scale, scratch, SQUARE_BYTES + j * width);
        }
        panelAlong(DType.F32, scratch, SQUARE_BYTES, 0, width, columns, depth, 1, to, toOffset, scratch);
    }

    /**
     * Transposes L rows of L ints into {@code square}, by exchanging halves, quarters, ... of vectors. Ints are f32 or
     * pairs of 16-bit elements: two columns at once.
     */
    private static void transpose(MemorySegment from, long offset, long stride, MemorySegment square) {
        int distance = L / 2;
        for (int i = 0; i < distance; i++) {
            exchange(
                    loadInts(from, offset + i * stride),
                    loadInts(from, offset + (i + distance) * stride),
                    LOG_L - 1,
                    square,
                    i,
                    i + distance);
        }
        for (int log = LOG_L - 2; log >= 0; log--) {
            distance = 1 << log;
            for (int i = 0; i < L; i++) {
                if ((i & distance) == 0) {
                    exchange(
                            loadInts(square, i * BYTES),
                            loadInts(square, (i + distance) * BYTES),
                            log,
                            square,
                            i,
                            i + distance);
                }
            }
        }
    }

    private static void exchange(IntVector upper, IntVector lower, int log, MemorySegment square, int i, int j) {
        VectorMask<Integer> mask = UPPER[log];
        VectorShuffle<Integer> shuffle = EXCHANGE[log];
        upper.blend(lower.rearrange(shuffle), mask).intoMemorySegment(square, i * BYTES, ByteOrder.LITTLE_ENDIAN);
        upper.rearrange(shuffle).blend(lower, mask).intoMemorySegment(square, j * BYTES, ByteOrder.LITTLE_ENDIAN);
    }

    /** Widens the rows of {@code square} into L (or of pairs 2 L) steps of a panel. */
    private static void spread(DType dtype, MemorySegment square, float scale, MemorySegment to, long toOffset) {
        for (int i = 0; i < L; i++) {
            IntVector ints = loadInts(square, i * BYTES);
            switch (dtype) {
                case F32 -> put(ints.reinterpretAsFloats(), scale, to, toOffset + i * 4L * NR);
                case BF16 -> {
                    put(Lanes.evenBf16(ints), scale, to, toOffset + 2 * i * 4L * NR);
                    put(Lanes.oddBf16(ints), scale, to, toOffset + (2 * i + 1) * 4L * NR);
                }
                case F16 -> {
                    put(Lanes.evenF16(ints), scale, to, toOffset + 2 * i * 4L * NR);
                    put(Lanes.oddF16(ints), scale, to, toOffset + (2 * i + 1) * 4L * NR);
                }
                case Q8_0, Q4_0, I32, I64 -> throw new IllegalArgumentException(dtype + " is no plain float");
            }
        }
    }

    private static void put(FloatVector v, float scale, MemorySegment to, long offset) {
        Lanes.store(v.mul(scale), to, offset);
    }
}
