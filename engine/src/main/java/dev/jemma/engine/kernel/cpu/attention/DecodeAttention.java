package dev.jemma.engine.kernel.cpu.attention;

import static dev.jemma.engine.kernel.cpu.base.Lanes.BYTES;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.all;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;

import dev.jemma.engine.kernel.AttentionShape;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.VectorProducts;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Attention of spans with few rows, in place over the cache: it runs at the speed at which keys and values can be read;
 * by machine code where CPU and head size allow it.
 *
 * <p>A chunk is one row, one key head and {@value #KEYS} keys, whatever the number of threads; its query heads share
 * the keys while they are in the second-level cache. The chunks' softmaxes are then combined in order.
 */
final class DecodeAttention implements AutoCloseable {
    private static final int KEYS = 128;

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final Scratch own = new Scratch();
    private final Scratch factors = new Scratch();
    private final ThreadTeam.Task partTask = this::part;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment lse = MemorySegment.NULL;
    private MemorySegment q = MemorySegment.NULL;
    private MemorySegment k = MemorySegment.NULL;
    private MemorySegment v = MemorySegment.NULL;
    /** [chunk, head of the group, 2 + D]: maximum, sum, and unnormalized output. */
    private MemorySegment parts = MemorySegment.NULL;

    private MemorySegment scores = MemorySegment.NULL;
    private AttentionShape shape = new AttentionShape(1, 1, 2, 1, 0, 0);
    private Span span = new Span(0, 1, 0, 0, 1);
    private int queryRow;
    private int position;
    private int firstKey;
    private int chunks;
    private int group;
    private boolean code;

    DecodeAttention(ThreadTeam team) {
        this.team = team;
    }

    /** The spans of fewer than {@code limit} rows. */
    void forward(
            Tensor outT,
            Tensor lseT,
            Tensor qT,
            Tensor kT,
            Tensor vT,
            AttentionShape attentionShape,
            Span[] spans,
            int limit) {
        out = outT.segment();
        lse = lseT.segment();
        q = qT.segment();
        k = kT.segment();
        v = vT.segment();
        shape = attentionShape;
        group = shape.heads() / shape.keyValueHeads();
        code = VectorProducts.available() && shape.headDim() % VectorProducts.STEP == 0;
        scores = own.atLeast(4L * KEYS * team.size());
        for (Span s : spans) {
            if (s.length() < limit) {
                span = s;
                for (int i = 0; i < s.length(); i++) {
                    row(s.row() + i, s.position() + i);
                }
            }
        }
    }

    private void row(int newQueryRow, int newPosition) {
        queryRow = newQueryRow;
        position = newPosition;
        firstKey = shape.firstVisible(position);
        chunks = Math.ceilDiv(position + 1 - firstKey, KEYS);
        parts = scratch.atLeast(partOffset(chunks * shape.keyValueHeads(), 0));
        team.run(chunks * shape.keyValueHeads(), partTask);
        for (int head = 0; head < shape.heads(); head++) {
            combine(head);
        }
    }

    private long partOffset(int chunk, int g) {
        return 4L * (2 + shape.headDim()) * (chunk * group + g);
    }

    private void part(int chunk, int member) {
        int d = shape.headDim();
        int keyHead = chunk / chunks;
        int from = firstKey + chunk % chunks * KEYS;
        int count = Math.min(KEYS, position + 1 - from);
        long own = 4L * KEYS * member;
        for (int g = 0; g < group; g++) {
            long query = 4L * d * ((long) queryRow * shape.heads() + keyHead * group + g);
            scores(own, query, keyHead, from, count);
            float max = Scores.capAndMax(scores, own, count, shape.scale(), shape.softcap());
            float sum = Scores.exp(scores, own, count, max);
            long part = partOffset(chunk, g);
            parts.set(Lanes.FLOAT, part, max);
            parts.set(Lanes.FLOAT, part + 4, sum);
            values(own, keyHead, from, count, part + 8);
        }
    }

    private long keyOffset(int p, int keyHead) {
        return 4L * shape.headDim() * ((long) span.keyRowOf(p) * shape.keyValueHeads() + keyHead);
    }

    private void scores(long own, long query, int keyHead, int from, int count) {
        if (!code) {
            for (int j = 0; j < count; j++) {
                scores.set(Lanes.FLOAT, own + 4L * j, dot(query, keyOffset(from + j, keyHead)));
            }
            return;
        }
        int d = shape.headDim();
        for (int done = 0; done < count; ) {
            int run = run(from + done, count - done);
            VectorProducts.dots(
                    Addresses.of(q, query, 4L * d),
                    rows(k, from + done, keyHead, run),
                    stride(),
                    run,
                    d,
                    scores.address() + own + 4L * done);
            done += run;
        }
    }

    private void values(long own, int keyHead, int from, int count, long to) {
        if (!code) {
            weighted(own, keyHead, from, count, to);
            return;
        }
        int d = shape.headDim();
        MemorySegment sum = parts.asSlice(to, 4L * d).fill((byte) 0);
        for (int done = 0; done < count; ) {
            int run = run(from + done, count - done);
            VectorProducts.addWeighted(
                    scores.address() + own + 4L * done,
                    rows(v, from + done, keyHead, run),
                    stride(),
                    run,
                    d,
                    sum.address());
            done += run;
        }
    }

    /** How many of {@code count} positions from {@code p} on are contiguous, before the ring's end. */
    private int run(int p, int count) {
        return Math.min(count, span.capacity() - p % span.capacity());
    }

    /**
     * Address of the row of position {@code p}, after it was checked that {@code count} rows from there on are within
     * the cache.
     */
    private long rows(MemorySegment cache, int p, int keyHead, int count) {
        return Addresses.of(cache, keyOffset(p, keyHead), (count - 1) * stride() + 4L * shape.headDim());
    }

    private long stride() {
        return 4L * shape.headDim() * shape.keyValueHeads();
    }

    private float dot(long query, long key) {
        int d = shape.headDim();
        FloatVector a = Lanes.zero();
        FloatVector b = Lanes.zero();
        int i = 0;
        for (; i + 2 * L <= d; i += 2 * L) {
            a = fma(load(q, query + 4L * i), load(k, key + 4L * i), a);
            b = fma(load(q, query + 4L * (i + L)), load(k, key + 4L * (i + L)), b);
        }
        float tail = 0;
        for (; i < d; i++) {
            tail = Lanes.fma(q.get(Lanes.FLOAT, query + 4L * i), k.get(Lanes.FLOAT, key + 4L * i), tail);
        }
        return Lanes.sum(a.add(b)) + tail;
    }

    /** The sum of values weighted by the scores, four vectors of the head at a time. */
    private void weighted(long own, int keyHead, int from, int count, long to) {
        int d = shape.headDim();
        int i = 0;
        for (; i + 4 * L <= d; i += 4 * L) {
            FloatVector s0 = Lanes.zero();
            FloatVector s1 = Lanes.zero();
            FloatVector s2 = Lanes.zero();
            FloatVector s3 = Lanes.zero();
            for (int j = 0; j < count; j++) {
                long at = keyOffset(from + j, keyHead) + 4L * i;
                FloatVector p = all(scores.get(Lanes.FLOAT, own + 4L * j));
                s0 = fma(p, load(v, at), s0);
                s1 = fma(p, load(v, at + BYTES), s1);
                s2 = fma(p, load(v, at + 2 * BYTES), s2);
                s3 = fma(p, load(v, at + 3 * BYTES), s3);
            }
            store(s0, parts, to + 4L * i);
            store(s1, parts, to + 4L * i + BYTES);
            store(s2, parts, to + 4L * i + 2 * BYTES);
            store(s3, parts, to + 4L * i + 3 * BYTES);
        }
        for (; i < d; i++) {
            float s = 0;
            for (int j = 0; j < count; j++) {
                float p = scores.get(Lanes.FLOAT, own + 4L * j);
                s = Lanes.fma(p, v.get(Lanes.FLOAT, keyOffset(from + j, keyHead) + 4L * i), s);
            }
            parts.set(Lanes.FLOAT, to + 4L * i, s);
        }
    }

    private void combine(int head) {
        int d = shape.headDim();
        int keyHead = head / group;
        int g = head % group;
        float max = Float.NEGATIVE_INFINITY;
        for (int c = 0; c < chunks; c++) {
            max = Math.max(max, parts.get(Lanes.FLOAT, partOffset(keyHead * chunks + c, g)));
        }
        double sum = 0;
        for (int c = 0; c < chunks; c++) {
            long part = partOffset(keyHead * chunks + c, g);
            double factor = StrictMath.exp((double) parts.get(Lanes.FLOAT, part) - max);
            sum += factor * parts.get(Lanes.FLOAT, part + 4);
            parts.set(Lanes.FLOAT, part, (float) factor);
        }
        long row = (long) queryRow * shape.heads() + head;
        float inverse = (float) (1 / sum);
        lse.set(Lanes.FLOAT, 4 * row, (float) (max + StrictMath.log(sum)));
        if (code) {
            joined(keyHead, g, row, inverse);
            return;
        }
        int i = 0;
        for (; i + L <= d; i += L) {
            FloatVector s = Lanes.zero();
            for (int c = 0; c < chunks; c++) {
                long part = partOffset(keyHead * chunks + c, g);
                s = fma(all(parts.get(Lanes.FLOAT, part)), load(parts, part + 8 + 4L * i), s);
            }
            store(s.mul(inverse), out, 4 * (row * d + i));
        }
        for (; i < d; i++) {
            float s = 0;
            for (int c = 0; c < chunks; c++) {
                long part = partOffset(keyHead * chunks + c, g);
                s = Lanes.fma(parts.get(Lanes.FLOAT, part), parts.get(Lanes.FLOAT, part + 8 + 4L * i), s);
            }
            out.set(Lanes.FLOAT, 4 * (row * d + i), s * inverse);
        }
    }

    /** The chunks' outputs, each times its factor and {@code inverse}. */
    private void joined(int keyHead, int g, long row, float inverse) {
        int d = shape.headDim();
        MemorySegment weights = factors.atLeast(4L * chunks);
        for (int c = 0; c < chunks; c++) {
            weights.set(Lanes.FLOAT, 4L * c, inverse * parts.get(Lanes.FLOAT, partOffset(keyHead * chunks + c, g)));
        }
        MemorySegment to = out.asSlice(4 * row * d, 4L * d).fill((byte) 0);
        long first = partOffset(keyHead * chunks, g);
        VectorProducts.addWeighted(
                weights.address(), parts.address() + first + 8, partOffset(1, 0), chunks, d, Addresses.of(to));
    }

    @Override
    public void close() {
        scratch.close();
        own.close();
        factors.close();
    }
}
