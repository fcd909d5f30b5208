package dev.jemma.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(StandIn.class)
final class NvrtcTest {
    private static final GpuTarget SM_90 = GpuTarget.parse("sm_90");
    private static final KernelSource ONE = KernelSource.of(
                    "one.cu", "extern \"C\" __global__ void one(int* x) { x[0] = ONE; }")
            .define("ONE", 1);

    @TempDir
    Path cache;

    @Test
    void errorsShowFileLineAndSource() {
        NvrtcException failure = catchThrowableOfType(
                NvrtcException.class,
                () -> Nvrtc.open(cache)
                        .compile(
                                KernelSource.of(
                                        "bad.cu", "\nextern \"C\" __global__ void f(int* x) { x[0] = nothing; }"),
                                SM_90));
        assertThat(failure.getMessage()).startsWith("compiling bad.cu for sm_90: NVRTC_ERROR_COMPILATION (6)");
        assertThat(failure.log()).containsPattern("bad.cu[:(]2.*error.*nothing").contains("x[0] = nothing;");
    }

    @Test
    void theSourceIsShownUnderTheLinesOfALogThatDoNotShowIt() {
        KernelSource source = KernelSource.of("bad.cu", "first\n  second();\nthird");
        assertThat(Nvrtc.withSource(
                                "bad.cu(2): error: identifier \"second\" is undefined\nother.h(1): warning\nbad.cu(99): odd\n",
                                source)
                        .lines())
                .containsExactly(
                        "bad.cu(2): error: identifier \"second\" is undefined",
                        "  2 | second();",
                        "other.h(1): warning",
                        "bad.cu(99): odd");
        String shown = "bad.cu:2: error\n    2 |   second();\n";
        assertThat(Nvrtc.withSource(shown, source)).isEqualToNormalizingNewlines(shown);
    }

