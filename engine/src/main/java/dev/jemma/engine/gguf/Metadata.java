package dev.jemma.engine.gguf;

import dev.jemma.engine.api.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;

/**
 * The key-value pairs at the head of a GGUF file. Asking for a key in another type than the file has it is a
 * {@link FormatException} that shows both.
 *
 * @param file how messages name the file
 * @param values the pairs in the file's order; borrowed from it
 */
public record Metadata(String file, SequencedMap<String, GgufValue> values) {
    /** No text that Jemma reads comes near this. */
    private static final long MAX_TEXT = 16L << 20;

    public Metadata {
        values = Collections.unmodifiableSequencedMap(values);
    }

    /** Whether there is such a key. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** The whole number at {@code key}, from {@code min} to {@code max}; any integer type will do. */
    public Optional<Long> whole(String key, long min, long max) {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof GgufValue.Whole whole
                && !(whole.type() == GgufValue.Type.UINT64 && whole.value() < 0)
                && whole.value() >= min
                && whole.value() <= max) {
            return Optional.of(whole.value());
        }
        throw wanted(key, "a whole number from " + min + " to " + max);
    }

    /**
     * The finite number at {@code key}. One stored in f32 is the double of the same shortest decimal: 1e-6, not
     * 9.99999997e-7.
     */
    public Optional<Double> number(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof GgufValue.Whole whole && whole.type() != GgufValue.Type.UINT64) {
            return Optional.of((double) whole.value());
        }
        if (value instanceof GgufValue.Real real && Double.isFinite(real.value())) {
            return Optional.of(Double.parseDouble(real.toString()));
        }
        throw wanted(key, "a finite number");
    }

    /** The truth value at {@code key}. */
    public Optional<Boolean> flag(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof GgufValue.Flag(boolean flag)) {
            return Optional.of(flag);
        }
        throw wanted(key, "a BOOL");
    }

    /** The text at {@code key}. */
    public Optional<String> text(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof GgufValue.Text(MemorySegment utf8) && utf8.byteSize() <= MAX_TEXT) {
            return Optional.of(GgufCursor.decode(utf8, () -> wanted(key, "UTF-8")));
        }
        throw wanted(key, "a STRING of at most " + MAX_TEXT + " bytes");
    }

    /** The array at {@code key}, whose elements are of one of {@code types} and can be counted by an int. */
    public Optional<GgufValue.Array> array(String key, GgufValue.Type... types) {
        GgufValue value = values.get(key);
        if (value == null) {
            return Optional.empty();
        }
        if (value instanceof GgufValue.Array array
                && List.of(types).contains(array.elements())
                && array.count() < Integer.MAX_VALUE - 8) {
            return Optional.of(array);
        }
        throw wanted(key, "an array of " + List.of(types));
    }

    /** The bytes of every string at {@code key}. */
    public Optional<List<byte[]>> strings(String key) {
        return array(key, GgufValue.Type.STRING).map(array -> {
            // the reader has walked over these lengths
            List<byte[]> strings = new ArrayList<>((int) array.count());
            MemorySegment bytes = array.bytes();
            for (long at = 0; at < bytes.byteSize(); ) {
                long length = bytes.get(GgufCursor.LONG, at);
                strings.add(bytes.asSlice(at + 8, length).toArray(ValueLayout.JAVA_BYTE));
                at += 8 + length;
            }
            return strings;
        });
    }

    /** Where {@code text} is first in the array of strings at {@code key}, if it is there. */
    public OptionalInt indexOf(String key, String text) {
        Optional<GgufValue.Array> array = array(key, GgufValue.Type.STRING);
        if (array.isEmpty()) {
            return OptionalInt.empty();
        }
        MemorySegment wanted = MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8));
        MemorySegment bytes = array.get().bytes();
        long at = 0;
        for (int i = 0; i < array.get().count(); i++) {
            long length = bytes.get(GgufCursor.LONG, at);
            if (length == wanted.byteSize()
                    && MemorySegment.mismatch(bytes, at + 8, at + 8 + length, wanted, 0, length) < 0) {
                return OptionalInt.of(i);
            }
            at += 8 + length;
        }
        return OptionalInt.empty();
    }

    /** The numbers of an array of FLOAT32 at {@code key}. */
    public Optional<float[]> floats(String key) {
        return array(key, GgufValue.Type.FLOAT32).map(array -> array.bytes().toArray(GgufCursor.FLOAT));
    }

    /** The numbers of an array of INT32 or UINT32 at {@code key}. */
    public Optional<int[]> ints(String key) {
        return array(key, GgufValue.Type.INT32, GgufValue.Type.UINT32)
                .map(array -> array.bytes().toArray(GgufCursor.INT));
    }

    /** A complaint that the value at {@code key} is not what is wanted. */
    public FormatException wanted(String key, String wanted) {
        GgufValue value = values.get(key);
        return new FormatException(
                file + ": " + key + " is " + (value == null ? "left out" : describe(value)) + ", wanted " + wanted);
    }

    /** A value as messages show it: short texts and arrays written out. */
    public static String describe(GgufValue value) {
        if (value instanceof GgufValue.Text(MemorySegment utf8) && utf8.byteSize() <= 200) {
            byte[] bytes = utf8.toArray(ValueLayout.JAVA_BYTE);
            return "\"" + new String(bytes, StandardCharsets.UTF_8) + "\"";
        }
        return value.toString();
    }
}
