package dev.jemma.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Buffers, streams and events; what a test leaves behind or the stand-in complains of fails it. */
@ExtendWith(StandIn.class)
@SuppressWarnings("NullAway.Init") // set before each test
final class CudaMemoryTest {
    private CudaContext context;
    private CudaStream stream;

    @BeforeEach
    void open() {
        context = StandIn.open();
        stream = context.stream();
    }

    @AfterEach
    void close() {
        stream.close();
        context.close();
        assertThat(StandIn.realGpu() ? "" : StandIn.report()).isEmpty();
    }

    private int[] ints(DeviceBuffer buffer) {
        int[] host = new int[(int) (buffer.bytes() / 4)];
        stream.download(MemorySegment.ofArray(host), buffer);
        return host;
    }

    @Test
    void copiesHeapAndNativeMemoryBothWays() {
        int[] numbers = IntStream.range(0, 1000).toArray();
        try (DeviceBuffer a = context.allocate(4000);
                DeviceBuffer b = context.allocate(4000);
                Arena arena = Arena.ofConfined()) {
            stream.upload(a, MemorySegment.ofArray(numbers));
            stream.copy(b, a);
            assertThat(ints(b)).isEqualTo(numbers);
            MemorySegment host = arena.allocate(4000);
            stream.download(host, b.slice(0, 4000));
            assertThat(host.toArray(JAVA_INT)).isEqualTo(numbers);
            assertThat(ints(b.slice(400, 8))).containsExactly(100, 101);
        }
    }

