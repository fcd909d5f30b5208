package dev.jemma.engine.kernel.cpu.base;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Addresses for machine code, which reads and writes memory without Java's checks: those that can be made once are made
 * here.
 */
public final class Addresses {
    private static final long PAGE = 4096;

    private Addresses() {}

    /** Of a segment that has not been closed. */
    public static long of(MemorySegment s) {
        if (!s.scope().isAlive()) {
            throw new IllegalStateException("Already closed");
        }
        return s.address();
    }

    /** Of bytes of a live segment, after it was checked that it has them. */
    public static long of(MemorySegment s, long at, long bytes) {
        if ((at | bytes) < 0 || bytes > s.byteSize() - at) {
            throw new IndexOutOfBoundsException(bytes + " bytes at " + at + " of " + s.byteSize());
        }
        return of(s) + at;
    }

    /**
     * The same for a file that may have been cut short: a byte of every page is read first, so that Java's error is
     * raised.
     */
    public static long ofMapped(MemorySegment s, long at, long bytes) {
        long sum = bytes == 0 ? 0 : s.get(ValueLayout.JAVA_BYTE, at + bytes - 1);
        for (long i = at; i < at + bytes; i += PAGE) {
            sum += s.get(ValueLayout.JAVA_BYTE, i);
        }
        if (sum == Long.MAX_VALUE) { // it cannot be, but the compiler may not leave out the reads
            throw new IllegalStateException("the bytes of " + s);
        }
        return of(s, at, bytes);
    }
}
