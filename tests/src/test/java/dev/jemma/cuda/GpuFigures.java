package dev.jemma.cuda;

import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.function.DoubleSupplier;

/**
 * The figures of a GPU, as a table: launch latency, copy rates and bf16 matrix products, beside what the card's own
 * description allows. {@code probe} says what there is (exit 1: nothing), {@code measure} takes about a minute,
 * {@code measure small} proves on a stand-in that it runs.
 */
public final class GpuFigures {
    record Scale(DeviceBuffer x, float by, int n) {}

    private static final int RUNS = 7;

    private final PrintStream out;
    private final CudaContext context;
    private final CudaStream stream;
    private final boolean small;

    private GpuFigures(PrintStream out, CudaContext context, CudaStream stream, boolean small) {
        this.out = out;
        this.context = context;
        this.stream = stream;
        this.small = small;
    }

    /** {@code probe}, {@code measure} or {@code measure small}. */
    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) {
        PrintStream out = System.out;
        switch (Cuda.probe()) {
            case Cuda.Unavailable none -> {
                none.reasons().forEach(out::println);
                System.exit(1);
            }
            case Cuda.Available cuda -> {
                out.println("driver " + cuda.driver());
                cuda.devices().forEach(out::println);
                cuda.libraries().forEach(out::println);
                if (arguments[0].equals("measure")) {
                    boolean small = arguments.length > 1 && arguments[1].equals("small");
                    try (CudaContext context = CudaContext.open(cuda.device(0));
                            CudaStream stream = context.stream()) {
                        new GpuFigures(out, context, stream, small).measure();
                    }
                }
            }
        }
    }

    private void measure() {
        out.println("| measured | median | min | max | of the card |");
        out.println("|---|---|---|---|---|");
        launches();
        copies();
        products();
    }

    private void row(String name, String unit, double[] values, String card) {
        Arrays.sort(values);
        out.printf(
                Locale.ROOT,
                "| %s | %.2f %s | %.2f | %.2f | %s |%n",
                name,
                values[values.length / 2],
                unit,
                values[0],
                values[values.length - 1],
                card);
    }

    private double milliseconds(Runnable work) {
        try (CudaEvent start = CudaEvent.open(context, CudaEvent.Timing.ON);
                CudaEvent end = CudaEvent.open(context, CudaEvent.Timing.ON)) {
            stream.record(start);
            work.run();
            stream.record(end);
            end.synchronize();
            return end.millisecondsSince(start);
        }
    }

    private double[] repeat(DoubleSupplier once) {
        var _ = once.getAsDouble(); // the first run pays for what is made lazily
        double[] values = new double[RUNS];
        for (int i = 0; i < RUNS; i++) {
            values[i] = once.getAsDouble();
        }
        return values;
    }

    private void launches() {
        int count = small ? 5 : 500;
        try (CudaModule module = CudaModule.compile(context, StandIn.compiler(), StandIn.kernels("vector_add.cu"));
                DeviceBuffer x = context.allocate(128)) {
            stream.fill(x, 0);
            CudaKernel<Scale> scale = module.kernel(MethodHandles.lookup(), "scale", Scale.class);
            Runnable one = () -> scale.launch(stream, LaunchShape.covering(32, 32), new Scale(x, 1, 32));
            row(
                    "launch and wait, one kernel",
                    "µs",
                    repeat(() -> {
                        long start = System.nanoTime();
                        one.run();
                        stream.synchronize();
                        return (System.nanoTime() - start) / 1e3;
                    }),
                    "");
            row(
                    "each of " + count + " kernels in a row",
                    "µs",
                    repeat(() -> milliseconds(() -> {
                                for (int i = 0; i < count; i++) {
                                    one.run();
                                }
                            })
                            * 1e3
                            / count),
                    "");
            try (CudaGraph graph = CudaGraph.capture(stream, () -> {
                for (int i = 0; i < count; i++) {
                    one.run();
                }
            })) {
                row(
                        "each kernel in a graph of " + graph.nodes(),
                        "µs",
                        repeat(() -> milliseconds(() -> graph.launch(stream)) * 1e3 / count),
                        "");
            }
        }
    }

    private void copies() {
        long bytes = small ? 1 << 16 : 256L << 20;
        try (PinnedBuffer pinned = PinnedBuffer.allocate(context, bytes, PinnedBuffer.Use.SHARED);
                DeviceBuffer a = context.allocate(bytes);
                DeviceBuffer b = context.allocate(bytes);
                Arena arena = Arena.ofConfined()) {
            MemorySegment pageable = arena.allocate(bytes);
            row("upload, pinned", "GB/s", rate(bytes, () -> stream.uploadAsync(a, pinned, 0)), "");
            row("download, pinned", "GB/s", rate(bytes, () -> stream.downloadAsync(pinned, 0, a)), "");
            row("upload, pageable", "GB/s", rate(bytes, () -> stream.upload(a, pageable)), "");
            row("download, pageable", "GB/s", rate(bytes, () -> stream.download(pageable, a)), "");
            double card = context.device().memoryBytesPerSecond() / 1e9;
            row(
                    "copy on the device, read and written",
                    "GB/s",
                    rate(2 * bytes, () -> stream.copy(b, a)),
                    String.format(Locale.ROOT, "%.0f GB/s by clock and bus", card));
        }
    }

    private double[] rate(long bytes, Runnable copy) {
        return repeat(() -> bytes / (milliseconds(copy) * 1e6));
    }

    private void products() {
        try (CublasLt lt = CublasLt.open(stream)) {
            for (int size : small ? new int[] {64} : new int[] {2048, 4096, 8192}) {
                Gemm gemm = Gemm.of(size, size, size, DataType.BF16).transposeB();
                try (DeviceBuffer a = random(gemm.bytesOfA());
                        DeviceBuffer b = random(gemm.bytesOfB());
                        DeviceBuffer d = context.allocate(gemm.bytesOfD())) {
                    GemmBuffers buffers = GemmBuffers.of(a, b, d);
                    lt.tune(gemm, buffers);
                    int times = small ? 1 : 10;
                    row(
                            "cublasLt bf16 " + size,
                            "TFLOP/s",
                            repeat(() -> times
                                    * gemm.operations()
                                    / (milliseconds(() -> {
                                                for (int i = 0; i < times; i++) {
                                                    lt.multiply(gemm, buffers);
                                                }
                                            })
                                            * 1e9)),
                            context.device().multiprocessors() + " multiprocessors of "
                                    + context.device().capability());
                }
            }
        }
    }

    /** Random values near 0: products of zeros run faster than real ones. */
    private DeviceBuffer random(long bytes) {
        DeviceBuffer buffer = context.allocate(bytes);
        Random random = new Random(bytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(bytes, 8);
            for (long i = 0; i < bytes / 2; i++) {
                float value = (random.nextInt(4096) - 2048) / 2048f;
                host.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(value) >>> 16));
            }
            stream.upload(buffer, host);
        }
        return buffer;
    }
}
