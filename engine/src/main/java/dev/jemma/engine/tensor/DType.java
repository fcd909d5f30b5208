package dev.jemma.engine.tensor;

/** Element types of tensors, named as safetensors headers name them. */
public enum DType {
    /** IEEE binary32. */
    F32(4),
    /** IEEE binary16. */
    F16(2),
    /** The upper half of a binary32. */
    BF16(2),
    /** 32-bit signed integer: token ids, targets. */
    I32(4),
    /** 64-bit signed integer: token ids as PyTorch saves them. */
    I64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Whether weights can have it. */
    public boolean isFloat() {
        return this == F32 || this == F16 || this == BF16;
    }

    /** Size of an element in bytes. */
    public int bytes() {
        return bytes;
    }
}