    @Test
    void aResourceThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> KernelSource.resource(Cuda.class, "nothing.cu"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "no resource 'nothing.cu' beside dev.jemma.cuda.Cuda: is it packed with the classes, and its package open"
                                + " to dev.jemma.cuda?");
    }

    @Test
    void unknownOptionsAreErrors() {
        assertThatThrownBy(() -> Nvrtc.open(cache).compile(ONE.withOption("--no-such-option"), SM_90))
                .isInstanceOf(NvrtcException.class)
                .hasMessageContaining("NVRTC_ERROR_INVALID_OPTION (5)")
                .hasMessageContaining("--no-such-option");
    }

    @Test
    void anEqualProgramComesFromTheCacheAndADifferentOneDoesNot() throws Exception {
        Nvrtc nvrtc = Nvrtc.open(cache);
        CompiledKernels first = nvrtc.compile(ONE, SM_90);
        assertThat(first.origin()).isEqualTo(CompiledKernels.Origin.COMPILER);
        CompiledKernels again = Nvrtc.open(cache).compile(ONE, SM_90);
        assertThat(again.origin()).isEqualTo(CompiledKernels.Origin.CACHE);
        assertThat(again.image()).isEqualTo(first.image());
        assertThat(again.usage())
                .isEqualTo(first.usage())
                .singleElement()
                .extracting(KernelUsage::kernel)
                .isEqualTo("one");
        assertThat(nvrtc.compile(ONE.define("TWO", 2), SM_90).origin()).isEqualTo(CompiledKernels.Origin.COMPILER);
        assertThat(nvrtc.compile(ONE, GpuTarget.parse("sm_89")).origin()).isEqualTo(CompiledKernels.Origin.COMPILER);
        assertThat(nvrtc.compile(ONE.withHeader("unused.h", "// nothing"), SM_90)
                        .origin())
                .isEqualTo(CompiledKernels.Origin.COMPILER);
        try (Stream<Path> files = Files.list(cache)) {
            assertThat(files.map(file -> file.getFileName().toString()).toList())
                    .hasSize(4)
                    .allMatch(name -> name.matches("[0-9a-f]{64}\\.kernels"));
        }
    }

    @Test
    void aDamagedFileOfTheCacheIsAMiss() {
        byte[] whole = KernelCache.encode(new KernelCache.Entry(new byte[] {1, 2, 3}, "log"));
        assertThat(KernelCache.decode(whole)).isPresent();
        for (int length = 0; length < whole.length; length++) {
            assertThat(KernelCache.decode(Arrays.copyOf(whole, length)))
                    .as("cut at %d", length)
                    .isEmpty();
        }
        Random random = new Random(5);
        for (int i = 0; i < Integer.getInteger("jemma.fuzz", 2000); i++) {
            byte[] damaged = whole.clone();
            int at = random.nextInt(whole.length);
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            assertThat(KernelCache.decode(damaged)).as("bit of byte %d", at).isEmpty();
        }
    }

    @Test
    void aCachedImageThatTheDriverRefusesIsCompiledAfresh() throws Exception {
        StandIn.require();
        try (CudaContext context = StandIn.open()) {
            Nvrtc nvrtc = Nvrtc.open(cache);
            GpuTarget target = nvrtc.targetFor(context.device().capability());
            new KernelCache(cache)
                    .store(
                            KernelCache.key(ONE, Nvrtc.options(ONE, target), nvrtc.version()),
                            new KernelCache.Entry("from an older driver".getBytes(UTF_8), ""));
            assertThat(nvrtc.compile(ONE, target).origin()).isEqualTo(CompiledKernels.Origin.CACHE);
            CudaModule.compile(context, nvrtc, ONE).close();
            assertThat(nvrtc.compile(ONE, target).image()).startsWith(0x7f, 'E', 'L', 'F');
        }
    }

    @Test
    void anUnwritableCacheOnlyCostsTime() throws Exception {
        Path file = Files.writeString(cache.resolve("file"), "in the way");
        assertThat(Nvrtc.open(file).compile(ONE, SM_90).origin()).isEqualTo(CompiledKernels.Origin.COMPILER);
    }

    @Test
    void targetsFollowTheDevice() {
        Nvrtc nvrtc = Nvrtc.open(cache);
        assertThat(nvrtc.targetFor(new ComputeCapability(8, 6))).hasToString("sm_86");
        assertThat(nvrtc.targetFor(new ComputeCapability(9, 0))).hasToString("sm_90a");
        assertThat(nvrtc.targetFor(new ComputeCapability(99, 0)).form()).isEqualTo(GpuTarget.Form.PTX);
        assertThatThrownBy(() -> nvrtc.targetFor(new ComputeCapability(3, 5)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot compile for compute capability 3.5")
                .hasMessageEndingWith("use an older CUDA toolkit's NVRTC");
        assertThat(Stream.of("sm_80", "sm_90a", "compute_75", "sm_120").map(GpuTarget::parse))
                .extracting(GpuTarget::toString)
                .isEqualTo(List.of("sm_80", "sm_90a", "compute_75", "sm_120"));
        assertThatThrownBy(() -> GpuTarget.parse("sm_9x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'sm_9x' is no target: wanted sm_86, sm_90a or compute_90 or the like");
    }

    @Test
    void readsTheAssemblersFigures() {
        String log = """
                ptxas info    : 0 bytes gmem
                ptxas info    : Compiling entry function 'spill' for 'sm_90a'
                ptxas info    : Function properties for spill
                ptxas         .     160 bytes stack frame, 268 bytes spill stores, 264 bytes spill loads
                ptxas info    : Used 32 registers, used 0 barriers, 160 bytes cumulative stack size
                ptxas info    : Compiling entry function 'a' for 'sm_90a'
                    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
                ptxas info    : Used 10 registers, used 1 barriers, 1024 bytes smem
                """;
        assertThat(KernelUsage.parse(log))
                .containsExactly(
                        new KernelUsage("spill", 32, 160, 268, 264, 0), new KernelUsage("a", 10, 0, 0, 0, 1024));
        assertThat(KernelUsage.parse(log).getFirst().spills()).isTrue();
    }
}
