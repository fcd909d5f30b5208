package dev.jemma.samebits;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A tensor as it is stored.
 *
 * @param dtype safetensors' name of the type of its numbers
 * @param shape its dimensions
 * @param bytes the numbers, little-endian and row by row, borrowed
 */
record TensorBits(String dtype, List<Long> shape, MemorySegment bytes) implements Value {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    TensorBits {
        shape = List.copyOf(shape);
        long numbers = shape.stream().reduce(1L, Math::multiplyExact);
        if (bytes.byteSize() != numbers * width(dtype)) {
            throw new IllegalArgumentException(
                    bytes.byteSize() + " bytes for " + dtype + " " + shape + ", wanted " + numbers * width(dtype));
        }
    }

    private static int width(String dtype) {
        return switch (dtype) {
            case "F64", "I64", "U64" -> 8;
            case "F32", "I32", "U32" -> 4;
            case "F16", "BF16", "I16", "U16" -> 2;
            case "U8", "I8", "BOOL" -> 1;
            default -> throw new IllegalArgumentException("dtype '" + dtype + "' is not known");
        };
    }

    /** How many numbers it has. */
    long numbers() {
        return bytes.byteSize() / width(dtype);
    }

    @Override
    public Optional<String> difference(Value other) {
        if (!(other instanceof TensorBits that)) {
            return Optional.of("is a tensor before and none after");
        }
        if (!dtype.equals(that.dtype) || !shape.equals(that.shape)) {
            return Optional.of("is " + dtype + " " + shape + " before, " + that.dtype + " " + that.shape + " after");
        }
        long first = bytes.mismatch(that.bytes);
        if (first < 0) {
            return Optional.empty();
        }
        long index = first / width(dtype);
        return Optional.of("%s %s differs first at %s: %s before, %s after; %,d of %,d numbers differ"
                .formatted(
                        dtype,
                        shape,
                        place(index),
                        number(index),
                        that.number(index),
                        differing(that, index),
                        numbers()));
    }

    private long differing(TensorBits that, long from) {
        int width = width(dtype);
        long count = 0;
        for (long i = from; i < numbers(); i++) {
            long at = i * width;
            if (MemorySegment.mismatch(bytes, at, at + width, that.bytes, at, at + width) >= 0) {
                count++;
            }
        }
        return count;
    }

    /** The index of each dimension. */
    private String place(long index) {
        long rest = index;
        Long[] place = new Long[shape.size()];
        for (int i = place.length - 1; i >= 0; i--) {
            place[i] = rest % shape.get(i);
            rest /= shape.get(i);
        }
        return List.of(place).toString();
    }

    /** As a number where it is one of a common type, and its bits. */
    private String number(long index) {
        long at = index * width(dtype);
        return switch (dtype) {
            case "F32" -> withBits(Float.intBitsToFloat(bytes.get(INT, at)), bytes.get(INT, at), 8);
            case "BF16" -> withBits(Float.intBitsToFloat(bytes.get(SHORT, at) << 16), bytes.get(SHORT, at), 4);
            case "F16" -> withBits(Float.float16ToFloat(bytes.get(SHORT, at)), bytes.get(SHORT, at), 4);
            default ->
                "bytes "
                        + HexFormat.of()
                                .formatHex(bytes.asSlice(at, width(dtype)).toArray(ValueLayout.JAVA_BYTE));
        };
    }

    private static String withBits(float value, int bits, int digits) {
        String all = String.format(Locale.ROOT, "%08x", bits);
        return value + " (" + all.substring(8 - digits) + ")";
    }
}
