package dev.jemma.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.invoke.MethodHandles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What this machine really has, each in a JVM of its own: NVIDIA's compiler, a machine without CUDA, and the
 * sanitizers.
 */
final class RealLibrariesTest {
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";

    @TempDir
    Path work;

    @Test
    @SuppressWarnings("SystemOut") // the registers of every kernel belong in the build's log
    void nvidiasCompilerTakesEveryKernelForEveryGenerationWithoutSpills() {
        ChildJvm.Result result = ChildJvm.run(Map.of(), List.of(NATIVE), RealCompiler.class, work.toString());
        assumeFalse(
                result.exit() == RealCompiler.NO_NVRTC,
                "NVRTC is not on this machine: run tests/scripts/fetch_nvrtc.sh or install a toolkit\n"
                        + result.output());
        assertThat(result.exit()).as(result.output()).isZero();
        System.out.println(result.output());
        for (String target : RealCompiler.TARGETS) {
            assertThat(result.output())
                    .containsPattern("fragments.cu " + target + " fragment_bf16: \\d+ registers, 0 bytes spilled");
        }
        assertThat(result.output())
                .containsPattern("refused: compiling spilling.cu for sm_90a: registers spill: .*\\R"
                        + "spilling: 32 registers, [1-9]\\d* bytes spilled")
                .containsPattern("refused: compiling wrong.cu for sm_90a: NVRTC_ERROR_COMPILATION \\(6\\)")
                .containsPattern("wrong.cu\\(2\\): error: .*nothing.*")
                .containsOnlyOnce("extern \"C\" __global__ void wrong(int* x) { x[0] = nothing; }");
    }

    @Test
    void cublasLtTakesEveryAttributeThatAPlanSets() {
        ChildJvm.Result result = ChildJvm.run(Map.of(), List.of(NATIVE), RealCublasLt.class);
        assumeFalse(
                result.exit() == RealCublasLt.NO_CUBLAS,
                "cuBLASLt is not on this machine: run tests/scripts/fetch_nvrtc.sh --cublas or install a toolkit\n"
                        + result.output());
        assertThat(result.output()).startsWith("cuBLASLt ");
        assertThat(result.exit()).as(result.output()).isZero();
    }

    @Test
    void aMachineWithoutCudaGetsReasonsAndNoStackTrace() {
        ChildJvm.Result result = ChildJvm.run(Map.of(), List.of(NATIVE), Probe.class);
        assumeFalse(result.output().startsWith("available"), "this machine has CUDA");
        assertThat(result.exit()).as(result.output()).isZero();
        assertThat(result.output())
                .contains("CUDA driver: libcuda.so.1: ")
                .contains("CUDA driver: ")
                .doesNotContain("Exception")
                .doesNotContain("\tat ");
    }

    @Test
    void withoutNativeAccessTheFlagIsNamed() {
        ChildJvm.Result result = ChildJvm.run(Map.of(), List.of("--illegal-native-access=deny"), Probe.class);
        assertThat(result.output())
                .contains("--enable-native-access=dev.jemma.cuda")
                .doesNotContain("\tat ");
    }

    @Test
    void theSanitizersRunInsideTheJvm() {
        assumeTrue(
                "true".equals(System.getenv("CI")) || Boolean.getBoolean("jemma.cuda.sanitize"),
                "a build of some fifteen seconds: with CI=true or -Djemma.cuda.sanitize=true");
        String folder = StandIn.build(StandIn.Build.SANITIZED).toString();
        String asan = StandIn.run(List.of("g++", "-print-file-name=libasan.so")).strip();
        assumeTrue(Files.exists(Path.of(asan)), "g++ has no address sanitizer here");
        ChildJvm.Result result = ChildJvm.run(
                Map.of(
                        "LD_PRELOAD",
                        asan,
                        "ASAN_OPTIONS",
                        "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:detect_stack_use_after_return=0"
                                + ":use_sigaltstack=0:allow_user_segv_handler=1"),
                List.of(NATIVE, "-Djemma.cuda.lib.dir=" + folder),
                Sanitized.class,
                work.toString());
        assertThat(result.output()).contains("misaligned address").contains("planted.cu");
    }

    @Test
    void theProgramThatMeasuresAGpuRunsOnTheStandIn() {
        String folder = StandIn.build(StandIn.Build.PLAIN).toString();
        ChildJvm.Result result = ChildJvm.run(
                Map.of(), List.of(NATIVE, "-Djemma.cuda.lib.dir=" + folder), GpuFigures.class, "measure", "small");
        assertThat(result.exit()).as(result.output()).isZero();
        assertThat(result.output())
                .contains("| each kernel in a graph of 5 |")
                .contains("| copy on the device, read and written |")
                .contains("| cublasLt bf16 64 |");
    }

    /** Prints what a probe finds. */
    static final class Probe {
        public static void main(String[] arguments) {
            switch (Cuda.probe()) {
                case Cuda.Available available -> print("available " + available);
                case Cuda.Unavailable none -> print(String.join("\n", none.reasons()) + "\n" + none.cure());
            }
        }

        @SuppressWarnings("SystemOut")
        private static void print(String text) {
            System.out.println(text);
        }
    }

    /** Runs a kernel with a misaligned access; the sanitizer says where. */
    static final class Sanitized {
        record OneBuffer(DeviceBuffer x) {}

        public static void main(String[] arguments) {
            try (CudaContext context = StandIn.open();
                    CudaStream stream = context.stream();
                    CudaModule module = CudaModule.compile(
                            context, Nvrtc.open(Path.of(arguments[0])), StandIn.kernels("planted.cu"));
                    DeviceBuffer x = context.allocate(512)) {
                module.kernel(MethodHandles.lookup(), "misaligned", OneBuffer.class)
                        .launch(stream, LaunchShape.covering(1, 1), new OneBuffer(x));
                stream.synchronize();
            }
        }
    }
}
