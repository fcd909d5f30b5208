package dev.jemma.cuda.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;

/**
 * Opens shared libraries so that a refusal keeps its reason. {@link SymbolLookup#libraryLookup} says only that a
 * library cannot be opened; {@code dlerror} says whether a file is absent, built for another machine or lacks a library
 * of its own. Libraries stay loaded for the life of the process, because handles and running kernels point into them.
 */
final class DynamicLoader {
    /** What opening a library gave. */
    sealed interface Result {}

    /** The library's symbols. */
    record Opened(SymbolLookup symbols) implements Result {}

    /** The system loader's reason. */
    record Refused(String reason) implements Result {}

    private static final int RTLD_NOW = 2;
    private static final boolean WINDOWS =
            System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");

    private DynamicLoader() {}

    static Result open(String file) {
        return WINDOWS ? byJdk(file) : Posix.open(file);
    }

    @SuppressWarnings("restricted")
    private static Result byJdk(String file) {
        try {
            return new Opened(SymbolLookup.libraryLookup(file, Arena.global()));
        } catch (IllegalArgumentException e) {
            return new Refused("the system loader refuses it: " + e.getMessage());
        }
    }

    /** dlopen, dlsym and dlerror of the C library; initialised only where they exist. */
    @SuppressWarnings("restricted")
    private static final class Posix {
        private static final Linker LINKER = Linker.nativeLinker();

        private static final MethodHandle OPEN = function("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
        private static final MethodHandle SYMBOL = function("dlsym", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
        private static final MethodHandle ERROR = function("dlerror", FunctionDescriptor.of(ADDRESS));

        private static MethodHandle function(String name, FunctionDescriptor descriptor) {
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor);
        }

        static Result open(String file) {
            try (Arena arena = Arena.ofConfined()) {
                lastError(); // the message is kept for each thread until read: forget an older one
                MemorySegment handle = dlopen(arena.allocateFrom(file), RTLD_NOW);
                return handle.address() == 0 ? new Refused(lastError()) : new Opened(name -> symbol(handle, name));
            }
        }

        private static Optional<MemorySegment> symbol(MemorySegment library, String name) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment address = dlsym(library, arena.allocateFrom(name));
                return address.address() == 0 ? Optional.empty() : Optional.of(address);
            }
        }

        private static String lastError() {
            MemorySegment text = dlerror();
            return text.address() == 0
                    ? "dlopen failed and gave no reason"
                    : text.reinterpret(Long.MAX_VALUE).getString(0);
        }

        /** {@code void *dlopen(const char *filename, int flags)} */
        private static MemorySegment dlopen(MemorySegment file, int flags) {
            try {
                return (MemorySegment) OPEN.invokeExact(file, flags);
            } catch (Throwable t) {
                throw NativeLibrary.unexpected(t);
            }
        }

        /** {@code void *dlsym(void *handle, const char *symbol)} */
        private static MemorySegment dlsym(MemorySegment library, MemorySegment name) {
            try {
                return (MemorySegment) SYMBOL.invokeExact(library, name);
            } catch (Throwable t) {
                throw NativeLibrary.unexpected(t);
            }
        }

        /** {@code char *dlerror(void)} */
        private static MemorySegment dlerror() {
            try {
                return (MemorySegment) ERROR.invokeExact();
            } catch (Throwable t) {
                throw NativeLibrary.unexpected(t);
            }
        }
    }
}
