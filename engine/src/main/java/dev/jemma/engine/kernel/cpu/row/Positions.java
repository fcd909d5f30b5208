package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.base.Lanes.load;
import static dev.jemma.engine.kernel.cpu.base.Lanes.store;

import dev.jemma.engine.kernel.RopeTable;
import dev.jemma.engine.kernel.Span;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.code.Rotations;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** What depends on where a row is in its sequence: its place in the cache's ring, and rotary embedding. */
public final class Positions {
    private static final int ELEMENTS_PER_CHUNK = 1 << 13;

    private final ThreadTeam team;
    private final ThreadTeam.Task ropeTask = this::ropeRows;

    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment cos = MemorySegment.NULL;
    private MemorySegment sin = MemorySegment.NULL;
    private int rows;
    private int rowsPerChunk;
    private long columns;
    private int headDim;
    private float direction;
    private Span span = new Span(0, 1, 0, 0, 1);

    /** By the threads of {@code team}, borrowed. */
    public Positions(ThreadTeam team) {
        this.team = team;
    }

    /**
     * Copies the rows of {@code x} to their places in the cache, in a few runs at most: the ring wraps once per lap.
     */
    public void cache(Tensor cache, Tensor x, Span[] spans) {
        long bytes = 4 * x.dim(1);
        for (Span s : spans) {
            int done = 0;
            while (done < s.length()) {
                int slot = (s.position() + done) % s.capacity();
                int run = Math.min(s.length() - done, s.capacity() - slot);
                MemorySegment.copy(
                        x.segment(),
                        (s.row() + done) * bytes,
                        cache.segment(),
                        (s.keyRow() + slot) * bytes,
                        run * bytes);
                done += run;
            }
        }
    }

    /** Turns every head of {@code x} by its row's angles, in place; direction -1 turns back. */
    public void rope(Tensor x, RopeTable table, int newHeadDim, Span[] spans, float newDirection) {
        out = x.segment();
        cos = table.cos().segment();
        sin = table.sin().segment();
        headDim = newHeadDim;
        direction = newDirection;
        for (Span s : spans) {
            span = s;
            rows = s.length();
            columns = x.dim(1);
            rowsPerChunk = (int) Math.max(1, ELEMENTS_PER_CHUNK / Math.max(1, columns));
            team.run(Math.ceilDiv(rows, rowsPerChunk), ropeTask);
        }
    }

    private void ropeRows(int chunk, int member) {
        int from = chunk * rowsPerChunk;
        int to = Math.min(rows, from + rowsPerChunk);
        if (Rotations.available() && columns > 0) {
            int half = headDim / 2;
            long angles = 4L * (span.position() + from) * half;
            Rotations.rotate(
                    Addresses.of(out) + 4 * (span.row() + from) * columns,
                    Addresses.of(cos) + angles,
                    Addresses.of(sin) + angles,
                    half,
                    columns / headDim,
                    to - from,
                    direction);
            return;
        }
        for (int i = from; i < to; i++) {
            long angles = 4L * (span.position() + i) * (headDim / 2);
            for (long head = 0; head < columns; head += headDim) {
                turn(4 * ((span.row() + i) * columns + head), angles);
            }
        }
    }

    /** {@code (u, v) -> (u cos - v sin, v cos + u sin)} for the two halves of a head; the inverse has -sin. */
    private void turn(long at, long angles) {
        int half = headDim / 2;
        int i = 0;
        for (; i + L <= half; i += L) {
            FloatVector c = load(cos, angles + 4L * i);
            FloatVector s = load(sin, angles + 4L * i).mul(direction);
            FloatVector u = load(out, at + 4L * i);
            FloatVector v = load(out, at + 4L * (half + i));
            store(u.mul(c).sub(v.mul(s)), out, at + 4L * i);
            store(fma(v, c, u.mul(s)), out, at + 4L * (half + i));
        }
        if (i < half) {
            VectorMask<Float> m = Lanes.first(half - i);
            FloatVector c = load(cos, angles + 4L * i, m);
            FloatVector s = load(sin, angles + 4L * i, m).mul(direction);
            FloatVector u = load(out, at + 4L * i, m);
            FloatVector v = load(out, at + 4L * (half + i), m);
            store(u.mul(c).sub(v.mul(s)), out, at + 4L * i, m);
            store(fma(v, c, u.mul(s)), out, at + 4L * (half + i), m);
        }
    }
}
