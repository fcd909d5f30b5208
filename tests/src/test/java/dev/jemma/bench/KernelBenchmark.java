package dev.jemma.bench;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.CpuKernels;
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
 * How fast are the kernels beside the linear maps ({@link LinearBenchmark}), at the shapes of one layer, forward and
 * backward?
 *
 * <p>Recipe: run JMH with {@code KernelBenchmark}, a method's name for one kernel, and {@code -p} for a choice of
 * models and arithmetic. It prints operations (of products only) and bytes read and written a second, in billions,
 * beside the calls.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 2,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class KernelBenchmark {
    private static final int RANK = 16;
    private static final int VOCABULARY = 262_144;
    private static final int SUPERVISED = 64;
    private static final AdamWStep STEP = new AdamWStep(9, 1e-6, 0.9, 0.999, 1e-8, 0, 1);

    /** A model whose layer lends its shapes. */
    public enum Model {
        /** Gemma 3 270M. */
        GEMMA3_270M(640, 2048, new AttentionShape(4, 1, 256, 0.0625f, 0, 0)),
        /** Gemma 3 1B. */
        GEMMA3_1B(1152, 6912, new AttentionShape(4, 1, 256, 0.0625f, 0, 0)),
        /** Gemma 2 2B. */
        GEMMA2_2B(2304, 9216, new AttentionShape(8, 4, 256, 0.0625f, 50, 0));

        private final int hidden;
        private final int intermediate;
        private final AttentionShape attention;

        Model(int hidden, int intermediate, AttentionShape attention) {
            this.hidden = hidden;
            this.intermediate = intermediate;
            this.attention = attention;
        }
    }

    /** The operands of a layer's kernels. */
    @State(Scope.Benchmark)
    public static class Operands {
        /** Whose shapes. */
        @Param
        public Model model = Model.GEMMA3_270M;

        /** Rows of activations: of a prompt or a training batch. */
        @Param("512")
        public int rows;

        /** Arithmetic of the products. */
        @Param({"F32", "BF16"})
        public Arithmetic arithmetic = Arithmetic.F32;

        /** Computing threads; 0 = one a processor. */
        @Param("0")
        public int threads;

        private final Random random = new Random(7);
        private Kernels kernels = CpuKernels.open(1);
        private HostSlab slab = new HostSlab(64);
        private Tensor[] hidden = {};
        private Tensor[] wide = {};
        private Tensor[] queries = {};
        private Tensor[] keys = {};
        private Tensor weight = slab.allocate(DType.F32, 1, 1);
        private Tensor lse = weight;
        private Tensor xa = weight;
        private Tensor scratch = weight;
        private Tensor logits = weight;
        private Tensor targets = weight;
        private Tensor row = weight;
        private LowRank adapter = new LowRank(weight, weight, 1);
        private LowRank gradient = adapter;
        private RopeTable table = new RopeTable(weight, weight);
        private Span[] whole = {};
        private Span[] last = {};

        /** Makes the operands. */
        @Setup(Level.Trial)
        public void open() {
            kernels.close();
            slab.close();
            kernels =
                    CpuKernels.open(threads > 0 ? threads : Runtime.getRuntime().availableProcessors(), arithmetic);
            AttentionShape a = model.attention;
            long n = rows;
            long q = (long) a.heads() * a.headDim();
            long kv = (long) a.keyValueHeads() * a.headDim();
            long floats = n * (4L * model.hidden + 5L * model.intermediate + 5 * q + 5 * kv + a.heads() + 2 * RANK)
                    + 2L * RANK * (model.hidden + model.intermediate)
                    + n * a.headDim()
                    + (long) SUPERVISED * VOCABULARY
                    + q
                    + model.hidden;
            slab = new HostSlab(4 * floats + (64L << 10));
            hidden = tensors(3, n, model.hidden);
            wide = tensors(5, n, model.intermediate);
            kernels.zero(wide[3]); // a second moment is not negative
            queries = tensors(4, n, q);
            keys = tensors(4, n, kv);
            weight = random(model.hidden);
            lse = random(n, a.heads());
            xa = random(n, RANK);
            scratch = random(n, RANK);
            row = random(1, q);
            adapter = new LowRank(random(RANK, model.hidden), random(model.intermediate, RANK), 1e-3f);
            gradient = new LowRank(random(RANK, model.hidden), random(model.intermediate, RANK), 1);
            table = new RopeTable(random(n, a.headDim() / 2), random(n, a.headDim() / 2));
            logits = random(SUPERVISED, VOCABULARY);
            targets = slab.allocate(DType.I32, SUPERVISED);
            kernels.write(targets, random.ints(SUPERVISED, 0, VOCABULARY).toArray(), 0, SUPERVISED);
            whole = new Span[] {Span.whole(0, rows)};
            last = new Span[] {new Span(0, 1, rows - 1, 0, rows)};
        }

        private Tensor[] tensors(int count, long n, long width) {
            Tensor[] tensors = new Tensor[count];
            for (int i = 0; i < count; i++) {
                tensors[i] = random(n, width);
            }
            return tensors;
        }

        private Tensor random(long... dims) {
            Tensor t = slab.allocate(DType.F32, dims);
            float[] values = new float[Math.toIntExact(t.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = 2 * random.nextFloat() - 1;
            }
            kernels.write(t, values, 0, values.length);
            return t;
        }

        /** Sums and products of attention's two products. */
        private double attentionFlops() {
            return 2.0 * rows * (rows + 1) * model.attention.heads() * model.attention.headDim();
        }

        private double lowRankFlops() {
            return 2.0 * rows * RANK * (model.hidden + model.intermediate);
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

        /** Billions of bytes read or written, each operand once. */
        public double gigabytes;

        void compute(double flops) {
            gflops += 1e-9 * flops;
        }

        void move(int operands, Tensor like) {
            gigabytes += 1e-9 * operands * like.memory().bytes();
        }
    }

    /** Attention of a whole prompt. */
    @Benchmark
    public void attention(Operands o, Rates rates) {
        o.kernels.attention(o.queries[0], o.lse, o.queries[1], o.keys[0], o.keys[1], o.model.attention, o.whole);
        rates.compute(o.attentionFlops());
    }

    /** Its gradients: five products. */
    @Benchmark
    public void attentionBackward(Operands o, Rates rates) {
        o.kernels.attentionBackward(
                o.queries[2],
                o.keys[2],
                o.keys[3],
                o.queries[3],
                o.queries[0],
                o.lse,
                o.queries[1],
                o.keys[0],
                o.keys[1],
                o.model.attention,
                o.whole);
        rates.compute(2.5 * o.attentionFlops());
    }

    /** Attention of one new token over the rows before it. */
    @Benchmark
    public void decodeAttention(Operands o, Rates rates) {
        o.kernels.attention(o.row, o.lse.rows(0, 1), o.row, o.keys[0], o.keys[1], o.model.attention, o.last);
        rates.move(2, o.keys[0]);
    }

    /** RMSNorm of the residual stream. */
    @Benchmark
    public void rmsNorm(Operands o, Rates rates) {
        o.kernels.rmsNorm(o.hidden[0], o.hidden[1], o.weight, 1e-6f);
        rates.move(2, o.hidden[0]);
    }

    /** Its gradient. */
    @Benchmark
    public void rmsNormBackward(Operands o, Rates rates) {
        o.kernels.rmsNormBackward(o.hidden[0], o.hidden[1], o.hidden[2], o.weight, 1e-6f, Write.SET);
        rates.move(3, o.hidden[0]);
    }

    /** The residual sum. */
    @Benchmark
    public void add(Operands o, Rates rates) {
        o.kernels.add(o.hidden[0], o.hidden[1], o.hidden[2]);
        rates.move(3, o.hidden[0]);
    }

    /** The gated unit of the MLP. */
    @Benchmark
    public void geglu(Operands o, Rates rates) {
        o.kernels.geglu(o.wide[0], o.wide[1], o.wide[2]);
        rates.move(3, o.wide[0]);
    }

    /** Its gradients. */
    @Benchmark
    public void gegluBackward(Operands o, Rates rates) {
        o.kernels.gegluBackward(o.wide[3], o.wide[4], o.wide[0], o.wide[1], o.wide[2]);
        rates.move(5, o.wide[0]);
    }

    /** Rotation of the queries, in place. */
    @Benchmark
    public void rope(Operands o, Rates rates) {
        o.kernels.rope(o.queries[3], o.table, o.model.attention.headDim(), o.whole);
        rates.move(2, o.queries[3]);
    }

    /** The adapter of the gate projection. */
    @Benchmark
    public void lowRank(Operands o, Rates rates) {
        o.kernels.lowRank(o.wide[0], o.xa, o.hidden[0], o.adapter);
        rates.compute(o.lowRankFlops());
    }

    /** Its gradients: four products. */
    @Benchmark
    public void lowRankBackward(Operands o, Rates rates) {
        o.kernels.lowRankBackward(
                o.hidden[1], o.gradient.a(), o.gradient.b(), o.wide[0], o.hidden[0], o.xa, o.adapter, o.scratch);
        rates.compute(2 * o.lowRankFlops());
    }

    /** Loss of supervised tokens; the logits stay. */
    @Benchmark
    public double crossEntropy(Operands o, Rates rates) {
        rates.move(1, o.logits);
        return o.kernels.crossEntropy(o.logits, o.targets, 0);
    }

    /** AdamW over the gate projections of many layers' adapters: as many parameters as an activation has elements. */
    @Benchmark
    public void adamW(Operands o, Rates rates) {
        o.kernels.adamW(o.wide[0], o.wide[1], o.wide[2], o.wide[3], STEP);
        rates.move(7, o.wide[0]);
    }
}
