package dev.jemma.engine.kernel.cpu.row;

import static dev.jemma.engine.kernel.cpu.base.Lanes.FLOATS;
import static dev.jemma.engine.kernel.cpu.base.Lanes.FMA;
import static dev.jemma.engine.kernel.cpu.base.Lanes.L;
import static dev.jemma.engine.kernel.cpu.base.Lanes.ORDER;
import static dev.jemma.engine.kernel.cpu.base.Lanes.fma;

import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.DropoutMask;
import dev.jemma.engine.kernel.cpu.base.Addresses;
import dev.jemma.engine.kernel.cpu.base.Lanes;
import dev.jemma.engine.kernel.cpu.base.Scratch;
import dev.jemma.engine.kernel.cpu.base.ThreadTeam;
import dev.jemma.engine.kernel.cpu.base.VectorMath;
import dev.jemma.engine.kernel.cpu.code.Elements;
import dev.jemma.engine.kernel.cpu.code.GatedUnits;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Operations on each element by itself: tensors taken as flat arrays of f32, cut into chunks. */
public final class Pointwise implements AutoCloseable {
    private enum Operation {
        ADD,
        GEGLU,
        GEGLU_BACKWARD,
        SOFTCAP,
        DROPOUT,
        DROPOUT_BACKWARD,
        ADAMW
    }

    /** Elements a chunk: a few microseconds of work. */
    private static final long CHUNK = 1 << 13;

    private static final boolean CODE = Elements.available();

    private final ThreadTeam team;
    private final Scratch factors = new Scratch();
    private final ThreadTeam.Task task = this::chunk;

    private Operation operation = Operation.ADD;
    private MemorySegment s0 = MemorySegment.NULL;
    private MemorySegment s1 = MemorySegment.NULL;
    private MemorySegment s2 = MemorySegment.NULL;
    private MemorySegment s3 = MemorySegment.NULL;
    private MemorySegment s4 = MemorySegment.NULL;
    private long elements;
    private float f0;
    private float f1;
    private float f2;
    private float f3;
    private float f4;
    private float f5;
    private float f6;
    private float epsilon;
    private long seed;
    private int threshold;

    /** By the threads of {@code team}, borrowed. */
    public Pointwise(ThreadTeam team) {
        this.team = team;
    }

    /** {@code out = a + b}. */
    public void add(Tensor out, Tensor a, Tensor b) {
        s0 = out.segment();
        s1 = a.segment();
        s2 = b.segment();
        run(Operation.ADD, out);
    }

