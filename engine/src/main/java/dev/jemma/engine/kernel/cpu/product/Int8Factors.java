package dev.jemma.engine.kernel.cpu.product;

import static dev.jemma.engine.kernel.cpu.code.Int8Blocks.BLOCK;
import static dev.jemma.engine.kernel.cpu.code.Int8Tile.COLUMNS;
import static dev.jemma.engine.kernel.cpu.code.Int8Tile.LANES;
import static dev.jemma.engine.kernel.cpu.code.Int8Tile.QUAD;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.kernel.cpu.code.Int8Blocks;
import dev.jemma.engine.kernel.cpu.code.Int8Tile;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * Factors in int8 by blocks of the depth, for weights that are stored so: the left is quantized as {@link Int8Blocks}
 * has it, panels hold what the weights are, and no value of theirs is rounded.
 */
final class Int8Factors implements TileFactors {
    private static final int FLOAT = 4;
    private static final int DEEPEST = 1024;

    /** A transposition takes sixteen dwords of the depth. */
    private static final int UNIT = LANES * QUAD;

    private static final int MOST_BLOCKS = DEEPEST / BLOCK;

    private static final long PANEL_BYTES = (long) DEEPEST * COLUMNS;
    private static final long SCALES_BYTES = (long) FLOAT * MOST_BLOCKS * COLUMNS;

    /** Sixteen rows of a weight: bytes, and scales up to a multiple of sixteen. */
    private static final long STAGE_BYTES = (long) LANES * DEEPEST;

    private static final long SCALE_ROW = (long) FLOAT * MOST_BLOCKS;
    private static final long MEMBER_BYTES = PANEL_BYTES + SCALES_BYTES + STAGE_BYTES + LANES * SCALE_ROW;

    private final Scratch own = new Scratch();
    private final long[] panels;
    private PanelSource source = PanelSource.NONE;

    Int8Factors(int members) {
        panels = new long[members];
        long all = own.atLeast(MEMBER_BYTES * members).address();
        for (int i = 0; i < members; i++) {
            panels[i] = all + i * MEMBER_BYTES;
        }
    }

    @Override
    public int rows() {
        return Int8Tile.ROWS;
    }

    @Override
    public int deepest() {
        return DEEPEST;
    }

    @Override
    public int unit() {
        return UNIT;
    }

    @Override
    public long leftBytes(int steps) {
        return (long) steps / BLOCK * Int8Blocks.BYTES;
    }

    @Override
    public void begin(PanelSource weight) {
        if (weight.order() != Order.TRANSPOSED) {
            throw new IllegalArgumentException("blocks of the weight lie across the depth");
        }
        source = weight;
    }

    @Override
    public void left(MemorySegment x, long from, int depth, MemorySegment to, long offset) {
        Int8Blocks.quantize(x.address() + from, depth, source.type(), to.address() + offset);
    }

    @Override
    public long pack(int member, int k, int block, int column, int count) {
        DType type = source.type();
        int vectors = Math.ceilDiv(count, LANES);
        long panel = panels[member];
        long scales = panel + PANEL_BYTES;
        long stage = scales + SCALES_BYTES;
        long stagedScales = stage + STAGE_BYTES;
        long bytes = type.bytes(block);
        long rowBytes = type.bytes(source.depth());
        for (int j = 0; j < count; j += LANES) {
            int present = Math.min(LANES, count - j);
            long at = type.bytes((long) (column + j) * source.depth() + k);
            long from = source.mapped(at, rowBytes, present, bytes);
            Int8Blocks.split(type, from, rowBytes, present, block, stage, DEEPEST, stagedScales, SCALE_ROW);
            long stride = (long) FLOAT * LANES * vectors;
            long place = (long) FLOAT * j;
            Bf16Panels.transpose(stage, DEEPEST, Sizes.roundUp(block, UNIT) / QUAD, panel + place, stride);
            Bf16Panels.transpose(stagedScales, SCALE_ROW, Sizes.roundUp(block / BLOCK, LANES), scales + place, stride);
        }
        return panel;
    }

    @Override
    public void multiply(
            int height, int count, Write write, long a, long aStride, long panel, int block, long c, long cStride) {
        Int8Tile.run(height, count, write, a, aStride, panel, panel + PANEL_BYTES, block / BLOCK, c, cStride);
    }

    @Override
    public void close() {
        own.close();
    }
}
