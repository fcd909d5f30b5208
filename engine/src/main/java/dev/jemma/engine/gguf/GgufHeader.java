package dev.jemma.engine.gguf;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * The head of a GGUF file: magic, version, metadata, tensor infos; the data follow at the next multiple of the
 * alignment. Checked as gguf.cpp of ggml-org/llama.cpp checks it, and that no tensor reaches out of the file or into
 * another.
 *
 * @param version of the format, 2 or 3; they differ in nothing that little-endian files show
 * @param metadata the key-value pairs
 * @param tensors by name, in the order of their data
 * @param bytes how long the head is
 */
record GgufHeader(int version, Metadata metadata, SequencedMap<String, GgufTensor> tensors, long bytes) {
    private static final String ALIGNMENT = "general.alignment";
    private static final long DEFAULT_ALIGNMENT = 32;

    /** GGML_MAX_DIMS. */
    private static final int MAX_DIMS = 4;

    /** Keys and names are far shorter; GGML_MAX_NAME is 64. */
    private static final int MAX_NAME = 1 << 16;

    /** A key's length, its type, and a value of one byte. */
    private static final long SMALLEST_PAIR = 8 + 4 + 1;

    /** A name's length, the number of dimensions, type and offset. */
    private static final long SMALLEST_INFO = 8 + 4 + 4 + 8;

    /** A tensor as its info says, before the place of the data is known. */
    private record Info(String name, GgmlType type, Shape shape, long offset, long bytes, long at) {}

