package dev.jemma.engine.gguf;

import dev.jemma.engine.api.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads the head of a GGUF file from front to back. Every length is compared with what is left of the file before it is
 * used.
 */
final class GgufCursor {
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment data;
    private final String file;
    private long at;

    GgufCursor(MemorySegment data, String file) {
        this.data = data;
        this.file = file;
    }

    /** Where the next byte is read. */
    long at() {
        return at;
    }

    /** A complaint about the place {@code offset} of the file. */
    FormatException complain(long offset, String message) {
        return new FormatException(file + ": byte " + offset + ": " + message);
    }

    private long advance(long bytes, String what) {
        if (bytes > data.byteSize() - at) {
            throw complain(
                    at,
                    "the file ends within " + what + ", which wants " + bytes + " bytes where " + (data.byteSize() - at)
                            + " are left: it is cut off, download it again");
        }
        long from = at;
        at += bytes;
        return from;
    }

    /** An unsigned 32-bit number. */
    long u32(String what) {
        return data.get(INT, advance(4, what)) & 0xFFFF_FFFFL;
    }

    /** A 64-bit number, which is negative where it is beyond a long. */
    long u64(String what) {
        return data.get(LONG, advance(8, what));
    }

    /** A number of things that take at least {@code bytesEach} bytes of the file each. */
    long count(String what, long bytesEach) {
        long count = u64("the number of " + what);
        long most = (data.byteSize() - at) / bytesEach;
        if (count < 0 || count > most) {
            throw complain(
                    at - 8,
                    "the number of " + what + " is " + Long.toUnsignedString(count) + ", wanted at most " + most
                            + ", which is what the rest of the file has room for");
        }
        return count;
    }

    /** The bytes of a string, behind its length. */
    MemorySegment string(String what) {
        long length = count("bytes of " + what, 1);
        return data.asSlice(advance(length, what), length);
    }

    /** A string of at most {@code longest} bytes of UTF-8. */
    String text(String what, int longest) {
        long begin = at;
        MemorySegment bytes = string(what);
        if (bytes.byteSize() > longest) {
            throw complain(begin, what + " has " + bytes.byteSize() + " bytes, wanted at most " + longest);
        }
        return decode(bytes, () -> complain(begin, what + " is not UTF-8"));
    }

    /** What a text that is not UTF-8 fails with. */
    interface Complaint {
        FormatException get();
    }

    static String decode(MemorySegment utf8, Complaint complaint) {
        try {
            byte[] bytes = utf8.toArray(ValueLayout.JAVA_BYTE);
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException malformed) {
            throw complaint.get();
        }
    }

    /** The value of metadata {@code key}, behind its type. */
    GgufValue value(String key) {
        String what = "the value of '" + key + "'";
        GgufValue.Type type = type(what);
        return type == GgufValue.Type.ARRAY ? array(what) : scalar(type, what);
    }

    private GgufValue.Type type(String what) {
        long id = u32("the type of " + what);
        for (GgufValue.Type type : GgufValue.Type.values()) {
            if (type.id() == id) {
                return type;
            }
        }
        throw complain(at - 4, what + " has type " + id + ", wanted 0 to 12");
    }

    private GgufValue scalar(GgufValue.Type type, String what) {
        return switch (type) {
            case UINT8 -> new GgufValue.Whole(type, data.get(ValueLayout.JAVA_BYTE, advance(1, what)) & 0xFF);
            case INT8 -> new GgufValue.Whole(type, data.get(ValueLayout.JAVA_BYTE, advance(1, what)));
            case UINT16 -> new GgufValue.Whole(type, data.get(SHORT, advance(2, what)) & 0xFFFF);
            case INT16 -> new GgufValue.Whole(type, data.get(SHORT, advance(2, what)));
            case UINT32 -> new GgufValue.Whole(type, u32(what));
            case INT32 -> new GgufValue.Whole(type, data.get(INT, advance(4, what)));
            case UINT64, INT64 -> new GgufValue.Whole(type, u64(what));
            case FLOAT32 -> new GgufValue.Real(type, Float.intBitsToFloat(data.get(INT, advance(4, what))));
            case FLOAT64 -> new GgufValue.Real(type, Double.longBitsToDouble(u64(what)));
            case BOOL -> {
                byte value = data.get(ValueLayout.JAVA_BYTE, advance(1, what));
                if (value != 0 && value != 1) {
                    throw complain(at - 1, what + " is the BOOL " + value + ", wanted 0 or 1");
                }
                yield new GgufValue.Flag(value == 1);
            }
            case STRING -> new GgufValue.Text(string(what));
            case ARRAY -> throw new IllegalStateException("an array is no scalar");
        };
    }

    private GgufValue.Array array(String what) {
        GgufValue.Type elements = type(what);
        if (elements == GgufValue.Type.ARRAY) {
            throw complain(at - 4, what + " is an array of arrays, which llama.cpp does not read either");
        }
        boolean strings = elements == GgufValue.Type.STRING;
        long count = count("elements of " + what, strings ? 8 : elements.bytes());
        long begin = at;
        if (strings) {
            for (long i = 0; i < count; i++) {
                string(what);
            }
        } else {
            advance(count * elements.bytes(), what);
        }
        return new GgufValue.Array(elements, count, data.asSlice(begin, at - begin));
    }
}
