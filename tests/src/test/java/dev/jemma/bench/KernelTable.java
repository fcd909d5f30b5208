package dev.jemma.bench;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Kernels;
import dev.jemma.engine.kernel.LowRank;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.kernel.cpu.code.PeakRate;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * How near are the CPU kernels to what this machine can do? Each row is one kernel at a shape of Gemma 3 270M or Gemma
 * 2 2B beside the ceiling that limits it, measured in the same run: the f32 FMA rate (or, with bf16 arithmetic, that of
 * the bf16 dot product, and where activations are quantized, that of the int8 dot product) or the read bandwidth of the
 * same threads.
 *
 * <p>Recipe: run {@code main} with the number of threads and, if wanted, a part of the rows' names. The best of many
 * short runs is printed, so that other load on the machine counts little.
 */
public final class KernelTable {
    private static final Random RANDOM = new Random(7);

    private final Kernels kernels;
    private final String filter;
    private final double flops;
    private final double blockFlops;
    private final double bytes;

    /**
     * @param flops ceiling of products, operations a second
     * @param blockFlops that of products with block-quantized weights
     * @param bytes ceiling of reads, bytes a second
     */
    private KernelTable(Kernels kernels, String filter, double flops, double blockFlops, double bytes) {
        this.kernels = kernels;
        this.filter = filter;
        this.flops = flops;
        this.blockFlops = blockFlops;
        this.bytes = bytes;
    }

    /** Arguments: threads, part of names, arithmetic. */
    public static void main(String[] args) {
        int threads = args.length > 0
                ? Integer.parseInt(args[0])
                : Runtime.getRuntime().availableProcessors();
        Arithmetic arithmetic = args.length > 2 ? Arithmetic.valueOf(args[2]) : Arithmetic.F32;
        double fma = Ceilings.flops(threads);
        double dot = threads * PeakRate.BF16_DOT.measure().orElse(0);
        double flops = arithmetic == Arithmetic.BF16 ? Math.max(fma, dot) : fma;
        double int8 = threads * PeakRate.INT8_DOT.measure().orElse(0);
        double blockFlops = arithmetic.quantizesActivations() ? Math.max(flops, int8) : flops;
        double bytes = Ceilings.readBandwidth(threads);
        System.out.printf(
                "%d threads: %.1f GFLOP/s (f32 FMA), %.1f (bf16 dot), %.1f (int8 dot), %.1f GB/s (read)%n",
                threads, fma / 1e9, dot / 1e9, int8 / 1e9, bytes / 1e9);
        try (Kernels kernels = CpuKernels.open(threads, arithmetic)) {
            System.out.println(kernels.description());
            new KernelTable(kernels, args.length > 1 ? args[1] : "", flops, blockFlops, bytes).rows();
        }
    }

    private void rows() {
        for (DType type : new DType[] {DType.BF16, DType.Q8_0, DType.Q4_0}) {
            for (int n : new int[] {128, 512}) {
                gemm("270m q_proj", type, n, 640, 1024);
                gemm("270m gate_proj", type, n, 640, 2048);
                gemm("270m down_proj", type, n, 2048, 640);
            }
            gemm("270m head", type, 102, 640, 262_144);
            gemm("1b gate_proj", type, 512, 1152, 6912);
            gemm("2b q_proj", type, 128, 2304, 2048);
            gemm("2b gate_proj", type, 128, 2304, 9216);
        }
        lowRank("270m gate_proj r16", 512, 640, 2048);
        lowRank("270m down_proj r16", 512, 2048, 640);
        for (DType type : new DType[] {DType.BF16, DType.Q8_0, DType.Q4_0}) {
            gemv("270m q_proj", type, 640, 1024);
            gemv("270m gate_proj", type, 640, 2048);
            gemv("270m down_proj", type, 2048, 640);
            gemv("270m head", type, 640, 262_144);
            gemv("2b gate_proj", type, 2304, 9216);
            gemv("2b down_proj", type, 9216, 2304);
        }
        attention("270m", new AttentionShape(4, 1, 256, 0.0625f, 0, 0), 512);
        attention("270m sliding", new AttentionShape(4, 1, 256, 0.0625f, 0, 512), 1024);
        attention("2b", new AttentionShape(8, 4, 256, 0.0625f, 50, 4096), 256);
        decode("270m", new AttentionShape(4, 1, 256, 0.0625f, 0, 0), 4096);
        pointwise(512, 2048);
        loss(64, 262_144);
    }

