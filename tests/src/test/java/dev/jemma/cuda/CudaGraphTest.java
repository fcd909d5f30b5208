package dev.jemma.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(StandIn.class)
@SuppressWarnings("NullAway.Init") // set before each test
final class CudaGraphTest {
    record Scale(DeviceBuffer x, float by, int n) {}

    private CudaContext context;
    private CudaStream stream;
    private CudaModule module;
    private CudaKernel<Scale> scale;
    private DeviceBuffer x;

    @BeforeEach
    void open() {
        context = StandIn.open();
        stream = context.stream();
        module = CudaModule.compile(context, StandIn.compiler(), StandIn.kernels("vector_add.cu"));
        scale = module.kernel(MethodHandles.lookup(), "scale", Scale.class);
        x = context.allocate(8);
        stream.upload(x, MemorySegment.ofArray(new float[] {1, 2}));
    }

    @AfterEach
    void close() {
        x.close();
        module.close();
        stream.close();
        context.close();
        assertThat(StandIn.realGpu() ? "" : StandIn.report()).isEmpty();
    }

    private void times(CudaStream on, float by) {
        scale.launch(on, LaunchShape.covering(2, 32), new Scale(x, by, 2));
    }

    private float[] result() {
        float[] host = new float[2];
        stream.download(MemorySegment.ofArray(host), x);
        return host;
    }

    @Test
    void recordsWithoutRunningAndReplays() {
        try (CudaGraph graph = CudaGraph.capture(stream, () -> {
            times(stream, 2);
            times(stream, 3);
        })) {
            assertThat(graph.nodes()).isEqualTo(2);
            assertThat(result()).containsExactly(1, 2);
            graph.upload(stream);
            graph.launch(stream);
            graph.launch(stream);
            assertThat(result()).containsExactly(36, 72);
        }
    }

    @Test
    void takesNewParametersInPlaceAndNewShapesByRebuilding() {
        try (CudaGraph graph = CudaGraph.capture(stream, () -> times(stream, 2))) {
            assertThat(graph.update(stream, () -> times(stream, 5))).isEqualTo(CudaGraph.Update.IN_PLACE);
            graph.launch(stream);
            assertThat(result()).containsExactly(5, 10);
            assertThat(graph.update(stream, () -> {
                        times(stream, 2);
                        stream.fill(x.slice(4, 4), 0);
                    }))
                    .isEqualTo(CudaGraph.Update.REBUILT);
            assertThat(graph.nodes()).isEqualTo(2);
            graph.launch(stream);
            assertThat(result()).containsExactly(10, 0);
        }
    }

    @Test
    void streamsThatWaitForTheCaptureTakePartInIt() {
        for (int seed = 1; seed <= 4; seed++) {
            if (!StandIn.realGpu()) {
                StandIn.set("seed", seed);
            }
            stream.upload(x, MemorySegment.ofArray(new float[] {1, 2}));
            try (CudaStream side = context.stream();
                    CudaEvent forth = CudaEvent.open(context, CudaEvent.Timing.OFF);
                    CudaEvent back = CudaEvent.open(context, CudaEvent.Timing.OFF);
                    DeviceBuffer copy = context.allocate(8);
                    CudaGraph graph = CudaGraph.capture(stream, () -> {
                        times(stream, 2);
                        stream.record(forth);
                        side.waitFor(forth);
                        side.copy(copy, x);
                        side.record(back);
                        stream.waitFor(back);
                        times(stream, 10);
                    })) {
                graph.launch(stream);
                assertThat(result()).containsExactly(20, 40);
                float[] host = new float[2];
                stream.download(MemorySegment.ofArray(host), copy);
                assertThat(host).containsExactly(2, 4);
            }
        }
    }

    @Test
    void aStreamThatIsNotJoinedIsAnError() {
        try (CudaStream side = context.stream();
                CudaEvent forth = CudaEvent.open(context, CudaEvent.Timing.OFF)) {
            assertThatThrownBy(() -> CudaGraph.capture(stream, () -> {
                        stream.record(forth);
                        side.waitFor(forth);
                        times(side, 2);
                    }))
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("CUDA_ERROR_STREAM_CAPTURE_UNJOINED")
                    .hasMessageEndingWith(
                            "let the captured stream wait for an event of every stream that joined the capture");
        }
        assertThat(result()).containsExactly(1, 2);
    }

    @Test
    void synchronisingInsideACaptureIsAnErrorWithItsCure() {
        assertThatThrownBy(() -> CudaGraph.capture(stream, stream::synchronize))
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900)")
                .hasMessageEndingWith(
                        "do not allocate, load modules, create handles or synchronise while a stream is being captured");
        times(stream, 4);
        assertThat(result()).containsExactly(4, 8);
    }

    @Test
    void theFailureOfTheWorkIsTheOneReported() {
        assertThatThrownBy(() -> CudaGraph.capture(stream, () -> {
                    times(stream, 2);
                    throw new IllegalStateException("mine");
                }))
                .hasMessage("mine");
        assertThat(result()).containsExactly(1, 2);
    }
}
