package dev.jemma.engine.kernel.cpu.code;

import dev.jemma.engine.kernel.cpu.code.x86.CodeMemory;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.engine.kernel.cpu.code.x86.Function;
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

    /** {@link #scaled(DType, long, long, long, float)}. */
    static byte[] scaled(DType type) {
        return Function.of((x, from, to, count, factor, _, _) -> {
            Floats f = new Floats(x);
            int scale = f.argument(factor);
            f.forEach(count, mask -> {
                load(f, type, from, mask);
                f.multiply(0, 0, scale);
                f.store(Floats.in(to), 0, mask);
            });
        });
    }

    /** {@link #onePlus(DType, long, long, long)}. */
    static byte[] onePlus(DType type) {
        return Function.of((x, from, to, count, _, _, _) -> {
            Floats f = new Floats(x);
            int one = f.constant(1);
            f.forEach(count, mask -> {
                load(f, type, from, mask);
                f.add(0, one, 0);
                f.store(Floats.in(to), 0, mask);
            });
        });
    }

    private static void load(Floats f, DType type, Gp from, int mask) {
        if (type == DType.BF16) {
            f.loadBf16(0, from, mask);
        } else {
            f.load(0, Floats.in(from), mask);
        }
    }
}
