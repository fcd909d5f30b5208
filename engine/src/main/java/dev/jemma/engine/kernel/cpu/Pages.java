package dev.jemma.engine.kernel.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Reads a byte of every page that machine code is about to read: where a mapped file was cut short, Java throws an error, and machine
 * code would end the process.
 */
final class Pages {
    private static final long PAGE = 4096;

    /** Sums nobody asks for, a cache line for each member: without them the reads could be left out. */
    private final int[] sums;

    Pages(int members) {
        sums = new int[16 * members];
    }

    /** {@code bytes} bytes from {@code offset} on. */
    void touch(int member, MemorySegment memory, long offset, long bytes) {
        int sum = memory.get(ValueLayout.JAVA_BYTE, offset + bytes - 1);
        for (long at = 0; at < bytes; at += PAGE) {
            sum += memory.get(ValueLayout.JAVA_BYTE, offset + at);
        }
        sums[16 * member] += sum;
    }

    /** {@code count} rows of {@code bytes} bytes. */
    void touch(int member, MemorySegment memory, long offset, long stride, int count, long bytes) {
        for (int i = 0; i < count; i++) {
            touch(member, memory, offset + i * stride, bytes);
        }
    }
}
