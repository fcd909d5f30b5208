package dev.jemma.engine.tensor;

/**
 * Element types of tensors: the plain ones named as safetensors headers name them, and GGUF's block types, in which a
 * scale is shared by the elements of a block.
 *
 * <p>A tensor of a block type has rows of whole blocks: its last dimension is a multiple of {@link #blockElements}. The
 * bytes are those of a GGUF file (ggml-common.h in ggml-org/llama.cpp), so that such a file is used in place.
 */
public enum DType {
    /** IEEE binary32. */
    F32(1, 4, 4),
    /** IEEE binary16. */
    F16(1, 2, 2),
    /** The upper half of a binary32. */
    BF16(1, 2, 2),
    /** Blocks of 32: a binary16 scale d, then 32 signed bytes q; an element is {@code d * q}. */
    Q8_0(32, 34, 2),
    /**
     * Blocks of 32: a binary16 scale d, then 16 bytes whose low nibbles q are elements 0-15 and high nibbles 16-31;
     * {@code d * (q - 8)}.
     */
    Q4_0(32, 18, 2),
    /** 32-bit signed integer: token ids, targets. */
    I32(1, 4, 4),
    /** 64-bit signed integer: token ids as PyTorch saves them. */
    I64(1, 8, 8);

    private final int blockElements;
    private final int blockBytes;
    private final int alignment;

    DType(int blockElements, int blockBytes, int alignment) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
        this.alignment = alignment;
    }

    /** Whether it is a plain float type: each element by itself. */
    public boolean isFloat() {
        return this == F32 || this == F16 || this == BF16;
    }

    /** Whether elements share the scale of a block. */
    public boolean isQuantized() {
        return this == Q8_0 || this == Q4_0;
    }

    /** Whether the weight of a linear map or an embedding can have it: any float, plain or quantized. */
    public boolean isWeight() {
        return isFloat() || isQuantized();
    }

    /** Elements of a block; 1 for plain types. */
    public int blockElements() {
        return blockElements;
    }

    /** Size of a block in bytes; of an element for plain types. */
    public int blockBytes() {
        return blockBytes;
    }

    /** What the first byte's address is a multiple of: the size of an element, or of a block's scale. */
    public int alignment() {
        return alignment;
    }

    /**
     * Size of {@code elements} elements in bytes.
     *
     * @throws IllegalArgumentException if they are no whole number of blocks
     */
    public long bytes(long elements) {
        if (blockElements == 1) {
            return Math.multiplyExact(elements, blockBytes);
        }
        if (elements % blockElements != 0) {
            throw new IllegalArgumentException(
                    elements + " elements of " + this + ", wanted a multiple of " + blockElements);
        }
        return Math.multiplyExact(elements / blockElements, blockBytes);
    }

    /**
     * Size of a tensor of {@code shape} in bytes.
     *
     * @throws IllegalArgumentException if its rows are no whole number of blocks
     */
    public long bytes(Shape shape) {
        if (!fits(shape)) {
            throw new IllegalArgumentException("a " + this + " tensor of shape " + shape
                    + ", wanted a last dimension that is a multiple of " + blockElements);
        }
        return bytes(shape.elements());
    }

    /** Whether a tensor of {@code shape} can have this type: whether its rows are whole blocks. */
    public boolean fits(Shape shape) {
        return blockElements == 1 || shape.rank() > 0 && shape.dim(-1) % blockElements == 0;
    }
}
