package dev.jemma.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(StandIn.class)
@SuppressWarnings("NullAway.Init") // set before each test
final class CudaKernelTest {
    record Scale(DeviceBuffer x, float by, int n) {}

    record Widths(DeviceBuffer out, byte b, short s, int i, long l, float f, double d) {}

    record TooWide(DeviceBuffer x, float by, long n) {}

    record TooFew(DeviceBuffer x, float by) {}

    record Texts(String text) {}

    record Reduce(DeviceBuffer x, DeviceBuffer sums, int n) {}

    record InOut(DeviceBuffer x, DeviceBuffer out) {}

    record Product(DeviceBuffer a, DeviceBuffer b, DeviceBuffer d) {}

    record RoundTrip(DeviceBuffer x, DeviceBuffer bf16, DeviceBuffer f16, DeviceBuffer back, int n) {}

    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();

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

    private CudaModule module(String file) {
        return CudaModule.compile(context, StandIn.compiler(), StandIn.kernels(file));
    }

    private DeviceBuffer upload(float... values) {
        DeviceBuffer buffer = context.allocate(4L * values.length);
        stream.upload(buffer, MemorySegment.ofArray(values));
        return buffer;
    }

    private float[] floats(DeviceBuffer buffer) {
        float[] host = new float[(int) (buffer.bytes() / 4)];
        stream.download(MemorySegment.ofArray(host), buffer);
        return host;
    }

    @Test
    void everyWidthArrivesWhereTheKernelLooks() {
        try (CudaModule module = module("vector_add.cu");
                DeviceBuffer out = context.allocate(48)) {
            module.kernel(LOOKUP, "widths", Widths.class)
                    .launch(
                            stream,
                            LaunchShape.of(Dim3.of(1), Dim3.of(1)),
                            new Widths(out, (byte) -1, (short) -2, -3, 1L << 40, 0.5f, Math.PI));
            double[] host = new double[6];
            stream.download(MemorySegment.ofArray(host), out);
            assertThat(host).containsExactly(-1, -2, -3, 1L << 40, 0.5, Math.PI);
        }
    }

