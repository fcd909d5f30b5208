package dev.jemma.engine.safetensors;

import dev.jemma.engine.tensor.DType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Every element type that a safetensors header can name, with its size. Those that Jemma reads have a {@link DType};
 * the others can be listed and are refused by name.
 */
public enum StoredType {
    /** One byte a truth value. */
    BOOL(8),
    /** 4-bit float (two to a byte). */
    F4(4),
    /** 6-bit float, 2 exponent bits. */
    F6_E2M3(6),
    /** 6-bit float, 3 exponent bits. */
    F6_E3M2(6),
    /** Unsigned byte. */
    U8(8),
    /** Signed byte. */
    I8(8),
    /** 8-bit float, 5 exponent bits. */
    F8_E5M2(8),
    /** 8-bit float, 4 exponent bits. */
    F8_E4M3(8),
    /** 8-bit scale, exponent only. */
    F8_E8M0(8),
    /** 8-bit float, 4 exponent bits, no negative zero. */
    F8_E4M3FNUZ(8),
    /** 8-bit float, 5 exponent bits, no negative zero. */
    F8_E5M2FNUZ(8),
    /** 16-bit signed integer. */
    I16(16),
    /** 16-bit unsigned integer. */
    U16(16),
    /** IEEE binary16. */
    F16(16),
    /** Upper half of a binary32. */
    BF16(16),
    /** 32-bit signed integer. */
    I32(32),
    /** 32-bit unsigned integer. */
    U32(32),
    /** IEEE binary32. */
    F32(32),
    /** Two binary32: a complex number. */
    C64(64),
    /** IEEE binary64. */
    F64(64),
    /** 64-bit signed integer. */
    I64(64),
    /** 64-bit unsigned integer. */
    U64(64);

    private final int bits;

    StoredType(int bits) {
        this.bits = bits;
    }

    /** Size of an element in bits. */
    public int bits() {
        return bits;
    }

    /** The type under which Jemma reads it, if it does. */
    public Optional<DType> dtype() {
        return Arrays.stream(DType.values())
                .filter(type -> type.name().equals(name()))
                .findAny();
    }

    /**
     * The stored form of a type that Jemma reads.
     *
     * @throws IllegalArgumentException if the format has none: block types are GGUF's
     */
    public static StoredType of(DType dtype) {
        return named(dtype.name())
                .orElseThrow(() -> new IllegalArgumentException(
                        "safetensors files have no type " + dtype + "; wanted one of " + readable()));
    }

    /** The type of a header's {@code dtype} string, if there is one of that name. */
    static Optional<StoredType> named(String name) {
        return Arrays.stream(values()).filter(type -> type.name().equals(name)).findAny();
    }

    /** The types that can be read, for messages: {@code F32, F16, ...}. */
    static String readable() {
        return Arrays.stream(DType.values())
                .map(DType::name)
                .filter(name -> named(name).isPresent())
                .collect(Collectors.joining(", "));
    }
}
