package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.code.Bf16Panels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Quantization;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The weight that panels are packed of.
 *
 * @param segment its memory, borrowed
 * @param type of its elements
 * @param order whether the tensor is [depth, columns] (PLAIN) or [columns, depth] (TRANSPOSED)
 * @param columns of the product's right factor
 * @param depth its rows
 */
record PanelSource(MemorySegment segment, DType type, Order order, int columns, int depth) {
    /** Before the first weight. */
    static final PanelSource NONE = new PanelSource(MemorySegment.NULL, DType.BF16, Order.PLAIN, 0, 0);

    /** B [K, N] (TRANSPOSED: the tensor is [N, K]). */
    static PanelSource of(Tensor weight, Order order) {
        boolean plain = order == Order.PLAIN;
        return new PanelSource(
                weight.segment(),
                weight.dtype(),
                order,
                Math.toIntExact(weight.dim(plain ? 1 : 0)),
                Math.toIntExact(weight.dim(plain ? 0 : 1)));
    }

    /** Address of {@code rows} rows of the tensor, which a file that was cut short may lack. */
    long mapped(long at, long stride, int rows, long bytes) {
        for (int i = 1; i < rows; i++) {
            Addresses.ofMapped(segment, at + i * stride, bytes);
        }
        return Addresses.ofMapped(segment, at, bytes);
    }

    /**
     * Brings a part of what {@link TileFactors#pack} will read to the second-level cache.
     *
     * @param part 0 .. parts - 1: of so many equal parts
     */
    void prefetch(int k, int block, int column, int count, int part, int parts) {
        boolean plain = order == Order.PLAIN;
        int rows = plain ? block : count;
        int from = (int) ((long) rows * part / parts);
        int to = (int) ((long) rows * (part + 1) / parts);
        if (from == to) {
            return;
        }
        long width = plain ? columns : depth;
        int element = plain ? column : k;
        int unit = type.isQuantized() ? Quantization.BLOCK : 1;
        long row = (plain ? k : column) + from;
        Bf16Panels.prefetch(
                segment.address() + type.bytes(row * width + element / unit * unit),
                type.bytes(width),
                to - from,
                type.bytes(Sizes.roundUp(plain ? count : block, unit)));
    }
}
