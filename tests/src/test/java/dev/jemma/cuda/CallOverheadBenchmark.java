package dev.jemma.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.DeviceFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does a driver call cost through our handles, beside the same call in a loop in C? The driver is the stand-in,
 * whose {@code cuGetErrorName} is a table look-up and nothing else; aim: within 10 ns of C.
 *
 * <p>Recipe, in the folder {@code tests} after {@code ../mvnw test-compile}: {@code java
 * --enable-native-access=ALL-UNNAMED -cp CLASSPATH org.openjdk.jmh.Main CallOverhead}. A row of {@code fromC} is the
 * time of one call inside a C loop of {@value #LOOP}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class CallOverheadBenchmark {
    private static final int LOOP = 10_000;

    private static final String C_LOOP = """
            extern "C" int cuGetErrorName(int, const char**);
            extern "C" long loop(int (*f)(int, const char**), long n) {
              const char* text; long sum = 0;
              for (long i = 0; i < n; i++) sum += f(0, &text);
              return sum;
            }
            """;

    private final MemorySegment text = Arena.global().allocate(JAVA_LONG);
    private MethodHandle loop = MethodHandles.empty(MethodType.methodType(long.class, MemorySegment.class, long.class));
    private MemorySegment function = MemorySegment.NULL;

    /** Builds the stand-in and the loop. */
    @Setup
    public void build() throws Exception {
        Path folder = StandIn.build(StandIn.Build.PLAIN);
        System.setProperty("jemma.cuda.lib.dir", folder.toString());
        Path source = Files.writeString(folder.resolve("loop.cpp"), C_LOOP);
        Path library = folder.resolve("loop.so");
        StandIn.run(List.of("g++", "-O2", "-shared", "-fPIC", "-o", library.toString(), source.toString()));
        SymbolLookup driver = SymbolLookup.libraryLookup(folder.resolve("libcuda.so.1"), Arena.global());
        function = driver.findOrThrow("cuGetErrorName");
        loop = Linker.nativeLinker()
                .downcallHandle(
                        SymbolLookup.libraryLookup(library, Arena.global()).findOrThrow("loop"),
                        FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG));
    }

    /** One call through the bindings. */
    @Benchmark
    public int throughTheBindings() {
        return DeviceFunctions.cuGetErrorName(0, text);
    }

    /** One call in a C loop. */
    @Benchmark
    @OperationsPerInvocation(LOOP)
    public long fromC() throws Throwable {
        return (long) loop.invokeExact(function, (long) LOOP);
    }
}
