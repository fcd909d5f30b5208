package dev.jemma.cuda.internal;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A library that was found, or the account of the search for one that was not. Either way {@link #function} gives a
 * handle of the right type, so that classes of bindings load on any machine: the handle of a symbol that does not exist
 * throws {@link UnsupportedOperationException} when it is called, with the reason and the cure.
 */
public final class NativeLibrary {
    private final String title;
    private final Optional<String> path;
    private final SymbolLookup symbols;
    private final List<Attempt> attempts;

    private NativeLibrary(String title, Optional<String> path, SymbolLookup symbols, List<Attempt> attempts) {
        this.title = title;
        this.path = path;
        this.symbols = symbols;
        this.attempts = List.copyOf(attempts);
    }

    static NativeLibrary found(String title, String path, SymbolLookup symbols, List<Attempt> attempts) {
        return new NativeLibrary(title, Optional.of(path), symbols, attempts);
    }

    static NativeLibrary missing(String title, List<Attempt> attempts) {
        return new NativeLibrary(title, Optional.empty(), name -> Optional.empty(), attempts);
    }

    /** What the library is, in words: {@code CUDA driver}, {@code NVRTC}. */
    public String title() {
        return title;
    }

    /** The file or name it was loaded by; empty if no place had it. */
    public Optional<String> path() {
        return path;
    }

    /** Every place looked at, in order; the last one is the one taken, if any was. */
    public List<Attempt> attempts() {
        return attempts;
    }

    /** Whether the library exports {@code symbol}. */
    public boolean has(String symbol) {
        return symbols.find(symbol).isPresent();
    }

    /** A handle of a C function that every supported version has. */
    MethodHandle function(String symbol, MemoryLayout result, MemoryLayout... parameters) {
        return bind(symbol, "", result, parameters);
    }

    /** A handle of a C function that came with CUDA version {@code since}; older libraries load without it. */
    MethodHandle since(String since, String symbol, MemoryLayout result, MemoryLayout... parameters) {
        return bind(symbol, "; it came with CUDA " + since, result, parameters);
    }

    @SuppressWarnings("restricted")
    private MethodHandle bind(String symbol, String since, MemoryLayout result, MemoryLayout... parameters) {
        FunctionDescriptor descriptor = FunctionDescriptor.of(result, parameters);
        Optional<MemorySegment> address = symbols.find(symbol);
        if (address.isPresent()) {
            return Linker.nativeLinker().downcallHandle(address.get(), descriptor);
        }
        String reason = path.map(file -> symbol + " is not in " + file + since + ": install a newer " + title)
                .orElse(symbol + " cannot be called: no " + title + " was found");
        return throwing(descriptor.toMethodType(), () -> new UnsupportedOperationException(reason));
    }

    private static MethodHandle throwing(MethodType type, Supplier<RuntimeException> failure) {
        try {
            MethodHandle make = MethodHandles.lookup()
                    .findVirtual(Supplier.class, "get", MethodType.methodType(Object.class))
                    .bindTo(failure)
                    .asType(MethodType.methodType(RuntimeException.class));
            MethodHandle raise = MethodHandles.throwException(type.returnType(), RuntimeException.class);
            return MethodHandles.dropArguments(MethodHandles.foldArguments(raise, make), 0, type.parameterList());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("Supplier.get is missing", e);
        }
    }

    /** For the catch clause around {@code invokeExact}: unchecked exceptions and errors go on as they are. */
    static RuntimeException unexpected(Throwable t) {
        if (t instanceof RuntimeException e) {
            return e;
        }
        if (t instanceof Error e) {
            throw e;
        }
        throw new LinkageError("a downcall threw a checked exception", t);
    }
}
