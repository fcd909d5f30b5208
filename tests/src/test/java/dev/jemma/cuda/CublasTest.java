package dev.jemma.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Products by cuBLASLt and cuBLAS against a loop in double precision. */
@ExtendWith(StandIn.class)
@SuppressWarnings("NullAway.Init") // set before each test
final class CublasTest {
    private CudaContext context;
    private CudaStream stream;
    private CublasLt lt;
    private final Random random = new Random(11);

    @BeforeEach
    void open() {
        context = StandIn.open();
        stream = context.stream();
        lt = CublasLt.open(stream);
    }

    @AfterEach
    void close() {
        lt.close();
        stream.close();
        context.close();
        assertThat(StandIn.realGpu() ? "" : StandIn.report()).isEmpty();
    }

    /** A matrix on both sides; small multiples of 1/8 are exact in every type here. */
    private final class Matrix implements AutoCloseable {
        final DataType type;
        final double[] host;
        final DeviceBuffer device;

        Matrix(DataType type, int elements) {
            this.type = type;
            this.host = new double[elements];
            for (int i = 0; i < elements; i++) {
                boolean whole = type == DataType.I8 || type == DataType.I32;
                host[i] = whole ? random.nextInt(-9, 9) : random.nextInt(-16, 16) / 8.0;
            }
            this.device = context.allocate((long) elements * type.bytes());
            stream.upload(device, encode(host, type));
        }

        double[] read() {
            return decode(device, type);
        }

        @Override
        public void close() {
            device.close();
        }
    }

    private static MemorySegment encode(double[] values, DataType type) {
        int n = values.length;
        byte[] bytes = new byte[n];
        short[] shorts = new short[n];
        int[] ints = new int[n];
        float[] floats = new float[n];
        for (int i = 0; i < n; i++) {
            bytes[i] = (byte) values[i];
            ints[i] = (int) values[i];
            floats[i] = (float) values[i];
            shorts[i] = type == DataType.F16
                    ? Float.floatToFloat16(floats[i])
                    : (short) (Float.floatToIntBits(floats[i]) >>> 16);
        }
        return switch (type) {
            case I8 -> MemorySegment.ofArray(bytes);
            case I32 -> MemorySegment.ofArray(ints);
            case F32 -> MemorySegment.ofArray(floats);
            case F16, BF16 -> MemorySegment.ofArray(shorts);
        };
    }

    private double[] decode(DeviceBuffer buffer, DataType type) {
        int n = (int) (buffer.bytes() / type.bytes());
        MemorySegment host = encode(new double[n], type);
        stream.download(host, buffer);
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = switch (type) {
                case I8 -> host.getAtIndex(ValueLayout.JAVA_BYTE, i);
                case I32 -> host.getAtIndex(ValueLayout.JAVA_INT, i);
                case F32 -> host.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                case F16 -> Float.float16ToFloat(host.getAtIndex(ValueLayout.JAVA_SHORT, i));
                case BF16 -> Float.intBitsToFloat(host.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
            };
        }
        return values;
    }

    private static double at(Gemm.Operand operand, double[] m, int batch, long row, long column) {
        long index = operand.storage() == Gemm.Storage.AS_USED
                ? row * operand.leading() + column
                : column * operand.leading() + row;
        return m[(int) (batch * operand.batchStride() + index)];
    }

    /** alpha op(A) op(B) + beta D, before the epilogue. */
    private static double[] expected(Gemm gemm, double[] a, double[] b, double[] d, double alpha, double beta) {
        double[] result = d.clone();
        for (int batch = 0; batch < gemm.batch(); batch++) {
            for (long i = 0; i < gemm.m(); i++) {
                for (long j = 0; j < gemm.n(); j++) {
                    double sum = 0;
                    for (long k = 0; k < gemm.k(); k++) {
                        sum += at(gemm.a(), a, batch, i, k) * at(gemm.b(), b, batch, k, j);
                    }
                    int at =
                            (int) (batch * gemm.d().batchStride() + i * gemm.d().leading() + j);
                    result[at] = alpha * sum + beta * d[at];
                }
            }
        }
        return result;
    }

