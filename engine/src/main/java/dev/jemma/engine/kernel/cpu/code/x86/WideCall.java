package dev.jemma.engine.kernel.cpu.code.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.stream.Stream;

/** What {@link ShortCall} is, for functions of eleven longs: six in registers, five on the stack. */
public final class WideCall {
    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(
                    FunctionDescriptor.ofVoid(Stream.generate(() -> ValueLayout.JAVA_LONG)
                            .limit(11)
                            .toArray(ValueLayout.OfLong[]::new)),
                    Linker.Option.critical(false));

    private WideCall() {}

    /** Calls the function. */
    public static void run(
            MemorySegment function,
            long a,
            long b,
            long c,
            long d,
            long e,
            long f,
            long g,
            long h,
            long i,
            long j,
            long k) {
        try {
            CALL.invokeExact(function, a, b, c, d, e, f, g, h, i, j, k);
        } catch (Throwable thrown) {
            throw new IllegalStateException("machine code threw", thrown);
        }
    }
}
