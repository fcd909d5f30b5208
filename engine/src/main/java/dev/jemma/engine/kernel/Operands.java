package dev.jemma.engine.kernel;

import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;

/**
 * The shapes that every operation of {@link Kernels} wants, checked before a backend touches memory. A misfit is an
 * {@link IllegalArgumentException} that names the operation, what it got and what it wants. Fitting operands allocate
 * nothing.
 */
public final class Operands {
    private Operands() {}

    /** {@link Kernels#write(Tensor, int[], int, int)}. */
    public static void write(Tensor target, int[] source, int from, int length) {
        write(target, DType.I32, source.length, from, length);
    }

    /** {@link Kernels#write(Tensor, float[], int, int)}. */
    public static void write(Tensor target, float[] source, int from, int length) {
        write(target, DType.F32, source.length, from, length);
    }

    private static void write(Tensor target, DType dtype, int size, int from, int length) {
        if (target.dtype() != dtype || length > target.elements() || from < 0 || length < 0 || from > size - length) {
            throw new IllegalArgumentException(
                    "write: elements " + from + " .. " + ((long) from + length - 1) + " of " + size + " " + dtype
                            + " do not fit into a " + target.dtype() + " tensor of shape " + target.shape());
        }
    }

    /** {@link Kernels#read}. */
    public static void read(Tensor source, float[] target) {
        if (source.dtype() != DType.F32 || source.elements() > target.length) {
            throw new IllegalArgumentException("read: a " + source.dtype() + " tensor of shape " + source.shape()
                    + " does not fit into " + target.length + " floats");
        }
    }

    /** {@link Kernels#copy}. */
    public static void copy(Tensor out, Tensor x) {
        if (out.dtype() != x.dtype() || out.elements() != x.elements()) {
            throw misfit("copy", "two tensors of one dtype and size", out, x);
        }
    }

    /** {@link Kernels#embed}. */
    public static void embed(Tensor out, Tensor table, Tensor ids) {
        if (!matrix(out) || !weight(table) || !ids(ids, out.dim(0)) || table.dim(1) != out.dim(1)) {
            throw misfit("embed", "out [N, C], table [V, C], ids [N]", out, table, ids);
        }
    }

    /** {@link Kernels#embedLowRank}. */
    public static void embedLowRank(Tensor out, LowRank adapter, Tensor ids) {
        if (!matrix(out)
                || !factors(adapter)
                || !ids(ids, out.dim(0))
                || adapter.b().dim(0) != out.dim(1)) {
            throw misfit("embedLowRank", "out [N, C], A [r, V], B [C, r], ids [N]", out, adapter.a(), adapter.b(), ids);
        }
    }

    /** {@link Kernels#embedLowRankBackward}. */
    public static void embedLowRankBackward(Tensor dA, Tensor dB, Tensor dOut, LowRank adapter, Tensor ids) {
        embedLowRank(dOut, adapter, ids);
        if (!alike(dA, adapter.a()) || !alike(dB, adapter.b())) {
            throw misfit("embedLowRankBackward", "dA as A, dB as B", dA, dB, adapter.a(), adapter.b());
        }
    }

    /** {@link Kernels#rmsNorm}. */
    public static void rmsNorm(Tensor out, Tensor x, Tensor weight) {
        if (!alike(out, x) || x.shape().rank() != 2 || x.dtype() != DType.F32 || !rowWeight(weight, x.dim(1))) {
            throw misfit("rmsNorm", "out [rows, D], x [rows, D], weight [D]", out, x, weight);
        }
    }

    /** {@link Kernels#rmsNormBackward}. */
    public static void rmsNormBackward(Tensor dX, Tensor dOut, Tensor x, Tensor weight) {
        if (!matrix(x) || !alike(dX, x) || !alike(dOut, x) || !rowWeight(weight, x.dim(1))) {
            throw misfit("rmsNormBackward", "dX, dOut and x [rows, D], weight [D]", dX, dOut, x, weight);
        }
    }

    /** Element-wise operations of two tensors. */
    public static void alike(String operation, Tensor a, Tensor b) {
        if (!floats(a) || !floats(b) || a.elements() != b.elements()) {
            throw misfit(operation, "f32 tensors of one size", a, b);
        }
    }

