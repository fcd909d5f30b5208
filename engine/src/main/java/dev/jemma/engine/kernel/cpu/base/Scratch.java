package dev.jemma.engine.kernel.cpu.base;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of one kernel family that grows to the greatest size ever asked for and then stays. For the calling thread,
 * between tasks.
 */
public final class Scratch implements AutoCloseable {
    /**
     * Bytes that rows which are read side by side are further apart than they are long, so that eight of them do not
     * compete for one set of the first cache.
     */
    public static final long STAGGER = 64;

    private Region region = new Region(0);

    /**
     * At least {@code bytes} bytes, aligned to a cache line; the content of an earlier call is lost if it had to grow.
     */
    public MemorySegment atLeast(long bytes) {
        if (region.memory.byteSize() < bytes) {
            Region old = region;
            region = new Region(bytes);
            old.arena.close();
        }
        return region.memory;
    }

    @Override
    public void close() {
        if (region.arena.scope().isAlive()) {
            region.arena.close();
        }
    }

    private static final class Region {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment memory;

        Region(long bytes) {
            this.memory = arena.allocate(bytes, 64);
        }
    }
}
