package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.Sizes;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * {@code out = scale * x W^T} for the few rows of a decoding step by machine code, where CPU and shape allow it;
 * {@link Gemv} does the rest. Exact up to the order of sums for bf16 weights; with block types x is quantized by blocks
 * too.
 *
 * <p>Memory gives most to few long streams. So each member of the team has a lane, a stretch of the weights of its own,
 * which it walks along chunk by chunk; who is done early takes the next chunk of another's lane.
 */
final class CodeGemv implements AutoCloseable {
    /**
     * A chunk is about this large: some microseconds of reading, which is how long the last to finish is waited for at
     * most.
     */
    private static final long CHUNK_BYTES = 64 << 10;

    private static final int LINE_INTS = 16;

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final Scratch own = new Scratch();
    private final MemorySegment[] sums;
    private final AtomicIntegerArray taken;
    private final ThreadTeam.Task task = this::lanes;

    private CodeDots dots = CodeDots.BF16;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private Write write = Write.SET;
    private float scale;
    private int rows;
    private int outputs;
    private int lanes;
    private int outputsPerLane;
    private int outputsPerChunk;
    private long inputs;
    private long rowBytes;
    private long x;
    private long xBytes;

    CodeGemv(ThreadTeam team) {
        this.team = team;
        sums = new MemorySegment[team.size()];
        taken = new AtomicIntegerArray(LINE_INTS * (team.size() + 1));
        long bytes = CHUNK_BYTES; // a sum takes four bytes, a row of weights at least 18
        MemorySegment all = own.atLeast(bytes * team.size());
        for (int i = 0; i < sums.length; i++) {
            sums[i] = all.asSlice(bytes * i, bytes);
        }
    }

    /** out [N, O], input [N, I], weight [O, I]. */
    void multiply(Tensor result, Tensor input, Tensor weight, float factor, Write mode) {
        rows = Math.toIntExact(input.dim(0));
        inputs = input.dim(1);
        outputs = Math.toIntExact(weight.dim(0));
        w = weight.segment();
        out = result.segment();
        scale = factor;
        write = mode;
        dots = CodeDots.of(weight.dtype());
        rowBytes = weight.dtype().bytes(inputs);
        xBytes = dots.vectorBytes(inputs);
        x = scratch.atLeast(rows * xBytes).address();
        for (int n = 0; n < rows; n++) {
            dots.arrange(input.segment().address() + 4 * n * inputs, inputs, x + n * xBytes);
        }
        int unit = dots.rows(inputs);
        lanes = Math.min(team.size(), Math.ceilDiv(outputs, unit));
        outputsPerLane = (int) Sizes.roundUp(Math.ceilDiv(outputs, lanes), unit);
        outputsPerChunk = (int) Math.clamp(CHUNK_BYTES / rowBytes / unit * unit, unit, outputsPerLane);
        for (int lane = 0; lane < lanes; lane++) {
            taken.setPlain(LINE_INTS * (lane + 1), 0);
        }
        team.run(lanes, task);
    }

    /** All of lane {@code first}, then what others have left. */
    private void lanes(int first, int member) {
        for (int i = 0; i < lanes; i++) {
            int lane = (first + i) % lanes;
            int begin = lane * outputsPerLane;
            int end = Math.min(outputs, begin + outputsPerLane);
            int from = begin + outputsPerChunk * taken.getAndIncrement(LINE_INTS * (lane + 1));
            while (from < end) {
                outputs(from, Math.min(end, from + outputsPerChunk), member);
                from = begin + outputsPerChunk * taken.getAndIncrement(LINE_INTS * (lane + 1));
            }
        }
    }

    private void outputs(int from, int to, int member) {
        int unit = dots.rows(inputs);
        int whole = from + (to - from) / unit * unit;
        Addresses.ofMapped(w, to * rowBytes - 1, 1); // of a file that was cut short the end is what is missing
        if (rows == 1) {
            dots(member, 0, from, whole);
        } else {
            for (int o = from; o < whole; o += unit) { // the weights stay in the first cache for the next row of x
                for (int n = 0; n < rows; n++) {
                    dots(member, n, o, o + unit);
                }
            }
        }
        for (int n = 0; whole < to && n < rows; n++) {
            last(member, n, whole);
        }
    }

    private void dots(int member, int n, int from, int to) {
        if (to == from) {
            return;
        }
        boolean direct = write == Write.SET && scale == 1;
        long at = 4L * ((long) n * outputs + from);
        MemorySegment target = sums[member];
        long address = direct ? out.address() + at : target.address();
        dots.run(w.address() + from * rowBytes, x + n * xBytes, inputs, address, to - from);
        for (int i = 0; !direct && i < to - from; i++) {
            store(at + 4L * i, target.get(Lanes.FLOAT, 4L * i));
        }
    }

    /** The outputs from {@code first} on, fewer than a unit: with those before them, which are not stored again. */
    private void last(int member, int n, int first) {
        int unit = dots.rows(inputs);
        int from = outputs - unit;
        MemorySegment target = sums[member];
        dots.run(w.address() + from * rowBytes, x + n * xBytes, inputs, target.address(), unit);
        for (int o = first; o < outputs; o++) {
            store(4L * ((long) n * outputs + o), target.get(Lanes.FLOAT, 4L * (o - from)));
        }
    }

    private void store(long at, float sum) {
        float value = scale * sum;
        out.set(Lanes.FLOAT, at, write == Write.ADD ? out.get(Lanes.FLOAT, at) + value : value);
    }

    @Override
    public void close() {
        scratch.close();
        own.close();
    }
}
