package dev.jemma.bench;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast are linear maps of Gemma's shapes, forward and backward, for one row (decoding) and 512 (prompts, training)?
 *
 * <p>Recipe: run JMH with {@code LinearBenchmark}, and {@code -p} for a choice of shapes, rows, weight types and
 * arithmetic. It prints operations (a product and a sum are two) and bytes of weights a second, in billions;
 * {@link Ceilings} and {@code jemma doctor} say what the machine can do. Weights are so many copies that they come from
 * memory, as a model's do.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class LinearBenchmark {
    /** A linear map's operands. */
    @State(Scope.Benchmark)
    public static class Map {
        /** Inputs and outputs: Gemma 3 270M's q, gate and down, 1B's gate, Gemma 2 2B's gate and down. */
        @Param({"640x1024", "640x2048", "2048x640", "1152x6912", "2304x9216", "9216x2304"})
        public String shape = "";

        /** Rows of activations. */
        @Param({"1", "512"})
        public int rows;

        /** Type of the weights. */
        @Param({"BF16", "Q8_0", "Q4_0"})
        public DType type = DType.BF16;

        /** Arithmetic of the products. */
        @Param({"F32", "INT8", "BF16"})
        public Arithmetic arithmetic = Arithmetic.F32;

        /** Computing threads; 0 = one a processor. */
        @Param("0")
        public int threads;

        private Kernels kernels = CpuKernels.open(1);
        private HostSlab slab = new HostSlab(0);
        private Tensor x = slab.allocate(DType.F32, 0);
        private Tensor y = x;
        private Tensor[] weights = {};
        private int next;

        /** Makes the operands. */
        @Setup(Level.Trial)
        public void open() {
            kernels.close();
            slab.close();
            int count = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
            kernels = CpuKernels.open(count, arithmetic);
            int in = Integer.parseInt(shape.split("x")[0]);
            int out = Integer.parseInt(shape.split("x")[1]);
            long bytes = type.bytes((long) in * out);
            int copies = (int) Math.max(1, (256L << 20) / bytes);
            slab = new HostSlab(copies * (bytes + 128) + 4L * rows * (in + out) + 4096);
            x = random(slab.allocate(DType.F32, rows, in));
            y = slab.allocate(DType.F32, rows, out);
            weights = new Tensor[copies];
            weights[0] = random(slab.allocate(type, out, in));
            for (int i = 1; i < copies; i++) {
                weights[i] = slab.allocate(type, out, in);
                weights[i].segment().copyFrom(weights[0].segment());
            }
        }

        private static Tensor random(Tensor t) {
            Random random = new Random(7);
            float[] row = new float[Math.toIntExact(t.dim(1))];
            for (long i = 0; i < t.dim(0); i++) {
                for (int j = 0; j < row.length; j++) {
                    row[j] = (float) random.nextGaussian();
                }
                Conversion.round(row, t, i * row.length, row.length);
            }
            return t;
        }

        private Tensor weight() {
            next = (next + 1) % weights.length;
            return weights[next];
        }

        /** Frees the operands. */
        @TearDown(Level.Trial)
        public void close() {
            kernels.close();
            slab.close();
        }
    }

    /** Rates beside the number of calls. */
    @AuxCounters
    @State(Scope.Thread)
    public static class Rates {
        /** Billions of operations. */
        public double gflops;

        /** Billions of bytes of weights. */
        public double gigabytes;

        void add(Map map) {
            gflops += 2e-9 * map.rows * map.weights[0].elements();
            gigabytes += 1e-9 * map.weights[0].memory().bytes();
        }
    }

    /** {@code y = x W^T}. */
    @Benchmark
    public void forward(Map map, Rates rates) {
        map.kernels.linear(map.y, map.x, map.weight(), Write.SET);
        rates.add(map);
    }

    /** {@code dx = dy W}. */
    @Benchmark
    public void backward(Map map, Rates rates) {
        map.kernels.linearBackward(map.x, map.y, map.weight(), Write.SET);
        rates.add(map);
    }
}
