package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * GeGLU and its backward over arrays of f32, {@code out = gelu_tanh(gate) * up}. Addresses are the caller's to check.
 */
public final class GatedUnits {
    private static final MemorySegment[] FUNCTIONS =
            available() ? CodeMemory.publish(List.of(forward(), backward())) : new MemorySegment[0];

    private GatedUnits() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** {@code out = gelu(gate) * up}; out may be gate or up. */
    public static void geglu(long out, long gate, long up, long count) {
        ShortCall.run(FUNCTIONS[0], out, gate, up, count, 0, 0);
    }

    /** {@code dGate = dOut up gelu'(gate)}, {@code dUp = dOut gelu(gate)}; either may be any of the inputs. */
    public static void gegluBackward(long dGate, long dUp, long dOut, long gate, long up, long count) {
        ShortCall.run(FUNCTIONS[1], dGate, dUp, dOut, gate, up, count);
    }

    /** {@link #geglu}. */
    static byte[] forward() {
        return Function.of((x, out, gates, ups, count, _, _) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 7);
            math.prepareGelu();
            f.forEach(count, mask -> {
                f.load(0, Floats.in(gates), mask);
                f.load(1, Floats.in(ups), mask);
                math.geluGate(2, 0);
                f.multiply(0, 0, 2);
                f.multiply(0, 0, 1);
                f.store(Floats.in(out), 0, mask);
            });
        });
    }

    /** {@link #gegluBackward}. */
    static byte[] backward() {
        return Function.of((x, dGates, dUps, dOuts, gates, ups, count) -> {
            Floats f = new Floats(x);
            Exponentials math = new Exponentials(f, 7);
            math.prepareGeluSlope();
            int dOut = 0;
            int gate = 1;
            int up = 2;
            int sigmoid = 3;
            int gelu = 4;
            int slope = 5;
            int temporary = 6;
            f.forEach(count, mask -> {
                f.load(dOut, Floats.in(dOuts), mask);
                f.load(gate, Floats.in(gates), mask);
                f.load(up, Floats.in(ups), mask);
                math.geluGate(sigmoid, gate);
                f.multiply(gelu, gate, sigmoid);
                math.geluSlope(slope, gate, sigmoid, gelu, temporary);
                f.multiply(up, dOut, up);
                f.multiply(up, up, slope);
                f.store(Floats.in(dGates), up, mask);
                f.multiply(gelu, dOut, gelu);
                f.store(Floats.in(dUps), gelu, mask);
            });
        });
    }
}
