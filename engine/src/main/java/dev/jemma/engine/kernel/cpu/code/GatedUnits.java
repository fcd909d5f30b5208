package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** GeGLU and its backward over arrays of f32, {@code out = gelu_tanh(gate) * up}. Addresses are the caller's to check. */
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

    /** {@code void geglu(out, gate, up, count)}. */
    static byte[] forward() {
        Floats f = new Floats(new Assembler());
        Exponentials math = new Exponentials(f, 7);
        math.prepareGelu();
        f.forEach(Gp.RCX, mask -> {
            f.load(0, Floats.in(Gp.RSI), mask);
            f.load(1, Floats.in(Gp.RDX), mask);
            math.geluGate(2, 0);
            f.multiply(0, 0, 2);
            f.multiply(0, 0, 1);
            f.store(Floats.in(Gp.RDI), 0, mask);
        });
        return f.finish();
    }

    /** {@code void gegluBackward(dGate, dUp, dOut, gate, up, count)}. */
    static byte[] backward() {
        Floats f = new Floats(new Assembler());
        Exponentials math = new Exponentials(f, 7);
        math.prepareGeluSlope();
        int dOut = 0;
        int gate = 1;
        int up = 2;
        int sigmoid = 3;
        int gelu = 4;
        int slope = 5;
        int temporary = 6;
        f.forEach(Gp.R9, mask -> {
            f.load(dOut, Floats.in(Gp.RDX), mask);
            f.load(gate, Floats.in(Gp.RCX), mask);
            f.load(up, Floats.in(Gp.R8), mask);
            math.geluGate(sigmoid, gate);
            f.multiply(gelu, gate, sigmoid);
            math.geluSlope(slope, gate, sigmoid, gelu, temporary);
            f.multiply(up, dOut, up);
            f.multiply(up, up, slope);
            f.store(Floats.in(Gp.RDI), up, mask);
            f.multiply(gelu, dOut, gelu);
            f.store(Floats.in(Gp.RSI), gelu, mask);
        });
        return f.finish();
    }
}