    /** {@code out = gelu(gate) * up}. */
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        s0 = out.segment();
        s1 = gate.segment();
        s2 = up.segment();
        run(Operation.GEGLU, out);
    }

    /** {@code dGate = dOut up gelu'(gate)}, {@code dUp = dOut gelu(gate)}. */
    public void gegluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
        s0 = dGate.segment();
        s1 = dUp.segment();
        s2 = dOut.segment();
        s3 = gate.segment();
        s4 = up.segment();
        run(Operation.GEGLU_BACKWARD, dGate);
    }

    /** {@code x = cap * tanh(x / cap)}. */
    public void softcap(Tensor x, float cap) {
        s0 = x.segment();
        f0 = cap;
        f1 = 1 / cap;
        run(Operation.SOFTCAP, x);
    }

    /** {@code out = x / (1 - p)}, or 0 where {@link DropoutMask} says so. */
    public void dropout(Tensor out, Tensor x, float p, long newSeed) {
        s0 = out.segment();
        s1 = x.segment();
        mask(p, newSeed);
        run(Operation.DROPOUT, out);
    }

    /** {@code dX +=} what {@link #dropout} makes of dOut. */
    public void dropoutBackward(Tensor dX, Tensor dOut, float p, long newSeed) {
        s0 = dX.segment();
        s1 = dOut.segment();
        mask(p, newSeed);
        run(Operation.DROPOUT_BACKWARD, dX);
    }

    private void mask(float p, long newSeed) {
        threshold = DropoutMask.threshold(p);
        seed = newSeed;
        f0 = (float) (1 / (1 - (double) p));
    }

    /** The factors are computed in double and rounded once. */
    public void adamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step) {
        s0 = parameter.segment();
        s1 = gradient.segment();
        s2 = first.segment();
        s3 = second.segment();
        double rootCorrection = Math.sqrt(1 - StrictMath.pow(step.beta2(), step.step()));
        f0 = (float) step.gradientScale();
        f1 = (float) step.beta1();
        f2 = (float) (1 - step.beta1());
        f3 = (float) step.beta2();
        f4 = (float) (1 - step.beta2());
        f5 = (float) (1 - step.learningRate() * step.weightDecay());
        // lr / c1 * m / (sqrt(v) / c2 + eps) = (lr c2 / c1) * m / (sqrt(v) + eps c2)
        f6 = (float) (step.learningRate() * rootCorrection / (1 - StrictMath.pow(step.beta1(), step.step())));
        epsilon = (float) (step.epsilon() * rootCorrection);
        float[] all = {f0, f1, f2, f3, f4, f5, f6, epsilon};
        s4 = factors.atLeast(4L * all.length);
        MemorySegment.copy(all, 0, s4, Lanes.FLOAT, 0, all.length);
        run(Operation.ADAMW, parameter);
    }

    private void run(Operation next, Tensor shape) {
        operation = next;
        elements = shape.elements();
        team.run(Math.toIntExact((elements + CHUNK - 1) / CHUNK), task);
    }

    private void chunk(int chunk, int member) {
        long from = chunk * CHUNK;
        long to = Math.min(elements, from + CHUNK);
        if (CODE && code(4 * from, to - from)) {
            return;
        }
        switch (operation) {
            case ADD -> addChunk(from, to);
            case GEGLU -> gegluChunk(from, to);
            case GEGLU_BACKWARD -> gegluBackwardChunk(from, to);
            case SOFTCAP -> softcapChunk(from, to);
            case DROPOUT -> dropoutChunk(from, to);
            case DROPOUT_BACKWARD -> dropoutBackwardChunk(from, to);
            case ADAMW -> adamWChunk(from, to);
        }
    }

    /** By machine code; false if there is none for the operation. */
    private boolean code(long at, long count) {
        switch (operation) {
            case ADD -> Elements.add(Addresses.of(s0) + at, Addresses.of(s1) + at, Addresses.of(s2) + at, count);
            case GEGLU -> GatedUnits.geglu(Addresses.of(s0) + at, Addresses.of(s1) + at, Addresses.of(s2) + at, count);
            case GEGLU_BACKWARD ->
                GatedUnits.gegluBackward(
                        Addresses.of(s0) + at,
                        Addresses.of(s1) + at,
                        Addresses.of(s2) + at,
                        Addresses.of(s3) + at,
                        Addresses.of(s4) + at,
                        count);
            case SOFTCAP -> Elements.softcap(Addresses.of(s0) + at, count, f1, f0);
            case ADAMW ->
                Elements.adamW(
                        Addresses.of(s0) + at,
                        Addresses.of(s1) + at,
                        Addresses.of(s2) + at,
                        Addresses.of(s3) + at,
                        count,
                        s4.address());
            case DROPOUT, DROPOUT_BACKWARD -> {
                return false;
            }
        }
        return true;
    }

    private void addChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER)
                    .add(FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER))
                    .intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER, m)
                    .add(FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER, m))
                    .intoMemorySegment(s0, 4 * i, ORDER, m);
        }
    }

    private void gegluChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            gated(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER))
                    .mul(FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER))
                    .intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            gated(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER, m))
                    .mul(FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER, m))
                    .intoMemorySegment(s0, 4 * i, ORDER, m);
        }
    }

    private static FloatVector gated(FloatVector gate) {
        return gate.mul(VectorMath.geluGate(gate));
    }

    private void gegluBackwardChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            FloatVector g = FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER);
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, s3, 4 * i, ORDER);
            FloatVector up = FloatVector.fromMemorySegment(FLOATS, s4, 4 * i, ORDER);
            FloatVector s = VectorMath.geluGate(x);
            // VectorMath.geluSlope, written out: the compiler would not inline it here
            FloatVector square = x.mul(x);
            FloatVector twoSlope = FMA
                    ? square.fma(VectorMath.SLOPE_2, VectorMath.SLOPE_0)
                    : square.mul(VectorMath.SLOPE_2).add(VectorMath.SLOPE_0);
            FloatVector gelu = x.mul(s);
            FloatVector spread = gelu.mul(s.neg().add(1f));
            FloatVector slope =
                    FMA ? spread.fma(twoSlope, s) : spread.mul(twoSlope).add(s);
            g.mul(up).mul(slope).intoMemorySegment(s0, 4 * i, ORDER);
            g.mul(gelu).intoMemorySegment(s1, 4 * i, ORDER);
        }
        if (i < to) {
            gegluBackwardTail(i, Lanes.first(to - i));
        }
    }

    /**
     * A method of its own: with it the loop is too large for the compiler to inline everything, and boxes its vectors.
     */
    private void gegluBackwardTail(long i, VectorMask<Float> m) {
        FloatVector g = FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER, m);
        FloatVector gate = FloatVector.fromMemorySegment(FLOATS, s3, 4 * i, ORDER, m);
        FloatVector up = FloatVector.fromMemorySegment(FLOATS, s4, 4 * i, ORDER, m);
        FloatVector s = VectorMath.geluGate(gate);
        g.mul(up).mul(VectorMath.geluSlope(gate, s)).intoMemorySegment(s0, 4 * i, ORDER, m);
        g.mul(gate.mul(s)).intoMemorySegment(s1, 4 * i, ORDER, m);
    }

    private void softcapChunk(long from, long to) {
        FloatVector inverse = FloatVector.broadcast(FLOATS, f1);
        long i = from;
        for (; i + L <= to; i += L) {
            VectorMath.tanh(FloatVector.fromMemorySegment(FLOATS, s0, 4 * i, ORDER)
                            .mul(inverse))
                    .mul(f0)
                    .intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            VectorMath.tanh(FloatVector.fromMemorySegment(FLOATS, s0, 4 * i, ORDER, m)
                            .mul(inverse))
                    .mul(f0)
                    .intoMemorySegment(s0, 4 * i, ORDER, m);
        }
    }

    private void dropoutChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            kept(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER), i).intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            kept(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER, m), i).intoMemorySegment(s0, 4 * i, ORDER, m);
        }
    }

    private void dropoutBackwardChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            FloatVector.fromMemorySegment(FLOATS, s0, 4 * i, ORDER)
                    .add(kept(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER), i))
                    .intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            FloatVector.fromMemorySegment(FLOATS, s0, 4 * i, ORDER, m)
                    .add(kept(FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER, m), i))
                    .intoMemorySegment(s0, 4 * i, ORDER, m);
        }
    }

    /**
     * {@link DropoutMask} for elements i .. i + L - 1, which share the upper half of their index as chunks are powers
     * of two.
     */
    private FloatVector kept(FloatVector x, long i) {
        IntVector h = IntVector.broadcast(Lanes.INTS, (int) i)
                .addIndex(1)
                .mul(0x9E3779B9)
                .add((int) seed);
        h = mix(mix(h).lanewise(VectorOperators.XOR, (int) (seed >>> 32) ^ (int) (i >>> 32) * 0x85EBCA6B));
        VectorMask<Integer> keep = h.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.GE, threshold);
        return FloatVector.zero(FLOATS).blend(x.mul(f0), keep.cast(Lanes.FLOATS));
    }

    private static IntVector mix(IntVector h) {
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16))
                .mul(0x7FEB352D);
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 15))
                .mul(0x846CA68B);
        return h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16));
    }

    private void adamWChunk(long from, long to) {
        float firstDecay = f1;
        float secondDecay = f3;
        float clip = f0;
        float firstRest = f2;
        float secondRest = f4;
        float keep = f5;
        float rate = f6;
        float eps = epsilon;
        long i = from;
        for (; i + L <= to; i += L) { // no call of ours takes or gives a vector: it would be boxed
            FloatVector g =
                    FloatVector.fromMemorySegment(FLOATS, s1, 4 * i, ORDER).mul(clip);
            FloatVector m = FloatVector.fromMemorySegment(FLOATS, s2, 4 * i, ORDER);
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, s3, 4 * i, ORDER);
            FloatVector first = g.mul(firstRest);
            FloatVector second = g.mul(g).mul(secondRest);
            m = FMA
                    ? m.fma(FloatVector.broadcast(FLOATS, firstDecay), first)
                    : m.mul(firstDecay).add(first);
            v = FMA
                    ? v.fma(FloatVector.broadcast(FLOATS, secondDecay), second)
                    : v.mul(secondDecay).add(second);
            m.intoMemorySegment(s2, 4 * i, ORDER);
            v.intoMemorySegment(s3, 4 * i, ORDER);
            FloatVector.fromMemorySegment(FLOATS, s0, 4 * i, ORDER)
                    .mul(keep)
                    .sub(m.mul(rate).div(v.sqrt().add(eps)))
                    .intoMemorySegment(s0, 4 * i, ORDER);
        }
        if (i < to) {
            adamWTail(4 * i, to - i);
        }
    }

    /**
     * A method of its own: loop and tail together are too large for the compiler, which then boxes the loop's vectors.
     */
    private void adamWTail(long at, long count) {
        VectorMask<Float> part = Lanes.first(count);
        FloatVector g =
                FloatVector.fromMemorySegment(FLOATS, s1, at, ORDER, part).mul(f0);
        FloatVector m = fma(
                FloatVector.fromMemorySegment(FLOATS, s2, at, ORDER, part),
                FloatVector.broadcast(FLOATS, f1),
                g.mul(f2));
        FloatVector v = fma(
                FloatVector.fromMemorySegment(FLOATS, s3, at, ORDER, part),
                FloatVector.broadcast(FLOATS, f3),
                g.mul(g).mul(f4));
        m.intoMemorySegment(s2, at, ORDER, part);
        v.intoMemorySegment(s3, at, ORDER, part);
        FloatVector.fromMemorySegment(FLOATS, s0, at, ORDER, part)
                .mul(f5)
                .sub(m.mul(f6).div(v.sqrt().add(epsilon)))
                .intoMemorySegment(s0, at, ORDER, part);
    }

    @Override
    public void close() {
        factors.close();
    }
}
