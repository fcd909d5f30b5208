package dev.jemma.cuda;

/**
 * One allocation divided from its start, without freeing parts one by one: addresses stay where they are, which graphs
 * need, and nothing waits for the device. {@link #mark} and {@link #rewind} give back the newest parts together.
 */
public final class DeviceSlab implements AutoCloseable {
    /** Every part starts at a multiple of this, as an allocation of its own would. */
    public static final long ALIGNMENT = 256;

    private final DeviceBuffer memory;
    private long used;

    /** Allocates the whole slab. */
    public DeviceSlab(CudaContext context, long bytes) {
        this.memory = DeviceBuffer.allocate(context, bytes);
    }

    /**
     * The next {@code bytes} bytes, borrowed from the slab.
     *
     * @throws IllegalArgumentException for less than one byte
     * @throws IllegalStateException if the slab has no such room
     */
    public DeviceBuffer take(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a part of " + bytes + " bytes: wanted 1 or more");
        }
        if (bytes > memory.bytes() - used) {
            throw new IllegalStateException("slab of " + memory.bytes() + " bytes: wanted " + bytes + " bytes at "
                    + used + ", free are " + (memory.bytes() - used));
        }
        DeviceBuffer part = memory.slice(used, bytes);
        used = Math.min(memory.bytes(), Math.ceilDiv(used + bytes, ALIGNMENT) * ALIGNMENT);
        return part;
    }

    /** How much is taken, for {@link #rewind}. */
    public long mark() {
        return used;
    }

    /** Gives back everything taken since {@code mark}; parts handed out since then must not be used again. */
    public void rewind(long mark) {
        if (mark < 0 || mark > used) {
            throw new IllegalArgumentException("rewind to " + mark + ": wanted a mark of 0 to " + used);
        }
        used = mark;
    }

    /** Size of the slab in bytes. */
    public long bytes() {
        return memory.bytes();
    }

    @Override
    public void close() {
        memory.close();
    }
}