    @Test
    void pinnedCopiesRunInTheOrderOfTheStream() {
        try (PinnedBuffer host = PinnedBuffer.allocate(context, 64, PinnedBuffer.Use.SHARED);
                DeviceBuffer device = context.allocate(32)) {
            for (int i = 0; i < 8; i++) {
                host.segment().setAtIndex(JAVA_INT, i, i * i);
            }
            stream.uploadAsync(device, host, 0);
            stream.downloadAsync(host, 32, device);
            stream.synchronize();
            assertThat(host.segment().asSlice(32).toArray(JAVA_INT)).containsExactly(0, 1, 4, 9, 16, 25, 36, 49);
            assertThatThrownBy(() -> stream.uploadAsync(device, host, 48))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void pinnedMemoryCannotBeReadAfterClose() {
        PinnedBuffer host = PinnedBuffer.allocate(context, 16, PinnedBuffer.Use.UPLOAD);
        host.close();
        host.close();
        assertThatThrownBy(() -> host.segment().get(JAVA_INT, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void registeredMemoryIsReadInPlace() {
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer device = context.allocate(16)) {
            MemorySegment memory = arena.allocateFrom(JAVA_INT, 1, 2, 3, 4);
            try (PinnedBuffer pinned = PinnedBuffer.register(context, memory)) {
                stream.uploadAsync(device, pinned, 0);
                assertThat(ints(device)).containsExactly(1, 2, 3, 4);
            }
        }
    }

    @Test
    void fillsByWidth() {
        try (DeviceBuffer buffer = context.allocate(12)) {
            stream.fill(buffer.slice(0, 4), (byte) 0x11);
            stream.fill(buffer.slice(4, 4), (short) 0x2233);
            stream.fill(buffer.slice(8, 4), 0x44556677);
            assertThat(ints(buffer)).containsExactly(0x11111111, 0x22332233, 0x44556677);
            assertThatThrownBy(() -> stream.fill(buffer.slice(0, 6), 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("fill of 6 bytes: wanted a multiple of 4 bytes");
        }
    }

    @Test
    void sizesMustAgree() {
        try (DeviceBuffer buffer = context.allocate(12)) {
            assertThatThrownBy(() -> stream.upload(buffer, MemorySegment.ofArray(new int[2])))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("upload of 8 bytes into 12 bytes: wanted one size, slice the larger");
            assertThatThrownBy(() -> buffer.slice(8, 8)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> context.allocate(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a device buffer of 0 bytes: wanted 1 or more");
        }
    }

    @Test
    void slabsAlignPartsAndGiveThemBack() {
        try (DeviceSlab slab = new DeviceSlab(context, 1000)) {
            DeviceBuffer first = slab.take(10);
            long mark = slab.mark();
            DeviceBuffer second = slab.take(100);
            assertThat(second.address() - first.address()).isEqualTo(DeviceSlab.ALIGNMENT);
            slab.rewind(mark);
            assertThat(slab.take(744).address()).isEqualTo(second.address());
            assertThatThrownBy(() -> slab.take(1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("slab of 1000 bytes: wanted 1 bytes at 1000, free are 0");
            assertThatThrownBy(() -> slab.take(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a part of 0 bytes: wanted 1 or more");
            assertThatThrownBy(() -> slab.rewind(1001)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void streamOrderedMemoryComesAndGoesWithTheStream() {
        context.keepInPool(1 << 20);
        try (DeviceBuffer buffer = DeviceBuffer.allocateAsync(stream, 8)) {
            stream.fill(buffer, 7);
            assertThat(ints(buffer)).containsExactly(7, 7);
        }
        stream.synchronize();
        context.trimPool(0);
    }

    @Test
    void streamOrderedMemoryOutlivesItsStream() {
        CudaStream other = context.stream();
        DeviceBuffer buffer = DeviceBuffer.allocateAsync(other, 8);
        other.fill(buffer, 9);
        other.close();
        context.synchronize();
        assertThat(ints(buffer)).containsExactly(9, 9);
        buffer.close();
    }

    @Test
    void streamOrderedMemoryIsNotFreedUnderTheWorkOfAClosedStream() {
        if (!StandIn.realGpu()) {
            StandIn.set("order", 0);
        }
        CudaStream other = context.stream();
        DeviceBuffer buffer = DeviceBuffer.allocateAsync(other, 8);
        other.fill(buffer, 9);
        other.close();
        buffer.close(); // the stand-in complains of a fill of freed memory if this does not wait
        context.synchronize();
    }

    @Test
    void poolSizesAreChecked() {
        assertThatThrownBy(() -> context.keepInPool(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a pool that keeps -1 bytes: wanted 0 or more");
        assertThatThrownBy(() -> context.trimPool(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void eventsOrderStreamsWhateverTheDeviceDoesFirst() {
        for (int order = 0; order < 3; order++) {
            for (int seed = 1; seed < 6; seed++) {
                if (!StandIn.realGpu()) {
                    StandIn.set("order", order);
                    StandIn.set("seed", seed);
                }
                try (CudaStream second = context.stream();
                        CudaEvent forth = CudaEvent.open(context, CudaEvent.Timing.OFF);
                        CudaEvent back = CudaEvent.open(context, CudaEvent.Timing.OFF);
                        DeviceBuffer a = context.allocate(4);
                        DeviceBuffer b = context.allocate(4)) {
                    stream.fill(a, seed);
                    stream.record(forth);
                    second.waitFor(forth);
                    second.copy(b, a);
                    second.record(back);
                    stream.waitFor(back);
                    stream.fill(a, 0);
                    assertThat(ints(b)).containsExactly(seed);
                    assertThat(ints(a)).containsExactly(0);
                }
            }
        }
    }

    @Test
    void queriesBecomeDoneAndEventsMeasure() {
        try (CudaEvent start = CudaEvent.open(context, CudaEvent.Timing.ON);
                CudaEvent end = CudaEvent.open(context, CudaEvent.Timing.ON);
                DeviceBuffer a = context.allocate(1 << 16)) {
            assertThat(start.isDone()).isTrue();
            stream.record(start);
            stream.fill(a, 1);
            stream.record(end);
            while (!end.isDone() || !stream.isDone()) {
                Thread.onSpinWait();
            }
            end.synchronize();
            assertThat(end.millisecondsSince(start)).isBetween(0f, 10_000f);
        }
    }

    @Test
    void timingOfAnEventWithoutAClockSaysWhatIsNeeded() {
        try (CudaEvent start = CudaEvent.open(context, CudaEvent.Timing.OFF);
                CudaEvent end = CudaEvent.open(context, CudaEvent.Timing.OFF)) {
            stream.record(start);
            stream.record(end);
            stream.synchronize();
            assertThatThrownBy(() -> end.millisecondsSince(start))
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("both events need timing and must have happened");
        }
    }
}
