package dev.jemma.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.jemma.cuda.internal.MemoryFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Every fault planted in {@code planted.cu} or below is found: the stand-in is worth its trust. */
@ExtendWith(StandIn.class)
final class StandInTest {
    record OneBuffer(DeviceBuffer x) {}

    record Copy(DeviceBuffer x, DeviceBuffer y) {}

    record Counted(DeviceBuffer x, int n) {}

    record Scale(DeviceBuffer x, float by, int n) {}

    private static final LaunchShape ONE_BLOCK = LaunchShape.of(Dim3.of(1), Dim3.of(128));

    @BeforeEach
    void aboutTheStandIn() {
        StandIn.require();
    }

    private static CudaModule planted(CudaContext context) {
        return CudaModule.compile(context, StandIn.compiler(), StandIn.kernels("planted.cu"));
    }

    private static float[] floats(CudaStream stream, DeviceBuffer buffer) {
        float[] host = new float[(int) (buffer.bytes() / 4)];
        stream.download(MemorySegment.ofArray(host), buffer);
        return host;
    }

    @Test
    void freshMemoryIsNotZero() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                DeviceBuffer buffer = context.allocate(64)) {
            for (float value : floats(stream, buffer)) {
                assertThat(value).isNaN();
            }
        }
    }

    @Test
    void findsAMissingBarrier() {
        Set<String> results = new HashSet<>();
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(512);
                DeviceBuffer y = context.allocate(512)) {
            float[] input = new float[128];
            for (int i = 0; i < 128; i++) {
                input[i] = i;
            }
            stream.upload(x, MemorySegment.ofArray(input));
            CudaKernel<Copy> kernel = module.kernel(MethodHandles.lookup(), "missing_barrier", Copy.class);
            for (int seed = 1; seed <= 3; seed++) {
                StandIn.set("seed", seed);
                kernel.launch(stream, ONE_BLOCK, new Copy(x, y));
                results.add(Arrays.toString(floats(stream, y)));
            }
        }
        assertThat(results).hasSizeGreaterThan(1).anySatisfy(y -> assertThat(y).contains("NaN"));
    }

    @Test
    void findsAnOutOfBoundsWrite() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(4096)) {
            module.kernel(MethodHandles.lookup(), "out_of_bounds", Counted.class)
                    .launch(stream, LaunchShape.covering(1025, 128), new Counted(x, 1024));
            CudaException failure = catchThrowableOfType(CudaException.class, stream::synchronize);
            assertThat(failure.statusName()).isEqualTo("CUDA_ERROR_ILLEGAL_ADDRESS");
            assertThat(failure.operation())
                    .isEqualTo(
                            "cuStreamSynchronize (last launch: out_of_bounds<<<(9,1,1), (128,1,1), 0 bytes shared>>>)");
        }
        assertThat(StandIn.report())
                .contains("kernel out_of_bounds, block (8,0,0), thread (0,0,0): write of 0x")
                .contains("0 bytes after the end of memory of 4096 bytes");
    }

    @Test
    void findsAnOutOfBoundsWriteIntoTheSlackOfAnOddSize() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(400)) {
            module.kernel(MethodHandles.lookup(), "out_of_bounds", Counted.class)
                    .launch(stream, ONE_BLOCK, new Counted(x, 100));
            assertThatThrownBy(stream::synchronize).isInstanceOf(CudaException.class);
        }
        assertThat(StandIn.report())
                .contains("kernel out_of_bounds: write 0 bytes after the end of memory of 400 bytes");
    }

    @Test
    void findsAMissingStreamWait() {
        for (int order = 0; order < 2; order++) {
            assertThat(twoStreams(order, false))
                    .as("with the wait, order %d", order)
                    .containsOnly(3f);
        }
        assertThat(twoStreams(0, true)).as("without the wait").doesNotContain(3f);
    }

    /** One stream fills with 1, the other multiplies by 3 and reads; they need an event between them. */
    private static float[] twoStreams(int order, boolean forgotten) {
        StandIn.set("order", order);
        try (CudaContext context = StandIn.open();
                CudaStream first = context.stream();
                CudaStream second = context.stream();
                CudaEvent filled = CudaEvent.open(context, CudaEvent.Timing.OFF);
                CudaModule planted = planted(context);
                CudaModule module = CudaModule.compile(context, StandIn.compiler(), StandIn.kernels("vector_add.cu"));
                DeviceBuffer x = context.allocate(512)) {
            planted.kernel(MethodHandles.lookup(), "fill_ones", Counted.class)
                    .launch(first, ONE_BLOCK, new Counted(x, 128));
            first.record(filled);
            if (!forgotten) {
                second.waitFor(filled);
            }
            module.kernel(MethodHandles.lookup(), "scale", Scale.class).launch(second, ONE_BLOCK, new Scale(x, 3, 128));
            return floats(second, x);
        }
    }

    @Test
    void findsAMissingWaitForAnAsynchronousCopy() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(512);
                DeviceBuffer y = context.allocate(128)) {
            stream.fill(x, 0);
            module.kernel(MethodHandles.lookup(), "missing_copy_wait", Copy.class)
                    .launch(stream, LaunchShape.covering(32, 32), new Copy(x, y));
            assertThat(floats(stream, y)).containsOnly(Float.NaN);
        }
    }

    @Test
    void destroyedEventsAndStreamsDoNotWait() {
        StandIn.set("order", 0);
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(512)) {
            CudaStream other = context.stream();
            module.kernel(MethodHandles.lookup(), "fill_ones", Counted.class)
                    .launch(other, ONE_BLOCK, new Counted(x, 128));
            CudaEvent unrelated = CudaEvent.open(context, CudaEvent.Timing.OFF);
            unrelated.close();
            other.close();
            assertThat(floats(stream, x)).containsOnly(Float.NaN);
            context.synchronize();
            assertThat(floats(stream, x)).containsOnly(1f);
        }
    }

    @Test
    void findsAHostBufferThatIsRefilledTooEarly() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                PinnedBuffer host = PinnedBuffer.allocate(context, 4, PinnedBuffer.Use.UPLOAD);
                DeviceBuffer x = context.allocate(4)) {
            host.segment().set(JAVA_FLOAT, 0, 1);
            stream.uploadAsync(x, host, 0);
            host.segment().set(JAVA_FLOAT, 0, 2);
            assertThat(floats(stream, x)).containsExactly(2f);
        }
    }

    @Test
    void findsAUseOfFreedMemory() {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaStream other = context.stream();
                CudaModule module = planted(context)) {
            StandIn.set("order", 0);
            DeviceBuffer x = DeviceBuffer.allocateAsync(stream, 4096);
            module.kernel(MethodHandles.lookup(), "fill_ones", Counted.class)
                    .launch(other, ONE_BLOCK, new Counted(x, 128));
            x.close(); // in the order of `stream`, which does not wait for `other`
            stream.synchronize();
            CudaException failure = catchThrowableOfType(CudaException.class, other::synchronize);
            assertThat(failure.statusName()).isEqualTo("CUDA_ERROR_ILLEGAL_ADDRESS");
        }
        assertThat(StandIn.report()).contains("kernel fill_ones").contains("memory of 4096 bytes that was freed");
    }

    @Test
    void findsALeak() {
        assertThatThrownBy(() -> {
                    try (CudaContext context = StandIn.open()) {
                        context.allocate(12345);
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the context of cuda:0 was closed before 1 of its owners: DeviceBuffer of 12345 bytes");
        assertThat(StandIn.report()).isEmpty();
        leakBelowTheOwners();
        assertThat(StandIn.report()).contains("leak: device memory of 777 bytes");
    }

    /** The owners close what is forgotten, so a leak for the driver to see is made by the raw layer. */
    private static void leakBelowTheOwners() {
        try (CudaContext context = StandIn.open();
                Arena arena = Arena.ofConfined()) {
            context.synchronize();
            int status = MemoryFunctions.cuMemAlloc_v2(arena.allocate(JAVA_LONG), 777);
            assertThat(status).isZero();
        }
    }

    @Test
    void findsADivergentBarrier() {
        faulty("divergent_barrier");
        assertThat(StandIn.report())
                .contains("kernel divergent_barrier, block (0,0,0): divergent barrier: 32 of 128 threads wait at line")
                .contains("96 have ended");
    }

    @Test
    void findsADivergentShuffle() {
        faulty("divergent_shuffle");
        assertThat(StandIn.report()).contains("divergent warp function: thread (");
    }

    private static void faulty(String name) {
        try (CudaContext context = StandIn.open();
                CudaStream stream = context.stream();
                CudaModule module = planted(context);
                DeviceBuffer x = context.allocate(512)) {
            module.kernel(MethodHandles.lookup(), name, OneBuffer.class).launch(stream, ONE_BLOCK, new OneBuffer(x));
            CudaException failure = catchThrowableOfType(CudaException.class, stream::synchronize);
            assertThat(failure.statusName()).isEqualTo("CUDA_ERROR_LAUNCH_FAILED");
        }
    }
}
