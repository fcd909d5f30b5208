package dev.jemma.cuda;

import static dev.jemma.cuda.internal.NvrtcConstants.*;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.cuda.internal.HostSystem;
import dev.jemma.cuda.internal.Libraries;
import dev.jemma.cuda.internal.NativeLibrary;
import dev.jemma.cuda.internal.NvrtcFunctions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * NVIDIA's run-time compiler: CUDA C++ to machine code for one GPU, in tens of milliseconds and without a GPU. Results
 * are kept on disk. Holds nothing open and may be used by any thread.
 */
public final class Nvrtc {
    private final String version;
    private final List<ComputeCapability> supported;
    private final KernelCache cache;

    private Nvrtc(String version, List<ComputeCapability> supported, KernelCache cache) {
        this.version = version;
        this.supported = supported;
        this.cache = cache;
    }

    /** The compiler with the user's cache, {@code ~/.cache/jemma/kernels}. */
    public static Nvrtc open() {
        return open(HostSystem.current().cacheFolder().resolveSibling("kernels"));
    }

    /**
     * The compiler with a cache of its own.
     *
     * @throws IllegalStateException if NVRTC is not installed, with the ways to get it
     */
    public static Nvrtc open(Path cacheFolder) {
        NativeLibrary library = Libraries.nvrtc();
        if (library.path().isEmpty()) {
            throw new IllegalStateException(
                    "NVRTC was not found in " + library.attempts().size()
                            + " places ('jemma doctor' lists them): pip install nvidia-cuda-nvrtc, or install the CUDA toolkit, or name a"
                            + " folder by -D" + HostSystem.LIBRARY_PROPERTY + "=DIR");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment major = arena.allocate(JAVA_INT);
            MemorySegment minor = arena.allocate(JAVA_INT);
            check(NvrtcFunctions.nvrtcVersion(major, minor), "nvrtcVersion");
            MemorySegment count = arena.allocate(JAVA_INT);
            check(NvrtcFunctions.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
            MemorySegment numbers = arena.allocate(JAVA_INT, Math.max(1, count.get(JAVA_INT, 0)));
            check(NvrtcFunctions.nvrtcGetSupportedArchs(numbers), "nvrtcGetSupportedArchs");
            List<ComputeCapability> supported = new ArrayList<>();
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                int number = numbers.getAtIndex(JAVA_INT, i);
                supported.add(new ComputeCapability(number / 10, number % 10));
            }
            return new Nvrtc(
                    major.get(JAVA_INT, 0) + "." + minor.get(JAVA_INT, 0),
                    supported.stream().sorted().toList(),
                    new KernelCache(cacheFolder));
        }
    }

    /** The compiler's version: {@code 13.0}. */
    public String version() {
        return version;
    }

    /** Capabilities it can compile for, ascending. */
    public List<ComputeCapability> supported() {
        return supported;
    }

    /**
     * The best target for a device: machine code if this compiler knows the device, else PTX of the newest older
     * capability, which the driver translates.
     */
    public GpuTarget targetFor(ComputeCapability device) {
        if (supported.contains(device)) {
            return GpuTarget.exactly(device);
        }
        return supported.reversed().stream()
                .filter(known -> known.compareTo(device) < 0)
                .findFirst()
                .map(known -> new GpuTarget(known, GpuTarget.Form.PTX))
                .orElseThrow(() ->
                        new IllegalArgumentException("NVRTC " + version + " cannot compile for compute capability "
                                + device + ", it knows " + supported + ": use an older CUDA toolkit's NVRTC"));
    }

    /**
     * Compiles, or takes an equal result from the cache: equal source, headers, options, target and compiler version.
     *
     * @throws NvrtcException if the program has errors, or spills registers and must not
     */
    public CompiledKernels compile(KernelSource source, GpuTarget target) {
        Optional<KernelCache.Entry> stored = cache.find(key(source, target));
        return stored.map(entry -> checkSpills(source, compiled(entry, target, CompiledKernels.Origin.CACHE)))
                .orElseGet(() -> compileAfresh(source, target));
    }

    /** Compiles whatever the cache holds, and replaces what it holds. */
    CompiledKernels compileAfresh(KernelSource source, GpuTarget target) {
        KernelCache.Entry entry = run(source, target);
        CompiledKernels kernels = checkSpills(source, compiled(entry, target, CompiledKernels.Origin.COMPILER));
        cache.store(key(source, target), entry);
        return kernels;
    }

    private String key(KernelSource source, GpuTarget target) {
        return KernelCache.key(source, options(source, target), version);
    }

