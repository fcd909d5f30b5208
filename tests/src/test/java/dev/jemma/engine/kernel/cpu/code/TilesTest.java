package dev.jemma.engine.kernel.cpu.code;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Every tile function against a scalar product in doubles, with operands between guards that must stay as they are. */
final class TilesTest {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    /** A sum of some dozens of products of numbers about 1, in f32. */
    private static final double TOLERANCE = 1e-4;

    private static final float GUARD = 12345;

    private final Random random = new Random(3);

    @Test
    void bf16TilesOfEveryShape() {
        assumeTrue(Bf16Tile.available(), "this CPU has no bf16 dot product");
        int pairs = 19;
        for (Write write : Write.values()) {
            for (int rows : rows(Bf16Tile.ROWS)) {
                for (int columns = 1; columns <= Bf16Tile.COLUMNS; columns++) {
                    bf16Tile(rows, columns, pairs, write);
                }
            }
        }
    }

    /** Every height of one tile, whole tiles below each other, and a lower one behind them. */
    private static int[] rows(int most) {
        return IntStream.concat(IntStream.rangeClosed(1, most), IntStream.of(2 * most, 3 * most + 1))
                .toArray();
    }

    private void bf16Tile(int rows, int columns, int pairs, Write write) {
        try (Arena arena = Arena.ofConfined()) {
            int vectors = (columns + 15) / 16;
            long aRow = 4L * pairs + 12;
            MemorySegment a = arena.allocate(rows * aRow, 4);
            MemorySegment b = arena.allocate(64L * vectors * pairs, 64);
            int cRow = columns + 5;
            MemorySegment c = guarded(arena, rows * cRow);
            float[][] left = new float[rows][2 * pairs];
            float[][] right = new float[2 * pairs][columns];
            for (int i = 0; i < rows; i++) {
                for (int k = 0; k < 2 * pairs; k++) {
                    left[i][k] = bf16(a, i * aRow + 2L * k);
                }
            }
            for (int k = 0; k < 2 * pairs; k++) {
                for (int j = 0; j < columns; j++) {
                    right[k][j] = bf16(b, 64L * vectors * (k / 2) + 4L * j + 2L * (k % 2));
                }
            }
            Bf16Tile.run(rows, columns, write, a.address(), aRow, b.address(), pairs, c.address(), 4L * cRow);
            check(c, rows, columns, cRow, left, right, 1, write);
        }
    }

    @Test
    void f32TilesOfEveryShapeAndOrder() {
        assumeTrue(F32Tile.available(), "no AVX-512 machine code on this CPU or system");
        for (Write write : Write.values()) {
            for (int columns = 1; columns <= 48; columns++) {
                for (int rows : rows(F32Tile.mostRows(columns))) {
                    f32Tile(rows, columns, write, false);
                    f32Tile(rows, columns, write, true);
                }
            }
        }
    }

    private void f32Tile(int rows, int columns, Write write, boolean transposed) {
        int depth = 13;
        try (Arena arena = Arena.ofConfined()) {
            long aRow = transposed ? 4 : 4L * depth;
            long aStep = transposed ? 4L * rows : 4;
            MemorySegment a = arena.allocate(4L * rows * depth, 4);
            MemorySegment b = arena.allocate(4L * columns * depth, 4);
            int cRow = columns + 3;
            MemorySegment c = guarded(arena, rows * cRow);
            float[][] left = new float[rows][depth];
            float[][] right = new float[depth][columns];
            for (int k = 0; k < depth; k++) {
                for (int i = 0; i < rows; i++) {
                    left[i][k] = (float) random.nextGaussian();
                    a.set(FLOAT, i * aRow + k * aStep, left[i][k]);
                }
                for (int j = 0; j < columns; j++) {
                    right[k][j] = (float) random.nextGaussian();
                    b.set(FLOAT, 4L * (k * columns + j), right[k][j]);
                }
            }
            F32Tile.run(
                    rows,
                    columns,
                    write,
                    0.5f,
                    a.address(),
                    aRow,
                    aStep,
                    b.address(),
                    4L * columns,
                    depth,
                    c.address(),
                    4L * cRow);
            check(c, rows, columns, cRow, left, right, 0.5f, write);
        }
    }

    @Test
    void int8TilesOfEveryShape() {
        assumeTrue(Int8Tile.available(), "this CPU has no int8 dot product");
        for (DType weights : List.of(DType.Q8_0, DType.Q4_0)) {
            for (Write write : Write.values()) {
                for (int rows : rows(Int8Tile.ROWS)) {
                    for (int columns = 1; columns <= Int8Tile.COLUMNS; columns++) {
                        int8Tile(rows, columns, weights, write);
                    }
                }
            }
        }
    }

