package dev.jemma.engine.quantize;

import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/**
 * The checksum of a tensor's first, middle and last page, taken while its bytes go by in order; of all of a small
 * tensor.
 */
final class SampledChecksum {
    private static final long PAGE = 1 << 12;

    private final CRC32C crc = new CRC32C();
    private final long[] begins;
    private final long[] ends;
    private long seen;

    /** For a tensor of {@code bytes} bytes. */
    SampledChecksum(long bytes) {
        if (bytes <= 3 * PAGE) {
            begins = new long[] {0};
            ends = new long[] {bytes};
        } else {
            long middle = (bytes - PAGE) / 2;
            begins = new long[] {0, Math.max(PAGE, middle), bytes - PAGE};
            ends = new long[] {PAGE, Math.max(PAGE, middle) + PAGE, bytes};
        }
    }

    /** The checksum of a tensor that is all there; reads the sampled pages only. */
    static long of(MemorySegment bytes) {
        SampledChecksum sum = new SampledChecksum(bytes.byteSize());
        sum.add(bytes);
        return sum.value();
    }

    /** Goes on with the next bytes. */
    void add(MemorySegment bytes) {
        for (int i = 0; i < begins.length; i++) {
            long from = Math.max(begins[i], seen);
            long to = Math.min(ends[i], seen + bytes.byteSize());
            if (from < to) {
                crc.update(bytes.asSlice(from - seen, to - from).asByteBuffer());
            }
        }
        seen += bytes.byteSize();
    }

    long value() {
        return crc.getValue();
    }
}