    /** Element-wise operations of three tensors. */
    public static void alike(String operation, Tensor a, Tensor b, Tensor c) {
        alike(operation, a, b);
        alike(operation, a, c);
    }

    /** {@link Kernels#linear}; {@link Kernels#linearBackward} has dOut as {@code out} and dX as {@code x}. */
    public static void linear(String operation, Tensor out, Tensor x, Tensor weight) {
        if (!matrix(out)
                || !matrix(x)
                || !weight(weight)
                || out.dim(0) != x.dim(0)
                || weight.dim(0) != out.dim(1)
                || weight.dim(1) != x.dim(1)) {
            throw misfit(operation, "(d)out [N, O], (d)x [N, I], weight [O, I]", out, x, weight);
        }
    }

    /** {@link Kernels#lowRank}; the backward has dOut and dX. */
    public static void lowRank(String operation, Tensor out, Tensor xa, Tensor x, LowRank adapter) {
        if (!matrix(out)
                || !matrix(x)
                || !matrix(xa)
                || !factors(adapter)
                || out.dim(0) != x.dim(0)
                || xa.dim(0) != x.dim(0)
                || xa.dim(1) != adapter.rank()
                || adapter.a().dim(1) != x.dim(1)
                || adapter.b().dim(0) != out.dim(1)) {
            throw misfit(
                    operation,
                    "(d)out [N, O], xa [N, r], (d)x [N, I], A [r, I], B [O, r]",
                    out,
                    xa,
                    x,
                    adapter.a(),
                    adapter.b());
        }
    }

    /** {@link Kernels#lowRankBackward}. */
    public static void lowRankBackward(
            Tensor dX, Tensor dA, Tensor dB, Tensor dOut, Tensor x, Tensor xa, LowRank adapter, Tensor scratch) {
        lowRank("lowRankBackward", dOut, xa, x, adapter);
        if (!alike(dX, x) || !alike(scratch, xa) || !alike(dA, adapter.a()) || !alike(dB, adapter.b())) {
            throw misfit("lowRankBackward", "dX as x, scratch as xa, dA as A, dB as B", dX, scratch, dA, dB);
        }
    }

    /** {@link Kernels#rope}. */
    public static void rope(Tensor x, RopeTable table, int headDim, Span[] spans) {
        if (!matrix(x)
                || headDim < 2
                || headDim % 2 != 0
                || x.dim(1) % headDim != 0
                || !matrix(table.cos())
                || !alike(table.cos(), table.sin())
                || table.cos().dim(1) != headDim / 2) {
            throw misfit(
                    "rope (head size " + headDim + ")",
                    "x [N, heads * D], cos and sin [positions, D / 2]",
                    x,
                    table.cos(),
                    table.sin());
        }
        for (Span span : spans) {
            if ((long) span.row() + span.length() > x.dim(0)
                    || (long) span.position() + span.length() > table.cos().dim(0)) {
                throw misfit("rope: " + span, "rows of x and positions of the table", x, table.cos());
            }
        }
    }

    /** {@link Kernels#cacheRows}. */
    public static void cacheRows(Tensor cache, Tensor x, Span[] spans) {
        if (!matrix(cache) || !matrix(x) || cache.dim(1) != x.dim(1)) {
            throw misfit("cacheRows", "cache [rows, K * D], x [N, K * D]", cache, x);
        }
        spans("cacheRows", x, cache, spans);
    }

    /** {@link Kernels#attention}. */
    public static void attention(
            Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, AttentionShape shape, Span[] spans) {
        long query = (long) shape.heads() * shape.headDim();
        long key = (long) shape.keyValueHeads() * shape.headDim();
        if (!matrix(q)
                || !alike(out, q)
                || !matrix(k)
                || !alike(v, k)
                || q.dim(1) != query
                || k.dim(1) != key
                || !matrix(lse)
                || lse.dim(0) != q.dim(0)
                || lse.dim(1) != shape.heads()) {
            throw misfit(
                    "attention (" + shape + ")",
                    "out and q [N, H * D], lse [N, H], k and v [rows, K * D]",
                    out,
                    lse,
                    q,
                    k,
                    v);
        }
        spans("attention", q, k, spans);
        for (Span span : spans) {
            int last = span.position() + span.length() - 1;
            if (last - shape.firstVisible(span.position()) + 1 > span.capacity()) {
                throw new IllegalArgumentException("attention: " + span + " sees positions "
                        + shape.firstVisible(span.position()) + " .. " + last + ", its ring holds " + span.capacity());
            }
        }
    }

