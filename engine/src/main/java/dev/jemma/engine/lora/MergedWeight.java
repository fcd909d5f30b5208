package dev.jemma.engine.lora;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import dev.jemma.engine.tensor.Values;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;

/**
 * One weight with its updates added, computed and written in blocks of rows: row n is
 * {@code W[n] + sum of scale * left[n] right}.
 *
 * @param weight the base's values
 * @param shape the weight's; [rows, columns] if there are updates
 * @param updates the factors of each adapter
 */
record MergedWeight(Values weight, Shape shape, List<Factors> updates) {
    /** Elements computed between two writes. */
    private static final long BLOCK = 1 << 20;

    /**
     * A product of two factors. For a linear map they are B [out, r] and A [r, in]; an embedding's weight is the
     * transpose of its update, so there they are A^T [V, r] and B^T [r, C].
     *
     * @param left [rows, r]
     * @param right [r, columns]
     * @param scale of the product
     */
    record Factors(float[] left, float[] right, int rank, float scale) {}

    static MergedWeight of(Values weight, Shape shape, List<LowRank> updates, boolean embedding) {
        return new MergedWeight(
                weight,
                shape,
                updates.stream()
                        .map(update -> embedding
                                ? new Factors(
                                        transposed(update.a()), transposed(update.b()), update.rank(), update.scale())
                                : new Factors(floats(update.b()), floats(update.a()), update.rank(), update.scale()))
                        .toList());
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        Conversion.widen(tensor, 0, values, values.length);
        return values;
    }

    private static float[] transposed(Tensor tensor) {
        float[] values = floats(tensor);
        int rows = Math.toIntExact(tensor.dim(0));
        int columns = Math.toIntExact(tensor.dim(1));
        float[] result = new float[values.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                result[j * rows + i] = values[i * columns + j];
            }
        }
        return result;
    }

    /** Appends the sum to {@code writer} as {@code dtype}; {@code name} is for messages. */
    void write(SafetensorsWriter writer, DType dtype, String name) throws IOException {
        int columns = Math.toIntExact(shape.rank() == 0 ? 1 : shape.dim(-1));
        long rows = shape.rows();
        int blockRows = (int) Math.max(1, Math.min(rows, BLOCK / Math.max(1, columns)));
        float[] block = new float[blockRows * columns];
        float[] delta = new float[columns];
        try (Arena arena = Arena.ofConfined()) {
            Tensor out =
                    Tensor.host(dtype, Shape.of(blockRows, columns), arena.allocate(dtype.bytes(block.length), 64));
            for (long row = 0; row < rows; row += blockRows) {
                int count = (int) Math.min(blockRows, rows - row);
                weight.read(row * columns, block, count * columns);
                for (int i = 0; i < count && !updates.isEmpty(); i++) {
                    addUpdates(Math.toIntExact(row + i), block, i * columns, delta);
                }
                checkFinite(block, count * columns, dtype, name);
                Conversion.round(block, out, 0, count * columns);
                writer.append(out.segment().asSlice(0, dtype.bytes((long) count * columns)));
            }
        }
    }

    private void addUpdates(int row, float[] block, int start, float[] delta) {
        int columns = delta.length;
        for (Factors update : updates) {
            Arrays.fill(delta, 0);
            for (int k = 0; k < update.rank(); k++) {
                float left = update.left()[row * update.rank() + k];
                int at = k * columns;
                for (int j = 0; j < columns; j++) {
                    delta[j] += left * update.right()[at + j];
                }
            }
            for (int j = 0; j < columns; j++) {
                block[start + j] += update.scale() * delta[j];
            }
        }
    }

    private static void checkFinite(float[] block, int count, DType dtype, String name) {
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(Conversion.rounded(block[i], dtype))) {
                throw new FormatException("tensor '" + name + "' would hold " + block[i] + " after merging, which "
                        + dtype + " does not hold: model or adapter is broken"
                        + (dtype == DType.F16 ? ", or merge as float32" : ""));
            }
        }
    }
}