    /** All that the compiler is told besides the texts: the target, what is always wanted, and the source's own. */
    static List<String> options(KernelSource source, GpuTarget target) {
        List<String> options = new ArrayList<>(List.of("--gpu-architecture=" + target, "--std=c++17", "-lineinfo"));
        if (target.form() != GpuTarget.Form.PTX) {
            options.add("--ptxas-options=-v");
        }
        options.addAll(source.options());
        return options;
    }

    private static CompiledKernels compiled(KernelCache.Entry entry, GpuTarget target, CompiledKernels.Origin origin) {
        return new CompiledKernels(entry.image(), target, entry.log(), KernelUsage.parse(entry.log()), origin);
    }

    private static CompiledKernels checkSpills(KernelSource source, CompiledKernels kernels) {
        List<KernelUsage> spilling =
                kernels.usage().stream().filter(KernelUsage::spills).toList();
        if (source.spills() == KernelSource.Spills.REFUSED && !spilling.isEmpty()) {
            throw new NvrtcException(
                    NVRTC_ERROR_COMPILATION,
                    "NVRTC_ERROR_COMPILATION",
                    "compiling " + source.name() + " for " + kernels.target() + ": registers spill",
                    spilling.stream().map(KernelUsage::toString).collect(Collectors.joining(System.lineSeparator())));
        }
        return kernels;
    }

    private static KernelCache.Entry run(KernelSource source, GpuTarget target) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment program = arena.allocate(JAVA_LONG);
            MemorySegment headers = strings(arena, List.copyOf(source.headers().values()));
            MemorySegment names = strings(arena, List.copyOf(source.headers().keySet()));
            check(
                    NvrtcFunctions.nvrtcCreateProgram(
                            program,
                            arena.allocateFrom(source.text()),
                            arena.allocateFrom(source.name()),
                            source.headers().size(),
                            headers,
                            names),
                    "nvrtcCreateProgram " + source.name());
            try {
                return compile(source, target, program.get(JAVA_LONG, 0), arena);
            } finally {
                NvrtcFunctions.nvrtcDestroyProgram(program);
            }
        }
    }

    private static KernelCache.Entry compile(KernelSource source, GpuTarget target, long program, Arena arena) {
        List<String> options = options(source, target);
        boolean ptx = target.form() == GpuTarget.Form.PTX;
        int status = NvrtcFunctions.nvrtcCompileProgram(program, options.size(), strings(arena, options));
        MemorySegment size = arena.allocate(JAVA_LONG);
        check(NvrtcFunctions.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
        MemorySegment log = arena.allocate(Math.max(1, size.get(JAVA_LONG, 0)));
        check(NvrtcFunctions.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
        if (status != NVRTC_SUCCESS) {
            throw new NvrtcException(
                    status,
                    name(status),
                    "compiling " + source.name() + " for " + target,
                    withSource(log.getString(0), source));
        }
        check(
                ptx ? NvrtcFunctions.nvrtcGetPTXSize(program, size) : NvrtcFunctions.nvrtcGetCUBINSize(program, size),
                "size of the image");
        MemorySegment image = arena.allocate(size.get(JAVA_LONG, 0));
        check(
                ptx ? NvrtcFunctions.nvrtcGetPTX(program, image) : NvrtcFunctions.nvrtcGetCUBIN(program, image),
                "the image");
        return new KernelCache.Entry(image.toArray(JAVA_BYTE), log.getString(0));
    }

    /** The log with the source text under each line that names a line of the program and does not show it. */
    static String withSource(String log, KernelSource source) {
        List<String> program = source.text().lines().toList();
        Pattern place = Pattern.compile(Pattern.quote(source.name()) + "[:(](\\d+).*");
        List<String> said = log.lines().toList();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < said.size(); i++) {
            text.append(said.get(i)).append(System.lineSeparator());
            Matcher at = place.matcher(said.get(i));
            int line = at.matches() ? Integer.parseInt(at.group(1)) : 0;
            if (line < 1 || line > program.size()) {
                continue;
            }
            String shown = program.get(line - 1).strip();
            if (i + 1 == said.size() || !said.get(i + 1).contains(shown)) {
                text.append("  ").append(line).append(" | ").append(shown).append(System.lineSeparator());
            }
        }
        return text.toString();
    }

    private static MemorySegment strings(Arena arena, List<String> texts) {
        MemorySegment pointers = arena.allocate(ADDRESS, Math.max(1, texts.size()));
        for (int i = 0; i < texts.size(); i++) {
            pointers.setAtIndex(ADDRESS, i, arena.allocateFrom(texts.get(i)));
        }
        return pointers;
    }

    private static void check(int status, String operation) {
        if (status != NVRTC_SUCCESS) {
            throw new NvrtcException(status, name(status), operation, "");
        }
    }

    private static String name(int status) {
        return Driver.string(NvrtcFunctions.nvrtcGetErrorString(status));
    }
}