    static GgufHeader parse(MemorySegment data, String file) {
        if (data.byteSize() < 4) {
            throw new FormatException(file + ": is " + data.byteSize() + " bytes, too short for a GGUF file");
        }
        checkMagic(data, file);
        GgufCursor cursor = new GgufCursor(data, file);
        cursor.u32("the magic");
        int version = version(cursor, file);
        long tensorCount = cursor.count("tensors", SMALLEST_INFO);
        long pairCount = cursor.count("metadata pairs", SMALLEST_PAIR);
        SequencedMap<String, GgufValue> values = new LinkedHashMap<>();
        for (long i = 0; i < pairCount; i++) {
            long at = cursor.at();
            String key = cursor.text("the key of metadata pair " + i, MAX_NAME);
            if (values.put(key, cursor.value(key)) != null) {
                throw cursor.complain(at, "the key '" + key + "' is there twice");
            }
        }
        Metadata metadata = new Metadata(file, values);
        List<Info> infos = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            infos.add(info(cursor, i));
        }
        long alignment = metadata.whole(ALIGNMENT, 8, 1L << 30).orElse(DEFAULT_ALIGNMENT);
        if (Long.bitCount(alignment) != 1) {
            throw metadata.wanted(ALIGNMENT, "a power of two from 8 on");
        }
        long dataStart = Math.addExact(cursor.at(), alignment - 1) & -alignment;
        return new GgufHeader(
                version, metadata, place(infos, cursor, dataStart, alignment, data.byteSize()), cursor.at());
    }

    private static void checkMagic(MemorySegment data, String file) {
        byte[] magic = data.asSlice(0, 4).toArray(ValueLayout.JAVA_BYTE);
        String text = new String(magic, StandardCharsets.ISO_8859_1);
        switch (text) {
            case "GGUF" -> {}
            case "lmgg", "fmgg", "tjgg" ->
                throw new FormatException(file + ": is a GGML file of the time before GGUF, wanted GGUF; convert the"
                        + " model anew with llama.cpp's convert_hf_to_gguf.py");
            default ->
                throw new FormatException(file + ": byte 0: begins with bytes "
                        + HexFormat.ofDelimiter(" ").formatHex(magic) + ", wanted GGUF (47 47 55 46)");
        }
    }

    private static int version(GgufCursor cursor, String file) {
        long version = cursor.u32("the version");
        if (version != 0 && (version & 0xFFFF) == 0) {
            throw new FormatException(file + ": is a big-endian GGUF file (version "
                    + Integer.reverseBytes((int) version)
                    + "), wanted little-endian; llama.cpp's gguf_convert_endian.py"
                    + " rewrites it");
        }
        if (version == 2 || version == 3) {
            return (int) version;
        }
        throw cursor.complain(
                4,
                "the version of GGUF is " + version + ", wanted 2 or 3"
                        + (version == 1 ? "; version 1 was in use for weeks only, convert the model anew" : ""));
    }

    private static Info info(GgufCursor cursor, long index) {
        long at = cursor.at();
        String name = cursor.text("the name of tensor " + index, MAX_NAME);
        String what = "the info of tensor '" + name + "'";
        long rank = cursor.u32(what);
        if (rank > MAX_DIMS) {
            throw cursor.complain(at, "tensor '" + name + "' has " + rank + " dimensions, wanted at most " + MAX_DIMS);
        }
        long[] dims = new long[(int) rank];
        for (int i = dims.length - 1; i >= 0; i--) {
            dims[i] = cursor.u64(what);
            if (dims[i] < 0) {
                throw cursor.complain(
                        cursor.at() - 8,
                        "tensor '" + name + "' has a dimension of " + Long.toUnsignedString(dims[i])
                                + ", which no file can hold");
            }
        }
        long typeAt = cursor.at();
        long id = cursor.u32(what);
        GgmlType type = GgmlType.of(id)
                .orElseThrow(() -> cursor.complain(
                        typeAt,
                        "tensor '" + name + "' has type " + id
                                + ", which ggml does not have, or had and removed; wanted one of "
                                + GgmlType.readable()));
        long offset = cursor.u64(what);
        try {
            Shape shape = new Shape(dims);
            long row = dims.length == 0 ? 1 : dims[dims.length - 1];
            if (row % type.blockElements() != 0) {
                throw cursor.complain(
                        at,
                        "tensor '" + name + "' of type " + type + " has rows of " + row
                                + " elements, wanted a multiple of " + type.blockElements());
            }
            long bytes = Math.multiplyExact(shape.elements() / type.blockElements(), type.blockBytes());
            return new Info(name, type, shape, offset, bytes, at);
        } catch (ArithmeticException tooLarge) {
            throw cursor.complain(
                    at, "tensor '" + name + "' of shape " + Arrays.toString(dims) + " does not fit any file");
        }
    }

    private static SequencedMap<String, GgufTensor> place(
            List<Info> infos, GgufCursor cursor, long dataStart, long alignment, long fileBytes) {
        List<GgufTensor> placed = new ArrayList<>();
        for (Info info : infos) {
            long room = fileBytes - dataStart - info.bytes;
            if (info.offset < 0 || info.offset > room) {
                throw cursor.complain(
                        info.at,
                        "tensor '" + info.name + "' lies at data byte " + Long.toUnsignedString(info.offset) + " with "
                                + info.bytes + " bytes, the file has " + Math.max(0, fileBytes - dataStart)
                                + " bytes of data: it is cut off, download it again");
            }
            if (info.offset % alignment != 0) {
                throw cursor.complain(
                        info.at,
                        "tensor '" + info.name + "' lies at data byte " + info.offset + ", wanted a multiple of "
                                + alignment + " (" + ALIGNMENT + ")");
            }
            long begin = dataStart + info.offset;
            placed.add(new GgufTensor(info.name, info.type, info.shape, begin, begin + info.bytes));
        }
        placed.sort(Comparator.comparingLong(GgufTensor::begin).thenComparingLong(GgufTensor::end));
        SequencedMap<String, GgufTensor> tensors = new LinkedHashMap<>();
        long end = 0;
        for (GgufTensor tensor : placed) {
            if (tensors.put(tensor.name(), tensor) != null) {
                throw cursor.complain(tensor.begin(), "the tensor '" + tensor.name() + "' is there twice");
            }
            if (tensor.begin() < end) {
                throw cursor.complain(tensor.begin(), "tensor '" + tensor.name() + "' begins within the one before it");
            }
            end = Math.max(end, tensor.end());
        }
        return tensors;
    }
}
