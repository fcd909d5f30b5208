package dev.jemma.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.HostSystem;
import dev.jemma.cuda.internal.Libraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The CUDA libraries of a test: a shared library that runs kernels on the CPU, built by g++ from {@code src/test/cuda}
 * into {@code target}, once for each state of its sources. Tests without g++ are skipped; with {@code CI=true} they
 * fail. With {@code -Djemma.test.gpu=true} the machine's own libraries are used instead, and tests that need the
 * stand-in's controls are skipped.
 */
public final class StandIn implements BeforeAllCallback, BeforeEachCallback {
    /** Sources, beside the kernels of tests. */
    public static final Path SOURCES = Path.of("src", "test", "cuda");

    private static final List<String> UNITS =
            List.of("machine.cpp", "driver.cpp", "memory.cpp", "streams.cpp", "nvrtc.cpp", "cublas.cpp");
    private static final List<String> NAMES =
            List.of("libcuda.so.1", "libcublasLt.so.13", "libcublas.so.13", "libnvrtc.so.13");

    /** How it is compiled. */
    public enum Build {
        /** Optimised. */
        PLAIN,
        /** With the address and undefined-behaviour sanitizers, which must be loaded before the JVM. */
        SANITIZED
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        if (realGpu()) {
            return;
        }
        Path folder = build(Build.PLAIN);
        System.setProperty(HostSystem.LIBRARY_PROPERTY, folder.toString());
        String loaded = Libraries.driver().path().orElse("nothing");
        if (!loaded.equals(folder.resolve(NAMES.getFirst()).toString())) {
            throw new IllegalStateException("this JVM looked for CUDA before the stand-in was set and found " + loaded
                    + ": run the tests of dev.jemma.cuda in a JVM of their own");
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        if (!realGpu()) {
            set("seed", 1);
            set("order", 2);
            set("memory", 1L << 30);
            set("devices", 1);
            set("capability", 90);
            invokeClear();
        }
    }

    /** Whether the tests run on a GPU. */
    public static boolean realGpu() {
        return Boolean.getBoolean("jemma.test.gpu");
    }

    /** Skips a test that is about the stand-in itself. */
    public static void require() {
        Assumptions.assumeFalse(realGpu(), "about the stand-in, not about a GPU");
    }

    /** The first device, opened on this thread. */
    public static CudaContext open() {
        return CudaContext.open(Cuda.require().device(0));
    }

    /** The run-time compiler with a cache that lives as long as the stand-in's sources stay the same. */
    public static Nvrtc compiler() {
        Path cache = realGpu()
                ? Path.of("target", "cuda-kernels")
                : folder(Build.PLAIN).resolve("kernels");
        return Nvrtc.open(cache);
    }

    /** A program of {@code src/test/cuda/kernels}, with the intrinsics at hand. */
    public static KernelSource kernels(String file) {
        try {
            String text = Files.readString(SOURCES.resolve("kernels").resolve(file));
            return KernelSource.of(file, text).withIntrinsics();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Builds it if its sources have changed, and gives the folder with the libraries. */
    public static synchronized Path build(Build build) {
        Path folder = folder(build);
        if (Files.exists(folder.resolve(NAMES.getLast()))) {
            return folder;
        }
        requireCompiler();
        try {
            Path work = Files.createDirectories(folder);
            List<String> command = new ArrayList<>(List.of(
                    "g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs", "-w"));
            if (build == Build.SANITIZED) {
                command.addAll(List.of("-g", "-O0", "-fsanitize=address,undefined"));
                command.remove("-Wl,-z,defs"); // the sanitizer's own symbols come with the process
            }
            Path library = work.resolve("standin.so");
            command.addAll(List.of("-o", library.toString()));
            UNITS.forEach(unit -> command.add(SOURCES.resolve(unit).toString()));
            command.add("-ldl");
            run(command);
            Files.copy(SOURCES.resolve("device.h"), work.resolve("device.h"), StandardCopyOption.REPLACE_EXISTING);
            for (String name : NAMES) { // one file: the loader takes links to it for the same library
                Files.deleteIfExists(work.resolve(name));
                Files.createSymbolicLink(work.resolve(name), library.getFileName());
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void requireCompiler() {
        boolean found = false;
        try {
            found = new ProcessBuilder("g++", "--version")
                            .redirectErrorStream(true)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            found = false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        String reason = "the CUDA stand-in is built by g++, which is not installed ('apt install g++')";
        if (!found && "true".equals(System.getenv("CI"))) {
            throw new IllegalStateException(reason);
        }
        Assumptions.assumeTrue(found, reason);
    }

    private static Path folder(Build build) {
        try (Stream<Path> files = Files.list(SOURCES)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                digest.update(Files.readAllBytes(file));
            }
            String hash = HexFormat.of().formatHex(digest.digest()).substring(0, 16);
            return Path.of("target", "cuda-standin", build.name().toLowerCase(Locale.ROOT) + "-" + hash)
                    .toAbsolutePath();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every Java platform has SHA-256", e);
        }
    }

    /** Runs a command and gives its output; fails with the output if the command does. */
    public static String run(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int code = process.waitFor();
            if (code != 0) {
                throw new IllegalStateException(String.join(" ", command) + " ended with " + code + ":\n" + output);
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    // ---- the stand-in's controls

    private static MethodHandle control(String name, FunctionDescriptor descriptor) {
        SymbolLookup library =
                SymbolLookup.libraryLookup(folder(Build.PLAIN).resolve(NAMES.getFirst()), Arena.global());
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
    }

    /**
     * Sets {@code seed}, {@code order} (0 lazy, 1 others first, 2 mixed), {@code memory}, {@code devices} or
     * {@code capability}.
     */
    public static void set(String key, long value) {
        try (Arena arena = Arena.ofConfined()) {
            control("standin_set", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG))
                    .invokeExact(arena.allocateFrom(key), value);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** Lets the {@code after}-th call from now of a C function return {@code status}. */
    public static void fail(String function, int status, int after) {
        try (Arena arena = Arena.ofConfined()) {
            control("standin_fail", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, JAVA_INT))
                    .invokeExact(arena.allocateFrom(function), status, after);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** What it has found so far, a line each. */
    public static String report() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(64 * 1024);
            long bytes = (long) control("standin_report", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG))
                    .invokeExact(text, text.byteSize());
            return bytes == 0 ? "" : text.getString(0);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static void invokeClear() {
        try {
            control("standin_clear", FunctionDescriptor.ofVoid()).invokeExact();
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }
}