    /** {@link Kernels#attentionBackward}. */
    public static void attentionBackward(
            Tensor dQ,
            Tensor dK,
            Tensor dV,
            Tensor dOut,
            Tensor out,
            Tensor lse,
            Tensor q,
            Tensor k,
            Tensor v,
            AttentionShape shape,
            Span[] spans) {
        attention(out, lse, q, k, v, shape, spans);
        if (!alike(dQ, q) || !alike(dOut, q) || !alike(dK, k) || !alike(dV, v)) {
            throw misfit("attentionBackward", "dQ and dOut as q, dK and dV as k", dQ, dOut, dK, dV);
        }
        for (Span span : spans) {
            if (span.position() != 0 || span.keyRow() != span.row() || span.capacity() != span.length()) {
                throw new IllegalArgumentException("attentionBackward: " + span + ", wanted a whole sequence");
            }
        }
    }

    /** {@link Kernels#gatherRows}; the backward has dOut and dX. */
    public static void gatherRows(String operation, Tensor out, Tensor x, Tensor rows) {
        if (!matrix(out) || !matrix(x) || !ids(rows, out.dim(0)) || out.dim(1) != x.dim(1)) {
            throw misfit(operation, "(d)out [S, C], (d)x [N, C], rows [S]", out, x, rows);
        }
    }

    /** {@link Kernels#crossEntropy}. */
    public static void crossEntropy(Tensor logits, Tensor targets) {
        if (!matrix(logits) || !ids(targets, logits.dim(0)) || logits.dim(1) < 1) {
            throw misfit("crossEntropy", "logits [S, V], targets [S]", logits, targets);
        }
    }

    /** An index read from an I32 operand. */
    public static int index(String operation, int value, long bound) {
        if (value < 0 || value >= bound) {
            throw new IllegalArgumentException(operation + ": index " + value + ", wanted 0 .. " + (bound - 1));
        }
        return value;
    }

    private static void spans(String operation, Tensor x, Tensor keys, Span[] spans) {
        for (Span span : spans) {
            if ((long) span.row() + span.length() > x.dim(0) || (long) span.keyRow() + span.capacity() > keys.dim(0)) {
                throw misfit(operation + ": " + span, "rows of the activations and of the keys", x, keys);
            }
        }
    }

    private static boolean floats(Tensor x) {
        return x.dtype() == DType.F32;
    }

    private static boolean matrix(Tensor x) {
        return floats(x) && x.shape().rank() == 2;
    }

    private static boolean weight(Tensor x) {
        return x.dtype().isWeight() && x.shape().rank() == 2;
    }

    private static boolean rowWeight(Tensor x, long size) {
        return x.dtype().isFloat() && x.shape().rank() == 1 && x.dim(0) == size;
    }

    private static boolean ids(Tensor x, long size) {
        return x.dtype() == DType.I32 && x.elements() == size;
    }

    private static boolean alike(Tensor a, Tensor b) {
        return floats(a) && floats(b) && a.shape().equals(b.shape());
    }

    private static boolean factors(LowRank adapter) {
        return matrix(adapter.a()) && matrix(adapter.b());
    }

    private static IllegalArgumentException misfit(String operation, String wanted, Tensor... operands) {
        StringBuilder text = new StringBuilder(operation).append(": ");
        for (int i = 0; i < operands.length; i++) {
            text.append(i == 0 ? "" : ", ")
                    .append(operands[i].dtype())
                    .append(' ')
                    .append(operands[i].shape());
        }
        return new IllegalArgumentException(
                text.append("; wanted ").append(wanted).toString());
    }
}
