package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.Assembler;
import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Gp;
import dev.jemma.engine.kernel.cpu.code.x86.ShortCall;
import dev.jemma.engine.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Rows of bf16 or f32 weights on their way to f32. Addresses are the caller's to check. */
public final class Widening {
    private static final MemorySegment[] FUNCTIONS = available()
            ? CodeMemory.publish(
                    List.of(scaled(DType.BF16), onePlus(DType.BF16), scaled(DType.F32), onePlus(DType.F32)))
            : new MemorySegment[0];

    private Widening() {}

    /** Whether this machine can run them. */
    public static boolean available() {
        return CpuFeatures.ofThisMachine().avx512();
    }

    /** Whether there is a function for the type. */
    public static boolean takes(DType type) {
        return available() && (type == DType.BF16 || type == DType.F32);
    }

    /** {@code to = scale * from}. */
    public static void scaled(DType type, long from, long to, long count, float scale) {
        ShortCall.run(FUNCTIONS[index(type)], from, to, count, ShortCall.bits(scale), 0, 0);
    }

    /** {@code to = 1 + from}. */
    public static void onePlus(DType type, long from, long to, long count) {
        ShortCall.run(FUNCTIONS[index(type) + 1], from, to, count, 0, 0, 0);
    }

    private static int index(DType type) {
        return switch (type) {
            case BF16 -> 0;
            case F32 -> 2;
            default -> throw new IllegalArgumentException(type + ", wanted BF16 or F32");
        };
    }

    /** {@code void scaled(from, to, count, scale)}. */
    static byte[] scaled(DType type) {
        Floats f = new Floats(new Assembler());
        int scale = f.argument(Gp.RCX);
        f.forEach(Gp.RDX, mask -> {
            load(f, type, mask);
            f.multiply(0, 0, scale);
            f.store(Floats.in(Gp.RSI), 0, mask);
        });
        return f.finish();
    }

    /** {@code void onePlus(from, to, count)}. */
    static byte[] onePlus(DType type) {
        Floats f = new Floats(new Assembler());
        int one = f.constant(1);
        f.forEach(Gp.RDX, mask -> {
            load(f, type, mask);
            f.add(0, one, 0);
            f.store(Floats.in(Gp.RSI), 0, mask);
        });
        return f.finish();
    }

    private static void load(Floats f, DType type, int mask) {
        if (type == DType.BF16) {
            f.loadBf16(0, Gp.RDI, mask);
        } else {
            f.load(0, Floats.in(Gp.RDI), mask);
        }
    }
}
