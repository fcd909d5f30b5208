package dev.jemma.engine.kernel.cpu.code.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.stream.Stream;

/**
 * Calls functions of machine code that end within microseconds, so that no thread waits for them at a safepoint. They
 * take eight longs, used or not, because every shape of call that a process links costs it milliseconds: six in
 * registers and two on the stack, which {@link Function} gives names. {@link WideCall} is for what needs more.
 */
public final class ShortCall {
    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            Stream.generate(() -> ValueLayout.JAVA_LONG)
                                    .limit(8)
                                    .toArray(ValueLayout.OfLong[]::new)),
                    Linker.Option.critical(false));

    private ShortCall() {}

    /** What the function leaves in RAX, if anything. */
    public static long run(MemorySegment function, long a, long b, long c, long d, long e, long f, long g, long h) {
        try {
            return (long) CALL.invokeExact(function, a, b, c, d, e, f, g, h);
        } catch (Throwable thrown) {
            throw new IllegalStateException("machine code threw", thrown);
        }
    }

    /** The same for a function of six arguments or fewer. */
    public static long run(MemorySegment function, long a, long b, long c, long d, long e, long f) {
        return run(function, a, b, c, d, e, f, 0, 0);
    }

    /** Two floats in one argument: {@code first} is at its address, {@code second} four bytes behind. */
    public static long pair(float first, float second) {
        return bits(second) << 32 | bits(first);
    }

    /** A float as the lower half of an argument. */
    public static long bits(float value) {
        return Float.floatToRawIntBits(value) & 0xFFFF_FFFFL;
    }
}