    /** bf16 keeps 8 bits, f16 11: half a unit in the last place of the largest value, and once more for tanh. */
    private static void assertClose(double[] seen, double[] wanted, DataType type) {
        double tolerance = switch (type) {
            case BF16 -> 1.0 / 128;
            case F16 -> 1.0 / 1024;
            case F32 -> 1e-5;
            case I8, I32 -> 0;
        };
        for (int i = 0; i < wanted.length; i++) {
            assertThat(Math.abs(seen[i] - wanted[i]))
                    .as("element %d: %s, wanted %s", i, seen[i], wanted[i])
                    .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(wanted[i])));
        }
    }

    private void check(Gemm gemm, float alpha, float beta) {
        try (Matrix a = new Matrix(
                        gemm.a().type(), (int) gemm.bytesOfA() / gemm.a().type().bytes());
                Matrix b = new Matrix(
                        gemm.b().type(), (int) gemm.bytesOfB() / gemm.b().type().bytes());
                Matrix d = new Matrix(
                        gemm.d().type(), (int) gemm.bytesOfD() / gemm.d().type().bytes())) {
            double[] wanted = expected(gemm, a.host, b.host, d.host, alpha, beta);
            lt.multiply(gemm, GemmBuffers.of(a.device, b.device, d.device).scaled(alpha, beta));
            assertClose(d.read(), wanted, gemm.d().type());
        }
    }

    @Test
    void everyTypeAndStorage() {
        for (DataType type : new DataType[] {DataType.BF16, DataType.F16, DataType.F32}) {
            Gemm plain = Gemm.of(24, 40, 16, type);
            check(plain, 1, 0);
            check(plain.transposeA(), 1, 0);
            check(plain.transposeB(), 0.5f, 1);
            check(plain.transposeA().transposeB().output(DataType.F32), 2, -1);
        }
        check(Gemm.of(16, 32, 64, DataType.I8).transposeB(), 1, 0);
        check(Gemm.of(16, 32, 64, DataType.I8).transposeB(), 2, -1);
        check(Gemm.of(16, 32, 64, DataType.F32).in(Gemm.Arithmetic.F32_PEDANTIC), 1, 0);
    }

    @Test
    void oddSizesAndSingleRows() {
        check(Gemm.of(1, 8, 8, DataType.F32), 1, 0);
        check(Gemm.of(1, 1, 1, DataType.F32), 1, 0);
        check(Gemm.of(7, 13, 5, DataType.F32).transposeB(), 1, 1);
    }

    @Test
    void leadingDimensionsLeaveTheRestAlone() {
        Gemm dense = Gemm.of(8, 8, 8, DataType.F32);
        Gemm gemm = dense.withD(new Gemm.Operand(DataType.F32, Gemm.Storage.AS_USED, 24, 0))
                .withA(new Gemm.Operand(DataType.F32, Gemm.Storage.AS_USED, 16, 0));
        check(gemm, 1, 0); // the expected values keep what lies between the rows
    }

    @Test
    void batchesWithAndWithoutASharedOperand() {
        Gemm gemm = Gemm.of(8, 16, 8, DataType.BF16).batched(3);
        check(gemm, 1, 0);
        check(gemm.withB(new Gemm.Operand(DataType.BF16, Gemm.Storage.AS_USED, 16, 0)), 1, 1);
    }

    private static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private static double geluDerivative(double x) {
        double h = 1e-5;
        return (gelu(x + h) - gelu(x - h)) / (2 * h);
    }

    @Test
    void epilogues() {
        Gemm base = Gemm.of(16, 24, 8, DataType.BF16).transposeB();
        for (Epilogue epilogue : Epilogue.values()) {
            Gemm gemm = base.then(epilogue);
            try (Matrix a = new Matrix(DataType.BF16, 16 * 8);
                    Matrix b = new Matrix(DataType.BF16, 24 * 8);
                    Matrix d = new Matrix(DataType.BF16, 16 * 24);
                    Matrix bias = new Matrix(DataType.BF16, 24);
                    Matrix aux = new Matrix(DataType.BF16, 16 * 24)) {
                double[] wanted = expected(base, a.host, b.host, d.host, 1, 0);
                double[] before = wanted.clone();
                for (int i = 0; i < wanted.length; i++) {
                    before[i] += epilogue.hasBias() ? bias.host[i % 24] : 0;
                    wanted[i] = switch (epilogue) {
                        case NONE, BIAS -> before[i];
                        case GELU, GELU_BIAS, GELU_AUX, GELU_AUX_BIAS -> gelu(before[i]);
                        case DGELU -> before[i] * geluDerivative(aux.host[i]);
                    };
                }
                GemmBuffers buffers = GemmBuffers.of(a.device, b.device, d.device);
                buffers = epilogue.hasBias() ? buffers.withBias(bias.device) : buffers;
                buffers = epilogue.hasAux() ? buffers.withAux(aux.device) : buffers;
                lt.multiply(gemm, buffers);
                assertClose(d.read(), wanted, DataType.BF16);
                if (epilogue == Epilogue.GELU_AUX || epilogue == Epilogue.GELU_AUX_BIAS) {
                    assertClose(aux.read(), before, DataType.BF16);
                }
            }
        }
    }

    @Test
    void addressesNeedOnlyBeMultiplesOf16() {
        Gemm gemm = Gemm.of(8, 8, 8, DataType.F32).then(Epilogue.GELU_AUX_BIAS);
        try (DeviceBuffer memory = context.allocate(4096)) {
            stream.fill(memory, 0);
            lt.multiply(
                    gemm,
                    GemmBuffers.of(memory.slice(16, 256), memory.slice(288, 256), memory.slice(560, 256))
                            .withBias(memory.slice(848, 32))
                            .withAux(memory.slice(912, 256)));
            assertThat(decode(memory.slice(560, 256), DataType.F32)).containsOnly(0);
        }
    }

    @Test
    void plansUsedLongestAgoMakeRoom() {
        for (int n = 1; n <= CublasLt.PLANS + 5; n++) {
            lt.prepare(Gemm.of(1, n, 1, DataType.F32));
        }
        assertThat(lt.plans()).isEqualTo(CublasLt.PLANS);
        check(Gemm.of(1, 1, 1, DataType.F32), 1, 0);
    }

    @Test
    void aPlanThatFailsHalfwayLeavesNothingOpen() {
        StandIn.require();
        for (String function : new String[] {
            "cublasLtMatmulDescSetAttribute",
            "cublasLtMatrixLayoutCreate",
            "cublasLtMatrixLayoutSetAttribute",
            "cublasLtMatmulPreferenceCreate",
            "cublasLtMatmulPreferenceSetAttribute",
            "cublasLtMatmulAlgoGetHeuristic"
        }) {
            StandIn.fail(function, 14, 0);
            Gemm gemm = Gemm.of(8, 8, 8, DataType.F32).batched(2);
            assertThatThrownBy(() -> lt.prepare(gemm))
                    .as(function)
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("CUBLAS_STATUS_INTERNAL_ERROR (14)");
        }
        StandIn.fail("cublasSetMathMode", 14, 0);
        assertThatThrownBy(() -> Cublas.open(stream)).hasMessageContaining("cublasSetMathMode");
        // what was left open would be a leak in the stand-in's report
    }

    @Test
    void plansAreMadeOnceForEachShape() {
        Gemm gemm = Gemm.of(8, 8, 8, DataType.F32);
        check(gemm, 1, 0);
        check(gemm, 2, 1);
        check(Gemm.of(8, 8, 8, DataType.F32), 1, 0);
        assertThat(lt.plans()).isEqualTo(1);
        check(gemm.transposeB(), 1, 0);
        assertThat(lt.plans()).isEqualTo(2);
    }

    @Test
    void tuningKeepsAnAlgorithmThatWorks() {
        Gemm gemm = Gemm.of(8, 8, 8, DataType.F32);
        try (Matrix a = new Matrix(DataType.F32, 64);
                Matrix b = new Matrix(DataType.F32, 64);
                Matrix d = new Matrix(DataType.F32, 64)) {
            assertThat(lt.tune(gemm, GemmBuffers.of(a.device, b.device, d.device)))
                    .isBetween(0f, 10_000f);
        }
        check(gemm, 1, 0);
    }

    @Test
    void aRefusedProposalIsTriedOnceWithoutOne() {
        StandIn.require();
        StandIn.fail("cublasLtMatmul", 15, 0);
        check(Gemm.of(8, 8, 8, DataType.F32), 1, 0);
    }

    @Test
    void aShapeWithoutAnAlgorithmSaysWhatHelps() {
        StandIn.require();
        Gemm bytes = Gemm.of(16, 16, 16, DataType.I8);
        assertThatThrownBy(() -> lt.prepare(bytes))
                .isInstanceOf(CudaException.class)
                .hasMessage(
                        "gemm [16,16,16] I8 x I8 -> I32: no algorithm (sizes and leading dimensions that are multiples of 8 help):"
                                + " CUBLAS_STATUS_NOT_SUPPORTED (15); this combination of types, sizes and epilogue has no kernel on this GPU:"
                                + " multiples of 8 (16 for bytes) are safe");
    }

    @Test
    void buffersAreChecked() {
        Gemm gemm = Gemm.of(8, 8, 8, DataType.F32);
        try (DeviceBuffer small = context.allocate(256);
                DeviceBuffer large = context.allocate(512)) {
            assertThatThrownBy(() -> lt.multiply(gemm, GemmBuffers.of(small, small, small.slice(0, 100))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("gemm [8,8,8] F32 x F32 -> F32: d has 100 bytes, wanted 256");
            assertThatThrownBy(() -> lt.multiply(gemm, GemmBuffers.of(large.slice(4, 256), small, small)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("wanted an address that is a multiple of 16");
            assertThatThrownBy(() -> lt.multiply(gemm.then(Epilogue.BIAS), GemmBuffers.of(small, small, small)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith("bias is missing, the epilogue reads it");
            assertThatThrownBy(() -> lt.multiply(
                            gemm, GemmBuffers.of(small, small, small).withAux(large)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith("aux is given, the epilogue has none");
        }
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> Gemm.of(0, 8, 8, DataType.F32))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("gemm [0,8,8] x 1: wanted sizes of 1 or more");
        assertThatThrownBy(() -> Gemm.of(8, 8, 8, DataType.F32)
                        .withB(new Gemm.Operand(DataType.F32, Gemm.Storage.AS_USED, 7, 0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("gemm: leading dimension of b is 7, its rows have 8 elements");
        assertThatThrownBy(() -> Gemm.of(8, 8, 8, DataType.F32).batched(2).then(Epilogue.GELU))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("gemm: epilogue GELU with batch 2, wanted batch 1");
        assertThatThrownBy(() -> Gemm.of(8, 8, 8, DataType.F32).in(Gemm.Arithmetic.I32))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("gemm: F32 x F32 in arithmetic I32, wanted I32 for bytes and only for them");
    }

    @Test
    void productsCanBeCaptured() {
        Gemm gemm = Gemm.of(8, 8, 8, DataType.F32);
        lt.prepare(gemm);
        try (Matrix a = new Matrix(DataType.F32, 64);
                Matrix b = new Matrix(DataType.F32, 64);
                Matrix d = new Matrix(DataType.F32, 64);
                CudaGraph graph = CudaGraph.capture(
                        stream, () -> lt.multiply(gemm, GemmBuffers.of(a.device, b.device, d.device)))) {
            graph.launch(stream);
            assertClose(d.read(), expected(gemm, a.host, b.host, d.host, 1, 0), DataType.F32);
        }
    }

    @Test
    void classicCublasAgrees() {
        try (Cublas cublas = Cublas.open(stream)) {
            assertThat(cublas.version()).matches("\\d+\\.\\d+\\.\\d+");
            for (Gemm gemm : new Gemm[] {
                Gemm.of(8, 24, 16, DataType.BF16).transposeB().output(DataType.F32),
                Gemm.of(8, 24, 16, DataType.F32).transposeA(),
                Gemm.of(8, 8, 8, DataType.F16).batched(2)
            }) {
                try (Matrix a = new Matrix(
                                gemm.a().type(),
                                (int) gemm.bytesOfA() / gemm.a().type().bytes());
                        Matrix b = new Matrix(
                                gemm.b().type(),
                                (int) gemm.bytesOfB() / gemm.b().type().bytes());
                        Matrix d = new Matrix(
                                gemm.d().type(),
                                (int) gemm.bytesOfD() / gemm.d().type().bytes())) {
                    double[] wanted = expected(gemm, a.host, b.host, d.host, 1, 1);
                    cublas.multiply(
                            gemm, GemmBuffers.of(a.device, b.device, d.device).scaled(1, 1));
                    assertClose(d.read(), wanted, gemm.d().type());
                }
            }
            try (DeviceBuffer any = context.allocate(256)) {
                Gemm wide = Gemm.of(1, 1L << 31, 1, DataType.F32);
                assertThatThrownBy(() -> cublas.multiply(wide, GemmBuffers.of(any, any, any)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage(
                                "gemm [1,2147483648,1] F32 x F32 -> F32: cuBLAS takes sizes and leading dimensions of up to"
                                        + " 2147483647, use CublasLt");
                Gemm gelu = Gemm.of(8, 8, 8, DataType.F32).then(Epilogue.GELU);
                assertThatThrownBy(() -> cublas.multiply(gelu, GemmBuffers.of(any, any, any)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("gemm [8,8,8] F32 x F32 -> F32 GELU: cuBLAS has no epilogues, use CublasLt");
            }
        }
    }
}
