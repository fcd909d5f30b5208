package dev.jemma.engine.kernel.cpu.product;

import dev.jemma.engine.kernel.Write;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;

/**
 * {@code out = scale * x W^T} for the few rows of a decoding step: every weight is read once, in place, so this runs at
 * the speed of memory. The arithmetic is {@link Dots}, one for each type of weights.
 */
final class Gemv implements AutoCloseable {
    /** Rows up to which reading the weights costs more than the arithmetic. */
    static final int MAX_ROWS = 4;

    /** Products below which waking the team costs more than it saves. */
    private static final long ALONE = 1 << 15;

    /** Weights that stay in the first-level cache while the rows of x pass over them. */
    private static final long GROUP_BYTES = 1 << 14;

    private final ThreadTeam team;
    private final Map<DType, Dots> kinds;
    private final Scratch arranged = new Scratch();
    private final Scratch own = new Scratch();
    private final ThreadTeam.Task task = this::outputs;
    private final MemorySegment[] sums;

    private Dots dots;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private Write write = Write.SET;
    private float scale;
    private int rows;
    private int outputs;
    private int outputsPerChunk;
    private int group;
    private int inputs;
    private long stride;
    private long xStride;

    Gemv(ThreadTeam team) {
        this.team = team;
        kinds = vectorApi();
        dots = new FloatDots();
        sums = new MemorySegment[team.size()];
        long line = Dots.SCRATCH_BYTES + 127 & -128; // members' lines apart
        for (int i = 0; i < sums.length; i++) {
            sums[i] = own.atLeast(line * sums.length).asSlice(line * i, Dots.SCRATCH_BYTES);
        }
    }

    private static Map<DType, Dots> vectorApi() {
        Map<DType, Dots> kinds = new EnumMap<>(DType.class);
        kinds.put(DType.F32, new FloatDots());
        kinds.put(DType.F16, new PairDots(DType.F16));
        kinds.put(DType.BF16, new PairDots(DType.BF16));
        kinds.put(DType.Q8_0, new Q8Dots());
        kinds.put(DType.Q4_0, new Q4Dots());
        return kinds;
    }

    /** out [N, O], input [N, I], weight [O, I]. */
    void multiply(Tensor result, Tensor input, Tensor weight, float factor, Write mode) {
        Dots kind = kinds.get(weight.dtype());
        if (kind == null) {
            throw new IllegalArgumentException(weight.dtype() + " is no weight");
        }
        dots = kind;
        rows = Math.toIntExact(input.dim(0));
        inputs = Math.toIntExact(input.dim(1));
        outputs = Math.toIntExact(weight.dim(0));
        stride = weight.dtype().bytes(inputs);
        w = weight.segment();
        out = result.segment();
        scale = factor;
        write = mode;
        arrange(input.segment());
        long work = (long) rows * inputs * outputs;
        int chunks = work < ALONE ? 1 : (int) Math.min(outputs, Math.max(team.size() * 8L, work / (1 << 18)));
        outputsPerChunk = Math.ceilDiv(outputs, Math.max(1, chunks));
        group = rows == 1 ? Dots.ROWS : (int) Math.clamp(GROUP_BYTES / Math.max(1, stride), 1, Dots.ROWS);
        team.run(Math.ceilDiv(outputs, outputsPerChunk), task);
    }

    private void arrange(MemorySegment input) {
        x = input;
        xStride = dots.arrangedBytes(inputs);
        if (xStride == 0) {
            xStride = 4L * inputs;
            return;
        }
        x = arranged.atLeast(rows * xStride);
        for (int n = 0; n < rows; n++) {
            dots.arrange(input, 4L * n * inputs, inputs, x, n * xStride);
        }
    }

    private void outputs(int chunk, int member) {
        int from = chunk * outputsPerChunk;
        int to = Math.min(outputs, from + outputsPerChunk);
        MemorySegment scratch = sums[member];
        for (int o = from; o < to; o += group) {
            int count = Math.min(group, to - o);
            for (int n = 0; n < rows; n++) {
                dots.dots(w, o * stride, stride, count, x, n * xStride, inputs, scratch);
                store(scratch, 4L * (n * (long) outputs + o), count);
            }
        }
    }

    private void store(MemorySegment scratch, long at, int count) {
        for (int i = 0; i < count; i++) {
            float value = scale * scratch.get(Lanes.FLOAT, 4L * i);
            long to = at + 4L * i;
            out.set(Lanes.FLOAT, to, write == Write.ADD ? out.get(Lanes.FLOAT, to) + value : value);
        }
    }

    @Override
    public void close() {
        arranged.close();
        own.close();
    }
}
