package dev.jemma.engine.kernel.cpu.code.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.stream.Stream;

/**
 * Calls functions of machine code that read many rows of memory, which may have to come from a file: unlike
 * {@link ShortCall}'s, others reach a safepoint while they run. All take six longs, in registers, which
 * {@link Function} gives names.
 */
public final class StreamCall {
    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(FunctionDescriptor.ofVoid(
                    Stream.generate(() -> ValueLayout.JAVA_LONG).limit(6).toArray(ValueLayout.OfLong[]::new)));

    private StreamCall() {}

    /** Calls the function. */
    public static void run(MemorySegment function, long a, long b, long c, long d, long e, long f) {
        try {
            CALL.invokeExact(function, a, b, c, d, e, f);
        } catch (Throwable thrown) {
            throw new IllegalStateException("machine code threw", thrown);
        }
    }
}
