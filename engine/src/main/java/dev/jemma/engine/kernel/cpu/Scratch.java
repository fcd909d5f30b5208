package dev.jemma.engine.kernel.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of one kernel family that grows to the greatest size ever asked for and then stays. For the calling thread, between tasks. */
final class Scratch implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment region = MemorySegment.NULL;

    /** At least {@code bytes} bytes, aligned to a cache line; the content of an earlier call is lost if it had to grow. */
    MemorySegment atLeast(long bytes) {
        if (region.byteSize() < bytes) {
            Arena old = arena;
            arena = Arena.ofShared();
            region = arena.allocate(Math.max(bytes, 64), 64);
            old.close();
        }
        return region;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
