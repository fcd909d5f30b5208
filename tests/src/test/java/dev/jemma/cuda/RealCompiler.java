package dev.jemma.cuda;

import dev.jemma.cuda.internal.Libraries;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Compiles every kernel of the tests by the NVRTC of this machine through the bindings, for five generations of GPUs,
 * and prints what each kernel needs; then shows that a kernel that spills and one that is wrong are refused. A program
 * of its own, because a process has one NVRTC and that of the tests is the stand-in's. Exit 0: all as it should be; 1:
 * a kernel did not compile, or spilled; 3: there is no NVRTC here.
 */
public final class RealCompiler {
    /** Exit code for a machine without NVRTC. */
    public static final int NO_NVRTC = 3;

    /** Ampere, its consumer cards, Ada, Hopper with its own instructions, and the consumer Blackwells. */
    public static final List<String> TARGETS = List.of("sm_80", "sm_86", "sm_89", "sm_90a", "sm_120");

    private static final KernelSource SPILLING =
            KernelSource.of("spilling.cu", """
                    extern "C" __global__ void spilling(const float* x, float* y) {
                      float v[96];
                      for (int i = 0; i < 96; i++) v[i] = x[i * blockDim.x + threadIdx.x];
                      __syncthreads();
                      float sum = 0;
                      for (int i = 0; i < 96; i++) sum += v[i] * v[95 - i] + v[(7 * i) % 96];
                      for (int i = 0; i < 96; i++) y[i * blockDim.x + threadIdx.x] = v[i] * sum;
                    }
                    """).withOption("--maxrregcount=32").with(KernelSource.Spills.REFUSED);

    private static final KernelSource WRONG =
            KernelSource.of("wrong.cu", "\nextern \"C\" __global__ void wrong(int* x) { x[0] = nothing; }\n");

    private RealCompiler() {}

    /** {@code RealCompiler CACHE_FOLDER}, in the folder {@code tests}. */
    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) throws IOException {
        PrintStream out = System.out;
        if (Libraries.nvrtc().path().isEmpty()) {
            out.println(LibraryReport.of(Libraries.nvrtc(), Optional.empty()));
            System.exit(NO_NVRTC);
        }
        Nvrtc nvrtc = Nvrtc.open(Path.of(arguments[0]));
        out.println("NVRTC " + nvrtc.version() + " " + Libraries.nvrtc().path().orElseThrow());
        try (Stream<Path> files = Files.list(StandIn.SOURCES.resolve("kernels"))) {
            for (Path file : files.sorted().toList()) {
                KernelSource source =
                        StandIn.kernels(file.getFileName().toString()).with(KernelSource.Spills.REFUSED);
                for (String target : TARGETS) {
                    CompiledKernels kernels = nvrtc.compileAfresh(source, GpuTarget.parse(target));
                    for (KernelUsage usage : kernels.usage()) {
                        out.println(file.getFileName() + " " + target + " " + usage);
                    }
                }
            }
        } catch (NvrtcException e) {
            out.println(e.getMessage());
            System.exit(1);
        }
        refuse(nvrtc, SPILLING, out);
        refuse(nvrtc, WRONG, out);
    }

    private static void refuse(Nvrtc nvrtc, KernelSource source, PrintStream out) {
        try {
            CompiledKernels kernels = nvrtc.compileAfresh(source, GpuTarget.parse("sm_90a"));
            out.println("not refused: " + source.name() + " " + kernels);
        } catch (NvrtcException e) {
            out.println("refused: " + e.getMessage());
        }
    }
}