    private void int8Tile(int rows, int columns, DType weights, Write write) {
        int blocks = 3;
        int depth = Int8Blocks.BLOCK * blocks;
        int levels = weights == DType.Q8_0 ? 256 : 16;
        try (Arena arena = Arena.ofConfined()) {
            int vectors = (columns + 15) / 16;
            long aRow = (long) Int8Blocks.BYTES * blocks + 24;
            MemorySegment a = arena.allocate(rows * aRow, 4);
            MemorySegment panel = arena.allocate(16L * vectors * depth, 64);
            MemorySegment scales = arena.allocate(64L * vectors * blocks, 64);
            int cRow = columns + 5;
            MemorySegment c = guarded(arena, rows * cRow);
            MemorySegment floats = arena.allocate(4L * depth, 64);
            float[][] left = new float[rows][depth];
            float[][] right = new float[depth][columns];
            for (int i = 0; i < rows; i++) {
                for (int k = 0; k < depth; k++) {
                    floats.set(FLOAT, 4L * k, (float) random.nextGaussian());
                }
                Int8Blocks.quantize(floats.address(), depth, weights, a.address() + i * aRow);
                for (int k = 0; k < depth; k++) {
                    long block = i * aRow + (long) Int8Blocks.BYTES * (k / 32);
                    float scale = a.get(FLOAT, block + Int8Blocks.SCALE);
                    left[i][k] = a.get(ValueLayout.JAVA_BYTE, block + k % 32) * scale;
                    assertThat(left[i][k]).isCloseTo(floats.get(FLOAT, 4L * k), within(scale / 2 + 1e-6f));
                }
            }
            for (int j = 0; j < columns; j++) {
                for (int k = 0; k < depth; k++) {
                    int level = random.nextInt(levels);
                    float scale = 0.25f + (k / 32 + j) % 3;
                    panel.set(ValueLayout.JAVA_BYTE, 64L * vectors * (k / 4) + 4L * j + k % 4, (byte) level);
                    scales.set(FLOAT, 64L * vectors * (k / 32) + 4L * j, scale / levels);
                    right[k][j] = (level - levels / 2) * (scale / levels);
                }
            }
            Int8Tile.run(
                    rows,
                    columns,
                    write,
                    a.address(),
                    aRow,
                    panel.address(),
                    scales.address(),
                    blocks,
                    c.address(),
                    4L * cRow);
            check(c, rows, columns, cRow, left, right, 1, write);
        }
    }

