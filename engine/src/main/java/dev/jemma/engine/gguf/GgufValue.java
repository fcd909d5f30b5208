package dev.jemma.engine.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A value of a file's metadata. Texts and arrays are views of the file, borrowed from it, and cost nothing until they
 * are read.
 */
public sealed interface GgufValue {
    /**
     * The types of values, with the numbers that stand for them in files and their size in bytes (0: has a length of
     * its own).
     */
    enum Type {
        /** Unsigned byte. */
        UINT8(0, 1),
        /** Signed byte. */
        INT8(1, 1),
        /** 16-bit unsigned integer. */
        UINT16(2, 2),
        /** 16-bit signed integer. */
        INT16(3, 2),
        /** 32-bit unsigned integer. */
        UINT32(4, 4),
        /** 32-bit signed integer. */
        INT32(5, 4),
        /** IEEE binary32. */
        FLOAT32(6, 4),
        /** One byte, 0 or 1. */
        BOOL(7, 1),
        /** UTF-8 behind its length. */
        STRING(8, 0),
        /** Values of one type behind their type and count. */
        ARRAY(9, 0),
        /** 64-bit unsigned integer. */
        UINT64(10, 8),
        /** 64-bit signed integer. */
        INT64(11, 8),
        /** IEEE binary64. */
        FLOAT64(12, 8);

        private final int id;
        private final int bytes;

        Type(int id, int bytes) {
            this.id = id;
            this.bytes = bytes;
        }

        int id() {
            return id;
        }

        int bytes() {
            return bytes;
        }
    }

    /**
     * A whole number.
     *
     * @param type its type in the file
     * @param value the number; one of UINT64 beyond a long is negative here
     */
    record Whole(Type type, long value) implements GgufValue {
        @Override
        public String toString() {
            return type == Type.UINT64 ? Long.toUnsignedString(value) : Long.toString(value);
        }
    }

    /**
     * A floating-point number.
     *
     * @param value the number; one of FLOAT32 is widened, and spelled as the float that it is
     */
    record Real(Type type, double value) implements GgufValue {
        @Override
        public String toString() {
            return type == Type.FLOAT32 ? Float.toString((float) value) : Double.toString(value);
        }
    }

    /** A truth value. */
    record Flag(boolean value) implements GgufValue {
        @Override
        public String toString() {
            return Boolean.toString(value);
        }
    }

    /** A text, as its UTF-8 bytes. */
    record Text(MemorySegment utf8) implements GgufValue {
        @Override
        public String toString() {
            return "a text of " + utf8.byteSize() + " bytes";
        }
    }

    /**
     * Contiguous values of one type.
     *
     * @param elements their type, no array
     * @param count how many there are
     * @param bytes all of them
     */
    record Array(Type elements, long count, MemorySegment bytes) implements GgufValue {
        /** Whether every byte of element {@code index} is zero; for types of a fixed size. */
        public boolean isZero(long index) {
            MemorySegment element = bytes.asSlice(index * elements.bytes, elements.bytes);
            for (long i = 0; i < element.byteSize(); i++) {
                if (element.get(ValueLayout.JAVA_BYTE, i) != 0) {
                    return false;
                }
            }
            return true;
        }

        @Override
        public String toString() {
            return "an array of " + count + " " + elements;
        }
    }
}
