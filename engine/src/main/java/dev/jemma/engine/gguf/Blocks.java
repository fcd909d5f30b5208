package dev.jemma.engine.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Decoding of blocks to f32, bit for bit as llama.cpp's {@code dequantize_row_*} (ggml-quants.c) and the Python package
 * gguf have it: every product and difference is rounded to f32. Layouts are those of ggml-common.h. Safe for threads.
 */
public final class Blocks {
    /** Bytes copied onto the heap at a time. */
    private static final int CHUNK_BYTES = 1 << 14;

    private static final int K = 256;

    private final byte[] scales = new byte[8];
    private final byte[] minima = new byte[8];
    private final byte[] chunk;

    private Blocks(int chunkBytes) {
        this.chunk = new byte[chunkBytes];
    }

    /**
     * Decodes whole blocks.
     *
     * @param type a readable type
     * @param from the tensor's blocks
     * @param start first element, a multiple of the block's elements
     * @param to filled from 0 to {@code count}
     * @param count elements, a multiple of the block's elements
     * @throws IllegalArgumentException for a type that is not {@link GgmlType#isReadable readable}, and elements that
     *     cut a block
     */
    public static void decode(GgmlType type, MemorySegment from, long start, float[] to, int count) {
        int elements = type.blockElements();
        if (start % elements != 0 || count % elements != 0 || !type.isReadable()) {
            throw new IllegalArgumentException(
                    count + " elements from " + start + " of " + type + ", wanted whole blocks of a readable type");
        }
        int most = Math.min(count / elements, CHUNK_BYTES / type.blockBytes());
        new Blocks(most * type.blockBytes()).decodeChunks(type, from, start / elements, to, count);
    }

    private void decodeChunks(GgmlType type, MemorySegment from, long first, float[] to, int count) {
        int elements = type.blockElements();
        long block = first;
        for (int done = 0; done < count; ) {
            int blocks = Math.min(chunk.length / type.blockBytes(), (count - done) / elements);
            MemorySegment.copy(
                    from, ValueLayout.JAVA_BYTE, block * type.blockBytes(), chunk, 0, blocks * type.blockBytes());
            for (int b = 0; b < blocks; b++) {
                decodeBlock(type, b * type.blockBytes(), to, done + b * elements);
            }
            block += blocks;
            done += blocks * elements;
        }
    }

    private void decodeBlock(GgmlType type, int at, float[] to, int out) {
        switch (type) {
            case F32 -> to[out] = Float.intBitsToFloat(bits16(at) | bits16(at + 2) << 16);
            case F16 -> to[out] = half(at);
            case BF16 -> to[out] = Float.intBitsToFloat(bits16(at) << 16);
            case Q8_0 -> q8(at, to, out);
            case Q4_0 -> q4(at, to, out);
            case Q5_0 -> q5(at, to, out);
            case Q4_K -> q4k(at, to, out);
            case Q5_K -> q5k(at, to, out);
            case Q6_K -> q6k(at, to, out);
            default -> throw new IllegalArgumentException(type + " is not readable");
        }
    }

    private int bits16(int at) {
        return chunk[at] & 0xFF | (chunk[at + 1] & 0xFF) << 8;
    }

    private float half(int at) {
        return Float.float16ToFloat((short) bits16(at));
    }

    /** d: f16, then 32 signed bytes q; {@code d q}. */
    private void q8(int at, float[] to, int out) {
        float d = half(at);
        for (int i = 0; i < 32; i++) {
            to[out + i] = d * chunk[at + 2 + i];
        }
    }

    /** d: f16, then 16 bytes: low nibbles q are elements 0-15, high ones 16-31; {@code d (q - 8)}. */
    private void q4(int at, float[] to, int out) {
        float d = half(at);
        for (int i = 0; i < 16; i++) {
            int q = chunk[at + 2 + i];
            to[out + i] = d * ((q & 15) - 8);
            to[out + 16 + i] = d * ((q >> 4 & 15) - 8);
        }
    }

    /** d: f16, then the fifth bits of the 32 elements, then nibbles as Q4_0; {@code d (q - 16)}. */
    private void q5(int at, float[] to, int out) {
        float d = half(at);
        int high = bits16(at + 2) | bits16(at + 4) << 16;
        for (int i = 0; i < 16; i++) {
            int q = chunk[at + 6 + i];
            to[out + i] = d * ((q & 15 | (high >>> i & 1) << 4) - 16);
            to[out + 16 + i] = d * ((q >> 4 & 15 | (high >>> i + 16 & 1) << 4) - 16);
        }
    }

    /**
     * 12 bytes of eight 6-bit scales and eight 6-bit minima: the first four whole, the last four in nibbles and upper
     * bit pairs.
     */
    private void unpackScales(int at) {
        for (int i = 0; i < 4; i++) {
            int scale = chunk[at + i];
            int minimum = chunk[at + 4 + i];
            int both = chunk[at + 8 + i];
            scales[i] = (byte) (scale & 63);
            minima[i] = (byte) (minimum & 63);
            scales[4 + i] = (byte) (both & 15 | scale >> 2 & 48);
            minima[4 + i] = (byte) (both >> 4 & 15 | minimum >> 2 & 48);
        }
    }

    /**
     * d, dmin: f16, then scales and minima, then 128 bytes of nibbles: of every 32 bytes the low ones are 32 elements,
     * the high ones the next 32; {@code d scale q - dmin minimum}.
     */
    private void q4k(int at, float[] to, int out) {
        float d = half(at);
        float dmin = half(at + 2);
        unpackScales(at + 4);
        for (int group = 0; group < 8; group++) {
            float scale = d * scales[group];
            float minimum = dmin * minima[group];
            int nibbles = at + 16 + (group >> 1) * 32;
            int shift = (group & 1) * 4;
            for (int i = 0; i < 32; i++) {
                to[out + group * 32 + i] = scale * (chunk[nibbles + i] >> shift & 15) - minimum;
            }
        }
    }

    /** As Q4_K, with 32 bytes of fifth bits before the nibbles: bit g of byte i belongs to element i of group g. */
    private void q5k(int at, float[] to, int out) {
        float d = half(at);
        float dmin = half(at + 2);
        unpackScales(at + 4);
        for (int group = 0; group < 8; group++) {
            float scale = d * scales[group];
            float minimum = dmin * minima[group];
            int nibbles = at + 48 + (group >> 1) * 32;
            int shift = (group & 1) * 4;
            for (int i = 0; i < 32; i++) {
                int q = chunk[nibbles + i] >> shift & 15 | (chunk[at + 16 + i] >> group & 1) << 4;
                to[out + group * 32 + i] = scale * q - minimum;
            }
        }
    }

    /**
     * 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d: f16; {@code d scale (q - 32)}. Each
     * half of the block takes 64 bytes of nibbles (low ones for its first 64 elements, high ones for the others) and 32
     * of pairs (two bits for each quarter).
     */
    private void q6k(int at, float[] to, int out) {
        float d = half(at + 208);
        for (int part = 0; part < K; part += 32) {
            int half = part >> 7;
            int quarter = part >> 5 & 3;
            int nibbles = at + half * 64 + (quarter & 1) * 32;
            int pairs = at + 128 + half * 32;
            int shift = (quarter >> 1) * 4;
            for (int i = 0; i < 32; i++) {
                float scale = d * chunk[at + 192 + (part + i >> 4)];
                int q = chunk[nibbles + i] >> shift & 15 | (chunk[pairs + i] >> 2 * quarter & 3) << 4;
                to[out + part + i] = scale * (q - 32);
            }
        }
    }
}
