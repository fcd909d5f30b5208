package dev.jemma.engine.kernel.cpu;

import dev.jemma.engine.kernel.Arithmetic;
import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.code.BlockDots;
import dev.jemma.engine.kernel.cpu.code.RowDots;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code out = scale * x W^T} for the few rows of a decoding step by machine code, where CPU and shape allow it; {@link Gemv} does the
 * rest. Exact up to the order of sums for bf16 weights; with block types x is quantized by blocks too.
 */
final class CodeGemv implements AutoCloseable {
    private static final int ROWS = RowDots.ROWS;

    /** A chunk is about this large: far more than what is asked for ahead of use, few enough to share out evenly. */
    private static final long CHUNK_BYTES = 256 << 10;

    private static final int MOST_ROUNDS = 1 << 12;
    private static final long PAGE = 4096;

    private final ThreadTeam team;
    private final Scratch scratch = new Scratch();
    private final Scratch own = new Scratch();
    private final MemorySegment[] sums;
    private final int[] touched;
    private final ThreadTeam.Task task = this::outputs;

    private DType type = DType.BF16;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private Write write = Write.SET;
    private float scale;
    private int rows;
    private int outputs;
    private int lanes;
    private int outputsALane;
    private int outputsAChunk;
    private long inputs;
    private long rowBytes;
    private long xBytes;

    CodeGemv(ThreadTeam team) {
        this.team = team;
        sums = new MemorySegment[team.size()];
        touched = new int[16 * team.size()];
        long bytes = 2 * CHUNK_BYTES; // a sum takes four bytes, a row of weights at least 18
        MemorySegment all = own.atLeast(bytes * team.size());
        for (int i = 0; i < sums.length; i++) {
            sums[i] = all.asSlice(bytes * i, bytes);
        }
    }

    /** Whether it computes this product. */
    static boolean takes(Tensor input, Tensor weight, Arithmetic arithmetic) {
        boolean typed = switch (weight.dtype()) {
            case BF16 -> RowDots.available();
            case Q8_0, Q4_0 -> BlockDots.available() && arithmetic == Arithmetic.BF16;
            case F32, F16, I32, I64 -> false;
        };
        return typed
                && input.dim(0) <= Gemv.MAX_ROWS
                && input.dim(1) % RowDots.STEP == 0
                && input.dim(1) > 0
                && weight.dim(0) >= ROWS;
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
        type = weight.dtype();
        rowBytes = type.bytes(inputs);
        xBytes = type.isQuantized() ? inputs / BlockDots.BLOCK * BlockDots.BLOCK_BYTES : 4 * inputs;
        x = scratch.atLeast(rows * xBytes);
        for (int n = 0; n < rows; n++) {
            prepare(input.segment().address() + 4 * n * inputs, x.address() + n * xBytes);
        }
        lanes = Math.min(team.size(), Gemm.ceilDiv(outputs, ROWS));
        outputsALane = (int) Gemm.roundUp(Gemm.ceilDiv(outputs, lanes), ROWS);
        int rounds = (int) Math.clamp(outputsALane * rowBytes / CHUNK_BYTES, 1, MOST_ROUNDS);
        outputsAChunk = (int) Gemm.roundUp(Gemm.ceilDiv(outputsALane, rounds), ROWS);
        team.run(lanes * Gemm.ceilDiv(outputsALane, outputsAChunk), task);
    }

    private void prepare(long from, long to) {
        if (type.isQuantized()) {
            BlockDots.quantize(type, from, inputs, to);
        } else {
            RowDots.split(from, inputs, to);
        }
    }

    private void run(int n, int from, long target, int count) {
        long rowsAt = w.address() + from * rowBytes;
        long vector = x.address() + n * xBytes;
        if (type.isQuantized()) {
            BlockDots.run(type, rowsAt, vector, inputs, target, count);
        } else {
            RowDots.run(rowsAt, vector, inputs, target, count);
        }
    }

    /**
     * Chunks are numbered so that members that keep step each walk through one stretch of memory: what a member has asked for ahead of its
     * chunk's end is then its own next chunk.
     */
    private void outputs(int chunk, int member) {
        int lane = chunk % lanes * outputsALane;
        int from = lane + chunk / lanes * outputsAChunk;
        int to = Math.min(Math.min(outputs, lane + outputsALane), from + outputsAChunk);
        if (from >= to) {
            return;
        }
        int whole = from + (to - from) / ROWS * ROWS;
        touch(member, from * rowBytes, to * rowBytes);
        if (rows == 1) {
            dots(member, 0, from, whole);
        } else {
            for (int o = from; o < whole; o += ROWS) { // the weights stay in the first cache for the next row of x
                for (int n = 0; n < rows; n++) {
                    dots(member, n, o, o + ROWS);
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
        run(n, from, address, to - from);
        for (int i = 0; !direct && i < to - from; i++) {
            store(at + 4L * i, target.get(Lanes.FLOAT, 4L * i));
        }
    }

    /** The outputs from {@code first} on, fewer than eight: with those before them, which are not stored again. */
    private void last(int member, int n, int first) {
        int from = outputs - ROWS;
        MemorySegment target = sums[member];
        run(n, from, target.address(), ROWS);
        for (int o = first; o < outputs; o++) {
            store(4L * ((long) n * outputs + o), target.get(Lanes.FLOAT, 4L * (o - from)));
        }
    }

    private void store(long at, float sum) {
        float value = scale * sum;
        out.set(Lanes.FLOAT, at, write == Write.ADD ? out.get(Lanes.FLOAT, at) + value : value);
    }

    /** Reads a byte of every page, see {@link Bf16Gemm}. */
    private void touch(int member, long from, long to) {
        int sum = w.get(ValueLayout.JAVA_BYTE, to - 1);
        for (long at = from; at < to; at += PAGE) {
            sum += w.get(ValueLayout.JAVA_BYTE, at);
        }
        touched[16 * member] += sum;
    }

    @Override
    public void close() {
        scratch.close();
        own.close();
    }
}
