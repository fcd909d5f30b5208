package dev.jemma.engine.kernel.cpu.code.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/**
 * Functions of machine code in memory that was written first and made executable, no longer writable, afterwards. They
 * stay for the life of the process: method handles that call them are constants of classes.
 */
public final class CodeMemory {
    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final long PAGE = 4096;
    private static final long ALIGNMENT = 64;
    private static final long MAP_FAILED = -1;

    private CodeMemory() {}

    /**
     * Why this process cannot hold such functions; empty if it can: on Linux on x86-64, with native access for this
     * module.
     */
    static Optional<String> obstacle() {
        String os = System.getProperty("os.name");
        String arch = System.getProperty("os.arch");
        if (!os.startsWith("Linux") || !(arch.equals("amd64") || arch.equals("x86_64"))) {
            return Optional.of("machine code is written for Linux on x86-64, not for " + os + " on " + arch);
        }
        Module module = CodeMemory.class.getModule();
        return module.isNativeAccessEnabled()
                ? Optional.empty()
                : Optional.of("machine code needs --enable-native-access="
                        + (module.isNamed() ? module.getName() : "ALL-UNNAMED"));
    }

    /**
     * Makes functions callable.
     *
     * @return their addresses, in order
     * @throws UnsupportedOperationException if the system does not give executable memory, as hardened ones do not
     */
    public static MemorySegment[] publish(List<byte[]> functions) {
        long bytes = 0;
        for (byte[] function : functions) {
            bytes += room(function);
        }
        bytes = Math.ceilDiv(Math.max(bytes, 1), PAGE) * PAGE;
        MemorySegment region = map(bytes);
        MemorySegment[] entries = new MemorySegment[functions.size()];
        long at = 0;
        for (int i = 0; i < entries.length; i++) {
            byte[] function = functions.get(i);
            MemorySegment.copy(function, 0, region, ValueLayout.JAVA_BYTE, at, function.length);
            entries[i] = region.asSlice(at, function.length);
            at += room(function);
        }
        protect(region);
        return entries;
    }

    /** Bytes up to where the next function begins. */
    private static long room(byte[] function) {
        return Math.ceilDiv(function.length, ALIGNMENT) * ALIGNMENT;
    }

    /** {@code void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)}. */
    private static MemorySegment map(long bytes) {
        MethodHandle mmap = system(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        MemorySegment region;
        try {
            region = (MemorySegment)
                    mmap.invokeExact(MemorySegment.NULL, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0L);
        } catch (Throwable e) {
            throw new IllegalStateException("mmap", e);
        }
        if (region.address() == MAP_FAILED) {
            throw new UnsupportedOperationException("the system gave no " + bytes + " bytes for machine code");
        }
        return region.reinterpret(bytes);
    }

    /** {@code int mprotect(void *addr, size_t len, int prot)}. */
    private static void protect(MemorySegment region) {
        MethodHandle mprotect = system(
                "mprotect",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        int status;
        try {
            status = (int) mprotect.invokeExact(region, region.byteSize(), READ | EXECUTE);
        } catch (Throwable e) {
            throw new IllegalStateException("mprotect", e);
        }
        if (status != 0) {
            throw new UnsupportedOperationException(
                    "the system lets no memory be made executable (mprotect failed), as hardened kernels do");
        }
    }

    private static MethodHandle system(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        return linker.downcallHandle(lookup.findOrThrow(name), descriptor);
    }
}