    @Test
    void aRecordOfOtherWidthsIsRefusedWhenTheKernelIsLookedUp() {
        try (CudaModule module = module("vector_add.cu")) {
            assertThatThrownBy(() -> module.kernel(LOOKUP, "scale", TooWide.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "kernel scale: parameter 2 has 4 bytes at offset 12; record TooWide, component long n has 8 at 16");
            assertThatThrownBy(() -> module.kernel(LOOKUP, "scale", TooFew.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("kernel scale takes 3 parameters, record TooFew has 2");
            assertThatThrownBy(() -> module.kernel(LOOKUP, "scale", Texts.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "record Texts: component text is a String, wanted DeviceBuffer, long, int, short, byte, float or double");
            assertThatThrownBy(() -> module.kernel(MethodHandles.publicLookup(), "scale", Scale.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is not accessible to the given lookup");
        }
    }

    @Test
    void aKernelThatIsNotThereIsNamed() {
        try (CudaModule module = module("vector_add.cu")) {
            assertThatThrownBy(() -> module.kernel(LOOKUP, "vector_ad", Scale.class))
                    .isInstanceOf(CudaException.class)
                    .hasMessage(
                            "cuModuleGetFunction 'vector_ad': CUDA_ERROR_NOT_FOUND (500), named symbol not found; check the name,"
                                    + " and that the kernel is extern \"C\"");
        }
    }

    @Test
    void aRefusedLaunchNamesKernelGridBlockAndSharedMemory() {
        try (CudaModule module = module("vector_add.cu");
                DeviceBuffer x = upload(1)) {
            CudaKernel<Scale> scale = module.kernel(LOOKUP, "scale", Scale.class);
            CudaException failure = catchThrowableOfType(
                    CudaException.class,
                    () -> scale.launch(stream, LaunchShape.of(Dim3.of(1), Dim3.of(2048)), new Scale(x, 1, 1)));
            assertThat(failure.getMessage())
                    .startsWith(
                            "launch of scale<<<(1,1,1), (2048,1,1), 0 bytes shared>>> (it allows 1024 threads a block, has ");
            assertThatThrownBy(() ->
                            scale.launch(stream, LaunchShape.covering(1, 32).withShared(1 << 20), new Scale(x, 1, 1)))
                    .isInstanceOf(CudaException.class)
                    .hasMessageStartingWith(
                            "asking for 1048576 bytes of dynamic shared memory for scale (the device allows ");
        }
    }

    @Test
    void closedBuffersAndModulesCannotBeLaunched() {
        CudaModule module = module("vector_add.cu");
        CudaKernel<Scale> scale = module.kernel(LOOKUP, "scale", Scale.class);
        DeviceBuffer x = upload(1);
        x.close();
        assertThatThrownBy(() -> scale.launch(stream, LaunchShape.covering(1, 32), new Scale(x, 1, 1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("DeviceBuffer of 4 bytes is closed");
        module.close();
        assertThatThrownBy(() -> scale.blocksPerMultiprocessor(32, 0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("CudaModule is closed");
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> Dim3.of(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("(0,1,1): wanted extents of 1 or more");
        assertThatThrownBy(() -> LaunchShape.covering(0, 32)).isInstanceOf(IllegalArgumentException.class);
        assertThat(LaunchShape.covering(257, 256).grid().count()).isEqualTo(2);
        assertThatThrownBy(() ->
                        LaunchShape.of(Dim3.of(3), Dim3.of(32)).with(new LaunchShape.Cooperation.Clusters(Dim3.of(2))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("clusters of (2,1,1) do not divide the grid (3,1,1)");
    }

    @Test
    void cooperativeAndOverlappingLaunchesRun() {
        try (CudaModule module = module("vector_add.cu");
                DeviceBuffer x = upload(1, 2, 3)) {
            CudaKernel<Scale> scale = module.kernel(LOOKUP, "scale", Scale.class);
            LaunchShape shape = LaunchShape.covering(3, 32);
            scale.launch(stream, shape.with(new LaunchShape.Cooperation.WholeGrid()), new Scale(x, 2, 3));
            scale.launch(stream, shape.with(new LaunchShape.Cooperation.Overlapping()), new Scale(x, 2, 3));
            assertThat(floats(x)).containsExactly(4, 8, 12);
        }
    }

    @Test
    void sumsAgreeBitForBitInAnyOrderOfThreads() {
        float[] values = new float[1000];
        Random random = new Random(7);
        double exact = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
            exact += values[i];
        }
        try (CudaModule module = module("reduce.cu");
                DeviceBuffer x = upload(values);
                DeviceBuffer sums = context.allocate(16);
                DeviceBuffer total = context.allocate(4)) {
            CudaKernel<Reduce> tree = module.kernel(LOOKUP, "sum_tree", Reduce.class);
            CudaKernel<Reduce> warps = module.kernel(LOOKUP, "sum_warps", Reduce.class);
            float[] first = new float[0];
            for (int seed = 1; seed <= 3; seed++) {
                if (!StandIn.realGpu()) {
                    StandIn.set("seed", seed);
                }
                tree.launch(stream, LaunchShape.covering(1000, 256), new Reduce(x, sums, 1000));
                float[] parts = floats(sums);
                first = seed == 1 ? parts : first;
                assertThat(parts).containsExactly(first);
                assertThat((double) parts[0] + parts[1] + parts[2] + parts[3])
                        .isCloseTo(exact, within(1e-4)); // f32 sums of 256
                stream.fill(total, 0);
                warps.launch(stream, LaunchShape.covering(1000, 256).withShared(32), new Reduce(x, total, 1000));
                assertThat((double) floats(total)[0]).isCloseTo(exact, within(1e-4));
            }
            assertThat(tree.info().staticSharedBytes()).isGreaterThanOrEqualTo(1024);
            assertThat(tree.info().maxThreadsPerBlock()).isGreaterThanOrEqualTo(256);
            assertThat(tree.blocksPerMultiprocessor(256, 0)).isPositive();
        }
    }

    @Test
    void votesShufflesAndAtomics() {
        int[] values = new int[32];
        for (int i = 0; i < 32; i++) {
            values[i] = i - 10;
        }
        try (CudaModule module = module("reduce.cu");
                DeviceBuffer x = context.allocate(128);
                DeviceBuffer out = context.allocate(20)) {
            stream.upload(x, MemorySegment.ofArray(values));
            module.kernel(LOOKUP, "votes", InOut.class).launch(stream, LaunchShape.covering(32, 32), new InOut(x, out));
            int[] host = new int[5];
            stream.download(MemorySegment.ofArray(host), out);
            assertThat(host).containsExactly(21, 1, 0, -4, -7);
            stream.upload(out.slice(0, 16), MemorySegment.ofArray(new int[] {-100, 100, 0, 0}));
            module.kernel(LOOKUP, "extremes", Reduce.class)
                    .launch(stream, LaunchShape.covering(30, 32), new Reduce(x, out, 30));
            stream.download(MemorySegment.ofArray(host), out);
            assertThat(host).startsWith(19, -10, 30);
            assertThat(host[3]).isBetween(-10, 19).isNotZero();
        }
    }

    @Test
    void fragmentsMultiplyAsTheInstructionSetSays() {
        Random random = new Random(3);
        float[] a = new float[16 * 16];
        float[] b = new float[8 * 16]; // B transposed: [n, k]
        short[] aBits = new short[a.length];
        short[] bBits = new short[b.length];
        try (CudaModule module = module("fragments.cu");
                DeviceBuffer da = context.allocate(512);
                DeviceBuffer db = context.allocate(256);
                DeviceBuffer dd = context.allocate(512)) {
            for (String kernel : new String[] {"fragment_bf16", "fragment_f16"}) {
                for (int i = 0; i < a.length; i++) {
                    a[i] = random.nextInt(-64, 64) / 16f; // exact in both types, and so are the sums
                    aBits[i] = kernel.endsWith("bf16") ? bf16(a[i]) : Float.floatToFloat16(a[i]);
                }
                for (int i = 0; i < b.length; i++) {
                    b[i] = random.nextInt(-64, 64) / 16f;
                    bBits[i] = kernel.endsWith("bf16") ? bf16(b[i]) : Float.floatToFloat16(b[i]);
                }
                stream.upload(da, MemorySegment.ofArray(aBits));
                stream.upload(db, MemorySegment.ofArray(bBits));
                module.kernel(LOOKUP, kernel, Product.class)
                        .launch(stream, LaunchShape.covering(32, 32), new Product(da, db, dd));
                float[] d = floats(dd);
                for (int row = 0; row < 16; row++) {
                    for (int column = 0; column < 8; column++) {
                        float sum = 0;
                        for (int k = 0; k < 16; k++) {
                            sum += a[row * 16 + k] * b[column * 16 + k];
                        }
                        assertThat(d[row * 8 + column])
                                .as("%s[%d,%d]", kernel, row, column)
                                .isEqualTo(sum);
                    }
                }
            }
        }
    }

    private static short bf16(float value) {
        return (short) (Float.floatToIntBits(value) >>> 16);
    }

    @Test
    void conversionsRoundToNearestEven() {
        float[] values = {1f, -2.5f, 1.00390625f, 1.01171875f, 65504f, 3e38f, 1e-40f, 0f};
        try (CudaModule module = module("fragments.cu");
                DeviceBuffer x = upload(values);
                DeviceBuffer bf16 = context.allocate(16);
                DeviceBuffer f16 = context.allocate(16);
                DeviceBuffer back = context.allocate(64)) {
            module.kernel(LOOKUP, "round_trip", RoundTrip.class)
                    .launch(stream, LaunchShape.covering(8, 32), new RoundTrip(x, bf16, f16, back, 8));
            float[] host = floats(back);
            for (int i = 0; i < values.length; i++) {
                int bits = Float.floatToIntBits(values[i]);
                float rounded = Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
                assertThat(host[2 * i]).as("bf16 of %s", values[i]).isEqualTo(rounded);
                assertThat(host[2 * i + 1])
                        .as("f16 of %s", values[i])
                        .isEqualTo(Float.float16ToFloat(Float.floatToFloat16(values[i])));
            }
        }
    }

    @Test
    void anImageThatIsNoneIsRefusedWithTheDriversWords() {
        assertThatThrownBy(() -> CudaModule.load(context, new byte[64]))
                .isInstanceOf(CudaException.class)
                .hasMessageStartingWith("cuModuleLoadDataEx of 64 bytes for cuda:0")
                .hasMessageContaining("CUDA_ERROR_INVALID_IMAGE (200)");
    }
}
