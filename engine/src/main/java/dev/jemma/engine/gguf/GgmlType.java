package dev.jemma.engine.gguf;

import dev.jemma.engine.tensor.DType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The element types that a GGUF file can name (enum ggml_type in ggml.h of ggml-org/llama.cpp), with the size of a
 * block. Those that {@link Blocks} decodes can be read; the others can be listed and are refused by name.
 */
public enum GgmlType {
    /** IEEE binary32. */
    F32(0, 1, 4),
    /** IEEE binary16. */
    F16(1, 1, 2),
    /** 4 bits, a scale for 32. */
    Q4_0(2, 32, 18),
    /** 4 bits, scale and minimum for 32. */
    Q4_1(3, 32, 20),
    /** 5 bits, a scale for 32. */
    Q5_0(6, 32, 22),
    /** 5 bits, scale and minimum for 32. */
    Q5_1(7, 32, 24),
    /** 8 bits, a scale for 32. */
    Q8_0(8, 32, 34),
    /** 8 bits, scale and sum for 32. */
    Q8_1(9, 32, 36),
    /** 2 bits, blocks of 256. */
    Q2_K(10, 256, 84),
    /** 3 bits, blocks of 256. */
    Q3_K(11, 256, 110),
    /** 4 bits, 6-bit scales and minima for 32 in blocks of 256. */
    Q4_K(12, 256, 144),
    /** 5 bits, 6-bit scales and minima for 32 in blocks of 256. */
    Q5_K(13, 256, 176),
    /** 6 bits, 8-bit scales for 16 in blocks of 256. */
    Q6_K(14, 256, 210),
    /** 8 bits, blocks of 256: what k-quants are multiplied with. */
    Q8_K(15, 256, 292),
    /** 2.06 bits by codebook. */
    IQ2_XXS(16, 256, 66),
    /** 2.31 bits by codebook. */
    IQ2_XS(17, 256, 74),
    /** 3.06 bits by codebook. */
    IQ3_XXS(18, 256, 98),
    /** 1.56 bits by codebook. */
    IQ1_S(19, 256, 50),
    /** 4 bits, not linear. */
    IQ4_NL(20, 32, 18),
    /** 3.44 bits by codebook. */
    IQ3_S(21, 256, 110),
    /** 2.5 bits by codebook. */
    IQ2_S(22, 256, 82),
    /** 4.25 bits, not linear. */
    IQ4_XS(23, 256, 136),
    /** Signed byte. */
    I8(24, 1, 1),
    /** 16-bit signed integer. */
    I16(25, 1, 2),
    /** 32-bit signed integer. */
    I32(26, 1, 4),
    /** 64-bit signed integer. */
    I64(27, 1, 8),
    /** IEEE binary64. */
    F64(28, 1, 8),
    /** 1.75 bits by codebook. */
    IQ1_M(29, 256, 56),
    /** Upper half of a binary32. */
    BF16(30, 1, 2),
    /** Ternary, 1.69 bits. */
    TQ1_0(34, 256, 54),
    /** Ternary, 2.06 bits. */
    TQ2_0(35, 256, 66),
    /** 4-bit float, an exponent for 32. */
    MXFP4(39, 32, 17),
    /** 4-bit float, 8-bit scales for 16. */
    NVFP4(40, 64, 36),
    /** 1 bit, a scale for 128. */
    Q1_0(41, 128, 18);

    private final int id;
    private final int blockElements;
    private final int blockBytes;

    GgmlType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** The number that stands for it in files. */
    public int id() {
        return id;
    }

    /** Elements of a block, which lie in one row; 1 for plain types. */
    public int blockElements() {
        return blockElements;
    }

    /** Size of a block in bytes. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether {@link Blocks} decodes it. */
    public boolean isReadable() {
        return switch (this) {
            case F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K -> true;
            default -> false;
        };
    }

    /** The type under which kernels use it in place, if there is one. */
    public Optional<DType> dtype() {
        return isReadable()
                ? Arrays.stream(DType.values())
                        .filter(type -> type.name().equals(name()))
                        .findAny()
                : Optional.empty();
    }

    /** The type that a file calls {@code id}. */
    static Optional<GgmlType> of(long id) {
        return Arrays.stream(values()).filter(type -> type.id == id).findAny();
    }

    /** The types that can be read, for messages. */
    public static String readable() {
        return Arrays.stream(values())
                .filter(GgmlType::isReadable)
                .map(GgmlType::name)
                .collect(Collectors.joining(", "));
    }
}