    @Test
    void aBlockWithANumberThatIsNoneHasAScaleThatIsNone() {
        assumeTrue(Int8Blocks.available(), "this CPU has no int8 dot product");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocate(4L * 64, 64);
            MemorySegment to = arena.allocate(2L * Int8Blocks.BYTES, 64);
            for (float odd : new float[] {Float.NaN, -Float.NaN, Float.POSITIVE_INFINITY}) {
                for (int k = 0; k < 32; k++) {
                    from.fill((byte) 0);
                    from.set(FLOAT, 4L * k, odd);
                    from.set(FLOAT, 4L * 40, 254);
                    Int8Blocks.quantize(from.address(), 64, DType.Q8_0, to.address());
                    assertThat(Float.isFinite(to.get(FLOAT, Int8Blocks.SCALE)))
                            .as("%s at %d", odd, k)
                            .isFalse();
                    assertThat(to.get(FLOAT, Int8Blocks.BYTES + Int8Blocks.SCALE))
                            .isEqualTo(2);
                }
            }
        }
    }

    @Test
    void weightsAreTakenApartIntoUnsignedBytesAndScales() {
        assumeTrue(Int8Blocks.available(), "this CPU has no int8 dot product");
        int blocks = 5;
        int rows = 3;
        for (DType type : List.of(DType.Q8_0, DType.Q4_0)) {
            try (Arena arena = Arena.ofConfined()) {
                long stride = type.bytes(32L * blocks) + 6;
                MemorySegment from = arena.allocate(rows * stride, 2);
                for (long i = 0; i < from.byteSize(); i++) {
                    from.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
                }
                for (int b = 0; b < rows * blocks; b++) {
                    long at = b / blocks * stride + (long) b % blocks * type.blockBytes();
                    from.set(SHORT, at, Float.floatToFloat16(b - 1.5f));
                }
                int toStride = 32 * blocks + 32;
                int scalesStride = 4 * blocks + 4;
                MemorySegment to = arena.allocate((long) rows * toStride, 64);
                MemorySegment scales = arena.allocate((long) rows * scalesStride, 64);
                Int8Blocks.split(
                        type,
                        from.address(),
                        stride,
                        rows,
                        32L * blocks,
                        to.address(),
                        toStride,
                        scales.address(),
                        scalesStride);
                for (int r = 0; r < rows; r++) {
                    for (int k = 0; k < 32 * blocks; k++) {
                        long at = r * stride + (long) k / 32 * type.blockBytes() + 2;
                        int level = type == DType.Q8_0
                                ? from.get(ValueLayout.JAVA_BYTE, at + k % 32) + 128
                                : from.get(ValueLayout.JAVA_BYTE, at + k % 16) >> (k % 32 / 16 * 4) & 15;
                        assertThat(to.get(ValueLayout.JAVA_BYTE, (long) r * toStride + k) & 0xFF)
                                .as("%s %d %d", type, r, k)
                                .isEqualTo(level);
                    }
                    for (int b = 0; b < blocks; b++) {
                        assertThat(scales.get(FLOAT, (long) r * scalesStride + 4L * b))
                                .isEqualTo(r * blocks + b - 1.5f);
                    }
                    assertThat(to.get(ValueLayout.JAVA_BYTE, (long) r * toStride + 32 * blocks))
                            .isZero();
                    assertThat(scales.get(FLOAT, (long) r * scalesStride + 4L * blocks))
                            .isZero();
                }
            }
        }
    }

    private static MemorySegment guarded(Arena arena, int floats) {
        MemorySegment c = arena.allocate(4L * floats, 64);
        for (int i = 0; i < floats; i++) {
            c.set(FLOAT, 4L * i, GUARD);
        }
        return c;
    }

    private float bf16(MemorySegment s, long at) {
        short half = Conversion.bfloat16((float) random.nextGaussian());
        s.set(SHORT, at, half);
        return Float.intBitsToFloat(half << 16);
    }

    private static void check(
            MemorySegment c,
            int rows,
            int columns,
            int cRow,
            float[][] left,
            float[][] right,
            float scale,
            Write write) {
        String what = rows + " x " + columns + " " + write;
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cRow; j++) {
                float seen = c.get(FLOAT, 4L * (i * cRow + j));
                if (j >= columns) {
                    assertThat(seen).as(what + " beyond the columns").isEqualTo(GUARD);
                    continue;
                }
                double wanted = 0;
                for (int k = 0; k < right.length; k++) {
                    wanted += (double) left[i][k] * right[k][j];
                }
                wanted = scale * wanted + (write == Write.ADD ? GUARD : 0);
                double tolerance = write == Write.ADD ? GUARD * 1e-6 : TOLERANCE;
                assertThat((double) seen).as(what).isCloseTo(wanted, within(tolerance));
            }
        }
    }

    @Test
    void panelsHoldEveryElementInItsPlace() {
        assumeTrue(Bf16Tile.available(), "this CPU has no bf16 dot product");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocate(4L * 16 * 32, 64);
            for (int i = 0; i < 16 * 32; i++) {
                from.set(ValueLayout.JAVA_INT, 4L * i, i);
            }
            MemorySegment to = arena.allocate(4L * 32 * 48, 64);
            Bf16Panels.transpose(from.address(), 4L * 32, 32, to.address() + 64, 4L * 48);
            for (int k = 0; k < 32; k++) {
                for (int j = 0; j < 16; j++) {
                    assertThat(to.get(ValueLayout.JAVA_INT, 4L * (48 * k + 16 + j)))
                            .isEqualTo(j * 32 + k);
                }
            }
            Bf16Panels.interleave(from.address(), 2L * 40, 5, 3, to.address(), 64);
            for (int k = 0; k < 3; k++) {
                for (int j = 0; j < 16; j++) {
                    int low = j < 5 ? from.get(SHORT, 2L * (2 * k * 40 + j)) & 0xFFFF : 0;
                    int high = j < 5 ? from.get(SHORT, 2L * ((2 * k + 1) * 40 + j)) & 0xFFFF : 0;
                    assertThat(to.get(ValueLayout.JAVA_INT, 4L * (16 * k + j))).isEqualTo(high << 16 | low);
                }
            }
        }
    }

    @Test
    void roundsToNearestEvenAsTheScalarConversionDoes() {
        assumeTrue(Bf16Tile.available(), "this CPU has no bf16 dot product");
        float[] special = {
            0, -0f, 1, 1.00390625f, 1.01171875f, Float.MAX_VALUE, -Float.MAX_VALUE, Float.POSITIVE_INFINITY, 3e-38f
        };
        try (Arena arena = Arena.ofConfined()) {
            int count = 1 << 14;
            MemorySegment from = arena.allocate(4L * count, 64);
            MemorySegment to = arena.allocate(2L * count, 64);
            for (int i = 0; i < count; i++) {
                from.set(FLOAT, 4L * i, i < special.length ? special[i] : (float) random.nextGaussian());
            }
            Bf16Panels.round(from.address(), to.address(), count);
            for (int i = 0; i < count; i++) {
                float x = from.get(FLOAT, 4L * i);
                assertThat(Float.intBitsToFloat(to.get(SHORT, 2L * i) << 16))
                        .isEqualTo(Conversion.rounded(x, DType.BF16));
            }
        }
    }
}
