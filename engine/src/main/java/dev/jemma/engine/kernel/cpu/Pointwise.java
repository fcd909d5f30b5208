package dev.jemma.engine.kernel.cpu;

import static dev.jemma.engine.kernel.cpu.Lanes.L;
import static dev.jemma.engine.kernel.cpu.Lanes.all;
import static dev.jemma.engine.kernel.cpu.Lanes.fma;
import static dev.jemma.engine.kernel.cpu.Lanes.load;
import static dev.jemma.engine.kernel.cpu.Lanes.store;

import dev.jemma.engine.kernel.AdamWStep;
import dev.jemma.engine.kernel.DropoutMask;
import dev.jemma.engine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Operations on each element by itself: tensors taken as flat arrays of f32, cut into chunks. */
final class Pointwise {
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

    private final ThreadTeam team;
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

    Pointwise(ThreadTeam team) {
        this.team = team;
    }

    void add(Tensor out, Tensor a, Tensor b) {
        s0 = out.segment();
        s1 = a.segment();
        s2 = b.segment();
        run(Operation.ADD, out);
    }

    void geglu(Tensor out, Tensor gate, Tensor up) {
        s0 = out.segment();
        s1 = gate.segment();
        s2 = up.segment();
        run(Operation.GEGLU, out);
    }

    void gegluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
        s0 = dGate.segment();
        s1 = dUp.segment();
        s2 = dOut.segment();
        s3 = gate.segment();
        s4 = up.segment();
        run(Operation.GEGLU_BACKWARD, dGate);
    }

    void softcap(Tensor x, float cap) {
        s0 = x.segment();
        f0 = cap;
        f1 = 1 / cap;
        run(Operation.SOFTCAP, x);
    }

    void dropout(Tensor out, Tensor x, float p, long newSeed) {
        s0 = out.segment();
        s1 = x.segment();
        mask(p, newSeed);
        run(Operation.DROPOUT, out);
    }

    void dropoutBackward(Tensor dX, Tensor dOut, float p, long newSeed) {
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
    void adamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step) {
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

    private void addChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            store(load(s1, 4 * i).add(load(s2, 4 * i)), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            store(load(s1, 4 * i, m).add(load(s2, 4 * i, m)), s0, 4 * i, m);
        }
    }

    private void gegluChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            store(gated(load(s1, 4 * i)).mul(load(s2, 4 * i)), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            store(gated(load(s1, 4 * i, m)).mul(load(s2, 4 * i, m)), s0, 4 * i, m);
        }
    }

    private static FloatVector gated(FloatVector gate) {
        return VectorMath.gelu(gate, VectorMath.geluGate(gate));
    }

    private void gegluBackwardChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            FloatVector g = load(s2, 4 * i);
            FloatVector gate = load(s3, 4 * i);
            FloatVector up = load(s4, 4 * i);
            FloatVector s = VectorMath.geluGate(gate);
            store(g.mul(up).mul(VectorMath.geluSlope(gate, s)), s0, 4 * i);
            store(g.mul(VectorMath.gelu(gate, s)), s1, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            FloatVector g = load(s2, 4 * i, m);
            FloatVector gate = load(s3, 4 * i, m);
            FloatVector up = load(s4, 4 * i, m);
            FloatVector s = VectorMath.geluGate(gate);
            store(g.mul(up).mul(VectorMath.geluSlope(gate, s)), s0, 4 * i, m);
            store(g.mul(VectorMath.gelu(gate, s)), s1, 4 * i, m);
        }
    }

    private void softcapChunk(long from, long to) {
        FloatVector inverse = all(f1);
        long i = from;
        for (; i + L <= to; i += L) {
            store(VectorMath.tanh(load(s0, 4 * i).mul(inverse)).mul(f0), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            store(VectorMath.tanh(load(s0, 4 * i, m).mul(inverse)).mul(f0), s0, 4 * i, m);
        }
    }

    private void dropoutChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            store(kept(load(s1, 4 * i), i), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            store(kept(load(s1, 4 * i, m), i), s0, 4 * i, m);
        }
    }

    private void dropoutBackwardChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            store(load(s0, 4 * i).add(kept(load(s1, 4 * i), i)), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.first(to - i);
            store(load(s0, 4 * i, m).add(kept(load(s1, 4 * i, m), i)), s0, 4 * i, m);
        }
    }

    /** {@link DropoutMask} for elements i .. i + L - 1, which share the upper half of their index as chunks are powers of two. */
    private FloatVector kept(FloatVector x, long i) {
        IntVector h = IntVector.broadcast(Lanes.INTS, (int) i)
                .addIndex(1)
                .mul(0x9E3779B9)
                .add((int) seed);
        h = mix(mix(h).lanewise(VectorOperators.XOR, (int) (seed >>> 32) ^ (int) (i >>> 32) * 0x85EBCA6B));
        VectorMask<Integer> keep = h.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.GE, threshold);
        return Lanes.zero().blend(x.mul(f0), keep.cast(Lanes.FLOATS));
    }

    private static IntVector mix(IntVector h) {
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16))
                .mul(0x7FEB352D);
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 15))
                .mul(0x846CA68B);
        return h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16));
    }

    private void adamWChunk(long from, long to) {
        long i = from;
        for (; i + L <= to; i += L) {
            FloatVector g = load(s1, 4 * i).mul(f0);
            FloatVector m = fma(load(s2, 4 * i), all(f1), g.mul(f2));
            FloatVector v = fma(load(s3, 4 * i), all(f3), g.mul(g).mul(f4));
            store(m, s2, 4 * i);
            store(v, s3, 4 * i);
            store(load(s0, 4 * i).mul(f5).sub(m.mul(f6).div(v.sqrt().add(epsilon))), s0, 4 * i);
        }
        if (i < to) {
            VectorMask<Float> part = Lanes.first(to - i);
            FloatVector g = load(s1, 4 * i, part).mul(f0);
            FloatVector m = fma(load(s2, 4 * i, part), all(f1), g.mul(f2));
            FloatVector v = fma(load(s3, 4 * i, part), all(f3), g.mul(g).mul(f4));
            store(m, s2, 4 * i, part);
            store(v, s3, 4 * i, part);
            store(load(s0, 4 * i, part).mul(f5).sub(m.mul(f6).div(v.sqrt().add(epsilon))), s0, 4 * i, part);
        }
    }
}
