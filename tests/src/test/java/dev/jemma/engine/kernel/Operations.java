package dev.jemma.engine.kernel;

import dev.jemma.engine.tensor.Conversion;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Shape;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The catalogue of calls: every operation with shapes of 1, odd, around the vector's lanes and large, weights of all
 * types, aligned to their elements only.
 *
 * <p>Tolerances: a sum of n f32 products in any order is off by about {@code sqrt(n) 2^-24} of its typical size; with n
 * up to some thousands, and polynomials good to 2 ulp, 1e-5 holds with room. What divides small differences (gradients
 * of softmax) gets more.
 */
final class Operations {
    private static final double TIGHT = 1e-6;
    private static final double SUMS = 1e-5;
    private static final double DIFFERENCES = 5e-5;

    private final Arena arena;
    private final Random random = new Random(42);
    private final List<Operation> all = new ArrayList<>();

    /** Which shapes. */
    enum Sizes {
        /** A few small ones an operation: for slow vectors and many repetitions. */
        FEW,
        /** All. */
        MANY
    }

    private Operations(Arena arena) {
        this.arena = arena;
    }

    static List<Operation> in(Arena arena, Sizes sizes) {
        Operations o = new Operations(arena);
        boolean many = sizes == Sizes.MANY;
        o.memory();
        o.embedding();
        for (int n : many ? new int[] {1, 3, 7, 8, 9, 31, 640, 9000} : new int[] {1, 9, 33}) {
            o.norm(3, n, DType.F32);
            o.norm(many ? 17 : 1, n, DType.BF16);
            o.pointwise(n);
        }
        o.norm(2, 40, DType.F16);
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
            o.linear(1, 1, 1, type);
            o.linear(1, 40, 9, type);
            o.linear(2, 33, 17, type);
            o.linear(5, 7, 15, type);
            o.linear(7, 33, 16, type);
            if (many) {
                o.linear(1, 640, 2048, type);
                o.linear(3, 257, 70, type);
                o.linear(4, 31, 129, type);
                o.linear(6, 64, 48, type);
                o.linear(13, 300, 33, type);
                o.linear(50, 640, 100, type);
                o.linear(97, 513, 65, type);
            }
        }
        for (DType type : List.of(DType.Q8_0, DType.Q4_0)) {
            o.linear(1, 32, 1, type);
            o.linear(1, 64, 9, type);
            o.linear(2, 96, 17, type);
            o.linear(1, 128, 7, type);
            o.linear(3, 384, 13, type);
            o.linear(4, 256, 160, type);
            o.linear(5, 32, 15, type);
            o.linear(7, 96, 16, type);
            if (many) {
                o.linear(1, 640, 2048, type);
                o.linear(3, 288, 70, type);
                o.linear(4, 32, 129, type);
                o.linear(6, 64, 48, type);
                o.linear(50, 640, 100, type);
                o.linear(97, 544, 65, type);
                o.linear(9, 4128, 40, type);
            }
        }
        if (many) {
            o.linear(800, 20, 40, DType.BF16);
            o.linear(9, 5000, 40, DType.BF16);
            o.linear(1, 4128, 29, DType.BF16);
            o.linear(3, 4160, 8, DType.BF16);
            o.linear(260, 34, 600, DType.BF16);
            o.linear(1100, 5, 20, DType.BF16);
            o.linear(6, 50, 17_003, DType.BF16);
            o.linear(5, 32, 16_384, DType.Q8_0);
        }
        o.lowRank(1, 9, 7, 1);
        o.lowRank(7, 33, 17, 4);
        if (many) {
            o.lowRank(1, 640, 256, 16);
            o.lowRank(1, 64, 520, 16);
            o.lowRank(3, 320, 264, 48);
            o.lowRank(4, 128, 8, 32);
            o.lowRank(70, 130, 65, 16);
            o.lowRank(33, 64, 300, 8);
            o.lowRank(40, 1024, 512, 16);
        }
        o.rope();
        o.attention(new AttentionShape(2, 1, 4, 0.5f, 0, 0), new int[] {5}, Keys.BATCH);
        o.attention(new AttentionShape(4, 2, 6, 0.3f, 5, 3), new int[] {7, 1, 4}, Keys.BATCH);
        o.attention(new AttentionShape(4, 2, 16, 0.3f, 0, 4), new int[] {1, 2, 6}, Keys.RING);
        if (many) {
            o.attention(new AttentionShape(4, 1, 32, 0.2f, 0, 0), new int[] {300}, Keys.BATCH);
            o.attention(new AttentionShape(8, 4, 16, 0.2f, 50, 40), new int[] {130, 3}, Keys.BATCH);
            o.attention(new AttentionShape(3, 3, 20, 0.2f, 0, 260), new int[] {420}, Keys.BATCH);
            o.attention(new AttentionShape(4, 1, 256, 0.0625f, 0, 0), new int[] {40}, Keys.BATCH);
            o.attention(new AttentionShape(2, 1, 300, 0.06f, 30, 0), new int[] {21}, Keys.BATCH);
            o.attention(new AttentionShape(4, 1, 256, 0.0625f, 0, 0), new int[] {1, 1, 5}, Keys.RING);
            o.attention(new AttentionShape(8, 4, 24, 0.2f, 50, 37), new int[] {1, 17, 2}, Keys.RING);
            o.attention(new AttentionShape(4, 2, 64, 0.1f, 0, 150), new int[] {1, 2, 5}, Keys.RING);
            o.attention(new AttentionShape(2, 2, 128, 0.1f, 30, 40), new int[] {1, 3}, Keys.RING);
        }
        o.rows();
        o.loss(1, 1, 0);
        o.loss(3, 9, 0);
        o.loss(2, 33, 30);
        if (many) {
            o.loss(3, 5000, 0);
            o.loss(2, 9001, 30);
        }
        return o.all;
    }

    // ---- operands

    Tensor normal(DType type, double scale, long... dims) {
        Tensor t = empty(type, dims);
        if (type.isQuantized()) {
            return blocks(t, scale);
        }
        for (long i = 0; i < t.elements(); i++) {
            set(t, i, (float) (random.nextGaussian() * scale));
        }
        return t;
    }

    /** Random levels, all of them, and scales that give elements of about {@code scale}. */
    private Tensor blocks(Tensor t, double scale) {
        MemorySegment s = t.segment();
        byte[] bytes = new byte[t.dtype().blockBytes()];
        int levels = t.dtype() == DType.Q8_0 ? 128 : 8;
        for (long at = 0; at < s.byteSize(); at += bytes.length) {
            random.nextBytes(bytes);
            MemorySegment.copy(bytes, 0, s, ValueLayout.JAVA_BYTE, at, bytes.length);
            float d = (float) (random.nextGaussian() * scale / levels);
            s.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(d));
        }
        return t;
    }

    /** Aligned to the element only: tensors in a memory-mapped file start anywhere. */
    Tensor empty(DType type, long... dims) {
        Shape shape = new Shape(dims);
        long bytes = type.bytes(shape);
        MemorySegment segment = arena.allocate(bytes + 64, 64).asSlice(type.alignment(), bytes);
        return Tensor.host(type, shape, segment);
    }

    private Tensor zeros(long... dims) {
        return empty(DType.F32, dims);
    }

    /** What an output holds before: not zero, so that a missing write shows. */
    private Tensor stale(long... dims) {
        return normal(DType.F32, 1, dims);
    }

    private Tensor f32(long... dims) {
        return normal(DType.F32, 1, dims);
    }

    private Tensor ints(int bound, int count) {
        Tensor t = empty(DType.I32, count);
        for (int i = 0; i < count; i++) {
            t.segment().set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, random.nextInt(bound));
        }
        return t;
    }

    private static void set(Tensor t, long i, float value) {
        MemorySegment s = t.segment();
        switch (t.dtype()) {
            case F32 -> s.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, value);
            case F16 -> s.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Float.floatToFloat16(value));
            case BF16 -> s.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Conversion.bfloat16(value));
            case I32 -> s.set(ValueLayout.JAVA_INT_UNALIGNED, 4 * i, (int) value);
            case I64 -> s.set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i, (long) value);
            case Q8_0, Q4_0 -> throw new IllegalArgumentException("an element of a block");
        }
    }

    private void measure(
            String method, String label, double tolerance, List<Integer> outputs, Operation.Call call, Tensor... t) {
        all.add(new Operation(method, label, List.of(t), outputs, tolerance, call));
    }

    private interface Step {
        void on(Kernels kernels, Tensor[] t);
    }

    private void put(String method, String label, double tolerance, List<Integer> outputs, Step step, Tensor... t) {
        measure(
                method,
                label,
                tolerance,
                outputs,
                (k, operands) -> {
                    step.on(k, operands);
                    return 0;
                },
                t);
    }

    // ---- operations

    private void memory() {
        put("zero", "f32", 0, List.of(0), (k, t) -> k.zero(t[0]), stale(5, 7));
        put("zero", "bf16", 0, List.of(0), (k, t) -> k.zero(t[0]), normal(DType.BF16, 1, 5, 7));
        put("copy", "", 0, List.of(0), (k, t) -> k.copy(t[0], t[1]), stale(33), f32(33));
        float[] floats = {7, 8, 9, 10};
        put("write", "floats", 0, List.of(0), (k, t) -> k.write(t[0], floats, 1, 2), f32(4));
        int[] source = {7, 8, 9, 10};
        put("write", "ints", 0, List.of(0), (k, t) -> k.write(t[0], source, 1, 2), ints(5, 4));
        measure(
                "read",
                "",
                0,
                List.of(),
                (k, t) -> {
                    float[] values = new float[12];
                    k.read(t[0], values);
                    double sum = 0;
                    for (int i = 0; i < values.length; i++) {
                        sum += values[i] * (i + 1);
                    }
                    return sum;
                },
                f32(11));
    }

    private void embedding() {
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
            embed(type, 19);
        }
        embed(DType.Q8_0, 32);
        embed(DType.Q8_0, 640);
        embed(DType.Q4_0, 32);
        embed(DType.Q4_0, 96);
        Step forward = (k, t) -> k.embedLowRank(t[0], new LowRank(t[1], t[2], 0.5f), t[3], 3);
        put("embedLowRank", "", SUMS, List.of(0), forward, stale(13, 19), f32(4, 11), f32(19, 4), ints(11, 13));
        Step backward = (k, t) -> k.embedLowRankBackward(t[0], t[1], t[2], new LowRank(t[3], t[4], 0.5f), t[5], 3);
        put(
                "embedLowRankBackward",
                "repeated ids",
                SUMS,
                List.of(0, 1),
                backward,
                stale(4, 11),
                stale(19, 4),
                f32(13, 19),
                f32(4, 11),
                f32(19, 4),
                ints(11, 13));
    }

    private void embed(DType type, int columns) {
        put(
                "embed",
                type + ", " + columns + " columns",
                TIGHT,
                List.of(0),
                (k, t) -> k.embed(t[0], t[1], t[2], 2.5f),
                stale(5, columns),
                normal(type, 1, 11, columns),
                ints(11, 5));
    }

    private void norm(int rows, int d, DType type) {
        String label = rows + " rows of " + d + ", " + type;
        Tensor weight = normal(type, 0.3, d);
        put(
                "rmsNorm",
                label,
                SUMS,
                List.of(0),
                (k, t) -> k.rmsNorm(t[0], t[1], t[2], 1e-6f),
                stale(rows, d),
                f32(rows, d),
                weight);
        put(
                "rmsNorm",
                label + " in place",
                SUMS,
                List.of(0),
                (k, t) -> k.rmsNorm(t[0], t[0], t[1], 1e-6f),
                f32(rows, d),
                weight);
        for (Write write : Write.values()) {
            put(
                    "rmsNormBackward",
                    label + " " + write,
                    DIFFERENCES,
                    List.of(0),
                    (k, t) -> k.rmsNormBackward(t[0], t[1], t[2], t[3], 1e-2f, write),
                    stale(rows, d),
                    f32(rows, d),
                    f32(rows, d),
                    weight);
        }
        put(
                "rmsNormBackward",
                label + " in place",
                DIFFERENCES,
                List.of(0),
                (k, t) -> k.rmsNormBackward(t[0], t[0], t[1], t[2], 1e-2f, Write.SET),
                f32(rows, d),
                f32(rows, d),
                weight);
    }

    private void pointwise(int n) {
        String label = n + " elements";
        put("add", label, 0, List.of(0), (k, t) -> k.add(t[0], t[1], t[2]), stale(n), f32(n), f32(n));
        put("add", label + " in place", 0, List.of(0), (k, t) -> k.add(t[0], t[0], t[1]), f32(n), f32(n));
        Tensor wide = normal(DType.F32, 5, n);
        put("geglu", label, TIGHT, List.of(0), (k, t) -> k.geglu(t[0], t[1], t[2]), stale(n), wide, f32(n));
        put("geglu", label + " in place", TIGHT, List.of(0), (k, t) -> k.geglu(t[0], t[0], t[1]), wide, f32(n));
        Step backward = (k, t) -> k.gegluBackward(t[0], t[1], t[2], t[3], t[4]);
        put("gegluBackward", label, SUMS, List.of(0, 1), backward, stale(n), stale(n), f32(n), wide, f32(n));
        Step inPlace = (k, t) -> k.gegluBackward(t[0], t[1], t[2], t[0], t[1]);
        put("gegluBackward", label + " over gate and up", SUMS, List.of(0, 1), inPlace, f32(n), f32(n), f32(n));
        put("softcap", label, TIGHT, List.of(0), (k, t) -> k.softcap(t[0], 3), wide);
        put(
                "dropout",
                label,
                TIGHT,
                List.of(0),
                (k, t) -> k.dropout(t[0], t[1], 0.3f, 0x1234_5678_9ABC_DEF0L),
                stale(n),
                f32(n));
        put(
                "dropoutBackward",
                label,
                TIGHT,
                List.of(0),
                (k, t) -> k.dropoutBackward(t[0], t[1], 0.3f, -5),
                stale(n),
                f32(n));
        measure("sumOfSquares", label, SUMS, List.of(), (k, t) -> k.sumOfSquares(t[0]), f32(n));
        Tensor second = normal(DType.F32, 1, n);
        double[] magnitudes = Elements.of(second);
        for (int i = 0; i < n; i++) {
            set(second, i, (float) Math.abs(magnitudes[i]));
        }
        AdamWStep step = new AdamWStep(3, 1e-2, 0.9, 0.999, 1e-8, 0.1, 0.7);
        Step adamW = (k, t) -> k.adamW(t[0], t[1], t[2], t[3], step);
        put("adamW", label, SUMS, List.of(0, 2, 3), adamW, f32(n), f32(n), f32(n), second);
    }

    private void linear(int n, int in, int out, DType type) {
        String label = n + " x " + in + " -> " + out + ", " + type;
        Tensor weight = normal(type, 1, out, in);
        for (Write write : Write.values()) {
            put(
                    "linear",
                    label + " " + write,
                    SUMS,
                    List.of(0),
                    (k, t) -> k.linear(t[0], t[1], t[2], write),
                    stale(n, out),
                    f32(n, in),
                    weight);
            put(
                    "linearBackward",
                    label + " " + write,
                    SUMS,
                    List.of(0),
                    (k, t) -> k.linearBackward(t[0], t[1], t[2], write),
                    stale(n, in),
                    f32(n, out),
                    weight);
        }
    }

    private void lowRank(int n, int in, int out, int rank) {
        String label = n + " x " + in + " -> " + rank + " -> " + out;
        put(
                "lowRank",
                label,
                SUMS,
                List.of(0, 1),
                (k, t) -> k.lowRank(t[0], t[1], t[2], new LowRank(t[3], t[4], 0.7f)),
                stale(n, out),
                stale(n, rank),
                f32(n, in),
                f32(rank, in),
                f32(out, rank));
        put(
                "lowRankBackward",
                label,
                SUMS,
                List.of(0, 1, 2, 8),
                (k, t) -> k.lowRankBackward(t[0], t[1], t[2], t[3], t[4], t[5], new LowRank(t[6], t[7], 0.7f), t[8]),
                stale(n, in),
                stale(rank, in),
                stale(out, rank),
                f32(n, out),
                f32(n, in),
                f32(n, rank),
                f32(rank, in),
                f32(out, rank),
                stale(n, rank));
    }

    private void rope() {
        Span[] spans = {new Span(1, 3, 5, 0, 8), new Span(4, 2, 0, 0, 8)};
        for (int d : new int[] {2, 6, 16, 34}) {
            Tensor cos = f32(9, d / 2);
            Tensor sin = f32(9, d / 2);
            put(
                    "rope",
                    "head size " + d,
                    TIGHT,
                    List.of(0),
                    (k, t) -> k.rope(t[0], new RopeTable(t[1], t[2]), d, spans),
                    f32(7, 3 * d),
                    cos,
                    sin);
            put(
                    "ropeBackward",
                    "head size " + d,
                    TIGHT,
                    List.of(0),
                    (k, t) -> k.ropeBackward(t[0], new RopeTable(t[1], t[2]), d, spans),
                    f32(7, 3 * d),
                    cos,
                    sin);
        }
        Span[] ring = {new Span(0, 5, 6, 2, 4), new Span(5, 1, 9, 6, 8)};
        put(
                "cacheRows",
                "laps the ring",
                0,
                List.of(0),
                (k, t) -> k.cacheRows(t[0], t[1], ring),
                stale(14, 6),
                f32(6, 6));
    }

    private enum Keys {
        /** Whole sequences, keys in the batch's own rows. */
        BATCH,
        /** A cache: queries at the end of longer sequences, keys in rings that have wrapped. */
        RING
    }

    private void attention(AttentionShape shape, int[] lengths, Keys keys) {
        Span[] spans = new Span[lengths.length];
        int row = 1; // a row that no span has must stay untouched
        int keyRow = keys == Keys.BATCH ? 0 : 2;
        for (int i = 0; i < lengths.length; i++) {
            int capacity = shape.window() == 0 ? 460 : shape.window() + lengths[i] + 3;
            spans[i] = keys == Keys.BATCH
                    ? Span.whole(row, lengths[i])
                    : new Span(
                            row, lengths[i], shape.window() == 0 ? 450 - 100 * i : 2 * capacity - 2, keyRow, capacity);
            row += lengths[i];
            keyRow += capacity;
        }
        int rows = row;
        int keyRows = keys == Keys.BATCH ? rows : keyRow;
        int h = shape.heads();
        int q = h * shape.headDim();
        int kv = shape.keyValueHeads() * shape.headDim();
        String label = shape + " " + keys + " " + List.of(spans);
        Tensor tq = f32(rows, q);
        Tensor tk = f32(keyRows, kv);
        Tensor tv = f32(keyRows, kv);
        put(
                "attention",
                label,
                SUMS,
                List.of(0, 1),
                (k, t) -> k.attention(t[0], t[1], t[2], t[3], t[4], shape, spans),
                stale(rows, q),
                stale(rows, h),
                tq,
                tk,
                tv);
        if (keys
                == Keys.BATCH) { // with the output of the backend's own forward, whose rounding belongs to its gradient
            put(
                    "attentionBackward",
                    label,
                    DIFFERENCES,
                    List.of(0, 1, 2, 4, 5),
                    (k, t) -> {
                        k.attention(t[4], t[5], t[6], t[7], t[8], shape, spans);
                        k.attentionBackward(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], shape, spans);
                    },
                    stale(rows, q),
                    stale(rows, kv),
                    stale(rows, kv),
                    f32(rows, q),
                    zeros(rows, q),
                    zeros(rows, h),
                    tq,
                    tk,
                    tv);
        }
    }

    private void rows() {
        Tensor indices = empty(DType.I32, 3);
        for (int i = 0; i < 3; i++) {
            set(indices, i, new int[] {4, 0, 2}[i]);
        }
        put(
                "gatherRows",
                "",
                0,
                List.of(0),
                (k, t) -> k.gatherRows(t[0], t[1], t[2]),
                stale(3, 11),
                f32(5, 11),
                indices);
        put(
                "gatherRowsBackward",
                "",
                0,
                List.of(0),
                (k, t) -> k.gatherRowsBackward(t[0], t[1], t[2]),
                stale(5, 11),
                f32(3, 11),
                indices);
    }

    private void loss(int rows, int v, float cap) {
        String label = rows + " x " + v + ", cap " + cap;
        Tensor logits = normal(DType.F32, 4, rows, v);
        Tensor targets = ints(v, rows);
        measure("crossEntropy", label, SUMS, List.of(), (k, t) -> k.crossEntropy(t[0], t[1], cap), logits, targets);
        measure(
                "crossEntropyBackward",
                label,
                SUMS,
                List.of(0),
                (k, t) -> k.crossEntropyBackward(t[0], t[1], cap, 0.25f),
                logits,
                targets);
    }
}
