package dev.jemma.engine.tensor;

import java.lang.foreign.MemorySegment;

/** Where a tensor's elements lie. A backend unwraps its own kind and refuses the others by name. */
public sealed interface Memory {
    /** Size in bytes. */
    long bytes();

    /**
     * Memory of this process.
     *
     * @param segment the elements, little-endian; borrowed from the arena of whoever allocated or mapped it
     */
    record Host(MemorySegment segment) implements Memory {
        @Override
        public long bytes() {
            return segment.byteSize();
        }
    }
}