    private Tensor random(HostSlab slab, DType type, long... dims) {
        Tensor t = slab.allocate(type, dims);
        long bytesOf = t.segment().byteSize();
        for (long i = 0; i < bytesOf / 2; i++) { // small bf16 numbers, or f32 with the same upper half
            short half = type == DType.F32 && i % 2 == 0
                    ? 0
                    : (short) (0x3C00 + RANDOM.nextInt(0x180) | RANDOM.nextInt(2) << 15);
            t.segment().set(ValueLayout.JAVA_SHORT, 2 * i, half);
        }
        for (long at = 0; type.isQuantized() && at < bytesOf; at += type.blockBytes()) {
            t.segment().set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(1e-3f));
        }
        return t;
    }

    private void gemm(String of, DType type, int n, int in, int out) {
        String name = type + " " + of;
        if (!wanted("linear " + name) && !wanted("linearBackward " + name)) {
            return;
        }
        try (HostSlab slab = new HostSlab(4L * n * (in + out) + type.bytes((long) in * out) + 1024)) {
            Tensor x = random(slab, DType.F32, n, in);
            Tensor w = random(slab, type, out, in);
            Tensor y = random(slab, DType.F32, n, out);
            double work = 2.0 * n * in * out;
            String shape = n + " x " + in + " -> " + out;
            double ceiling = type.isQuantized() ? blockFlops : flops;
            compute("linear " + name, shape, work, ceiling, () -> kernels.linear(y, x, w, Write.SET));
            compute("linearBackward " + name, shape, work, flops, () -> kernels.linearBackward(x, y, w, Write.SET));
        }
    }

    private void lowRank(String name, int n, int in, int out) {
        if (!wanted("lowRank " + name)) {
            return;
        }
        int r = 16;
        try (HostSlab slab = new HostSlab(4L * (4L * n * (in + out + 2 * r) + 2L * r * (in + out)) + 1024)) {
            Tensor x = random(slab, DType.F32, n, in);
            Tensor dX = random(slab, DType.F32, n, in);
            Tensor y = random(slab, DType.F32, n, out);
            Tensor xa = random(slab, DType.F32, n, r);
            Tensor g = random(slab, DType.F32, n, r);
            Tensor dA = random(slab, DType.F32, r, in);
            Tensor dB = random(slab, DType.F32, out, r);
            LowRank adapter = new LowRank(random(slab, DType.F32, r, in), random(slab, DType.F32, out, r), 1e-3f);
            double work = 2.0 * n * r * (in + out);
            String shape = n + " x " + in + " -> " + out;
            compute("lowRank " + name, shape, work, () -> kernels.lowRank(y, xa, x, adapter));
            compute(
                    "lowRankBackward " + name,
                    shape,
                    2 * work,
                    () -> kernels.lowRankBackward(dX, dA, dB, y, x, xa, adapter, g));
        }
    }

    private void gemv(String shape, DType type, int in, int out) {
        String name = "gemv " + type + " " + shape;
        if (!wanted(name)) {
            return;
        }
        // Enough copies to leave the caches, as a whole model does.
        long size = type.bytes((long) in * out);
        int copies = (int) Math.max(1, (400L << 20) / size);
        try (HostSlab slab = new HostSlab(4L * (in + out) + (size + 64) * copies + 1024)) {
            Tensor x = random(slab, DType.F32, 1, in);
            Tensor y = random(slab, DType.F32, 1, out);
            Tensor first = random(slab, type, out, in);
            Tensor[] w = new Tensor[copies];
            w[0] = first;
            for (int i = 1; i < copies; i++) {
                w[i] = slab.allocate(type, out, in);
                w[i].segment().copyFrom(first.segment());
            }
            memory(name, in + " -> " + out, (double) size * copies, () -> {
                for (Tensor weight : w) {
                    kernels.linear(y, x, weight, Write.SET);
                }
            });
        }
    }

    private void attention(String name, AttentionShape s, int n) {
        if (!wanted("attention " + name)) {
            return;
        }
        long q = (long) s.heads() * s.headDim();
        long k = (long) s.keyValueHeads() * s.headDim();
        try (HostSlab slab = new HostSlab(4L * n * (4 * q + 4 * k + s.heads() + 64))) {
            Span[] spans = {Span.whole(0, n)};
            Tensor tq = random(slab, DType.F32, n, q);
            Tensor tk = random(slab, DType.F32, n, k);
            Tensor tv = random(slab, DType.F32, n, k);
            Tensor out = random(slab, DType.F32, n, q);
            Tensor lse = random(slab, DType.F32, n, s.heads());
            Tensor dOut = random(slab, DType.F32, n, q);
            Tensor dQ = random(slab, DType.F32, n, q);
            Tensor dK = random(slab, DType.F32, n, k);
            Tensor dV = random(slab, DType.F32, n, k);
            double seen = 0;
            for (int p = 0; p < n; p++) {
                seen += p + 1 - s.firstVisible(p);
            }
            double work = 2 * 2.0 * seen * q;
            compute("attention " + name, n + " rows", work, () -> kernels.attention(out, lse, tq, tk, tv, s, spans));
            compute(
                    "attentionBackward " + name,
                    n + " rows",
                    2.5 * work,
                    () -> kernels.attentionBackward(dQ, dK, dV, dOut, out, lse, tq, tk, tv, s, spans));
        }
    }

    private void decode(String name, AttentionShape s, int context) {
        if (!wanted("decode attention " + name)) {
            return;
        }
        long q = (long) s.heads() * s.headDim();
        long k = (long) s.keyValueHeads() * s.headDim();
        int caches = 24;
        try (HostSlab slab = new HostSlab(4L * (context * 2 * k * caches + 2 * q + 1024))) {
            Tensor tq = random(slab, DType.F32, 1, q);
            Tensor out = random(slab, DType.F32, 1, q);
            Tensor lse = random(slab, DType.F32, 1, s.heads());
            Tensor tk = random(slab, DType.F32, (long) context * caches, k);
            Tensor tv = random(slab, DType.F32, (long) context * caches, k);
            Span[][] spans = new Span[caches][];
            for (int i = 0; i < caches; i++) {
                spans[i] = new Span[] {new Span(0, 1, context - 1, i * context, context)};
            }
            memory("decode attention " + name, context + " keys", 4.0 * 2 * context * k * caches, () -> {
                for (Span[] span : spans) {
                    kernels.attention(out, lse, tq, tk, tv, s, span);
                }
            });
        }
    }

    private void pointwise(int n, int c) {
        try (HostSlab slab = new HostSlab(4L * 6 * n * c + 1024)) {
            Tensor a = random(slab, DType.F32, n, c);
            Tensor b = random(slab, DType.F32, n, c);
            Tensor d = random(slab, DType.F32, n, c);
            Tensor e = random(slab, DType.F32, n, c);
            Tensor f = random(slab, DType.F32, n, c);
            Tensor w = random(slab, DType.BF16, c);
            String shape = n + " x " + c;
            double size = 4.0 * n * c;
            memory("add", shape, 3 * size, () -> kernels.add(a, b, d));
            memory("geglu", shape, 3 * size, () -> kernels.geglu(a, b, d));
            memory("gegluBackward", shape, 5 * size, () -> kernels.gegluBackward(a, e, d, b, f));
            memory("rmsNorm", shape, 2 * size, () -> kernels.rmsNorm(a, b, w, 1e-6f));
            memory("rmsNormBackward", shape, 3 * size, () -> kernels.rmsNormBackward(a, d, b, w, 1e-6f, Write.SET));
            memory("dropout", shape, 2 * size, () -> kernels.dropout(a, b, 0.1f, 3));
            AdamWStep step = new AdamWStep(9, 1e-9, 0.9, 0.999, 1e-8, 0, 1);
            kernels.zero(e);
            memory("adamW", shape, 7 * size, () -> kernels.adamW(a, b, d, e, step));
            memory("sumOfSquares", shape, size, () -> kernels.sumOfSquares(b));
        }
    }

    private void loss(int n, int v) {
        if (!wanted("crossEntropy")) {
            return;
        }
        try (HostSlab slab = new HostSlab(4L * n * v + 4096)) {
            Tensor logits = random(slab, DType.F32, n, v);
            Tensor targets = slab.allocate(DType.I32, n);
            memory("crossEntropy", n + " x " + v, 4.0 * n * v, () -> kernels.crossEntropy(logits, targets, 0));
            memory(
                    "crossEntropyBackward",
                    n + " x " + v,
                    4.0 * 3 * n * v,
                    () -> kernels.crossEntropyBackward(logits, targets, 0, 1e-3f));
        }
    }

    private boolean wanted(String name) {
        return name.contains(filter);
    }

    private void compute(String name, String shape, double work, Runnable step) {
        compute(name, shape, work, flops, step);
    }

    private void compute(String name, String shape, double work, double ceiling, Runnable step) {
        if (wanted(name)) {
            double rate = Ceilings.best(step, work);
            System.out.printf("%-34s %-24s %8.1f GFLOP/s %5.1f %%%n", name, shape, rate / 1e9, 100 * rate / ceiling);
        }
    }

    private void memory(String name, String shape, double size, Runnable step) {
        if (wanted(name)) {
            double rate = Ceilings.best(step, size);
            System.out.printf("%-34s %-24s %8.1f GB/s    %5.1f %%%n", name, shape, rate / 1e9, 100 * rate / bytes);
        }
    }
}
