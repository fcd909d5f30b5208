package dev.jemma.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.CpuKernels;
import dev.jemma.engine.tensor.DType;
import dev.jemma.engine.tensor.HostSlab;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CpuKernelsTest {
    @ParameterizedTest
    @EnumSource
    void computesWhatTheReferenceComputes(Arithmetic arithmetic) {
        try (Arena arena = Arena.ofShared();
                Kernels kernels = CpuKernels.open(2, arithmetic)) {
            KernelsContract.matchesReference(kernels, new KernelsContract.HostTransfer(arena), arithmetic);
        }
    }

    @ParameterizedTest
    @EnumSource
    void givesTheSameBitsForAnyNumberOfThreads(Arithmetic arithmetic) {
        try (Arena arena = Arena.ofShared();
                Kernels one = CpuKernels.open(1, arithmetic);
                Kernels two = CpuKernels.open(2, arithmetic);
                Kernels three = CpuKernels.open(3, arithmetic)) {
            KernelsContract.HostTransfer transfer = new KernelsContract.HostTransfer(arena);
            for (Operation operation : Operations.in(arena, Operations.Sizes.MANY)) {
                KernelsContract.Outcome wanted = KernelsContract.run(operation, one, transfer);
                for (Kernels kernels : List.of(two, three)) {
                    KernelsContract.Outcome seen = KernelsContract.run(operation, kernels, transfer);
                    assertThat(seen.result()).as(operation.toString()).isEqualTo(wanted.result());
                    for (int i = 0; i < wanted.operands().size(); i++) {
                        Tensor a = wanted.operands().get(i);
                        Tensor b = seen.operands().get(i);
                        assertThat(a.segment().mismatch(b.segment()))
                                .as(operation + " operand " + i + ", " + kernels.description())
                                .isEqualTo(-1);
                    }
                }
            }
        }
    }

    /** The widths that this CPU lacks are emulated, slowly: small shapes only. */
    @ParameterizedTest
    @ValueSource(strings = {"128", "256", "512"})
    void computesWithAnyVectorWidth(String bits) throws Exception {
        String output = probe(List.of("-Djemma.vectorBits=" + bits), "f32", "reference");
        assertThat(output).contains("2 threads, " + bits + "-bit").endsWith(" 0 failures\n");
    }

    /** The last is as a CPU of the time before AVX-512, for Java too. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-Djemma.machineCode=off|bf16",
                "-Djemma.cpuWithout=bf16|bf16",
                "-Djemma.cpuWithout=vbmi|int8",
                "-Djemma.cpuWithout=avx512 -XX:+IgnoreUnrecognizedVMOptions -XX:UseAVX=2|f32",
            })
    void computesAsOnACpuThatLacksSomething(String options, String arithmetic) throws Exception {
        List<String> given = List.of(options.split(" "));
        assertThat(probe(given, arithmetic, "reference"))
                .contains(", under " + given.getFirst() + "\n")
                .endsWith(" 0 failures\n");
    }

    /**
     * Even few calls take the hot loops from the interpreter into compiled code; {@code -Djemma.kernels.calls=20000}
     * through all of it.
     */
    @Test
    void repeatsItsBitsFromInterpretedToCompiledCode() throws Exception {
        int calls = Integer.getInteger("jemma.kernels.calls", 60);
        assertThat(probe(List.of(), "f32", "repeat", "" + calls)).endsWith(" 0 failures\n");
    }

    private static String probe(List<String> options, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), KernelProbe.class.getName()));
        command.addAll(Arrays.asList(args));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output;
    }

    @Test
    void namesOperationAndShapesThatDoNotFit() {
        try (HostSlab slab = new HostSlab(1 << 12);
                Kernels kernels = CpuKernels.open(1)) {
            Tensor x = slab.allocate(DType.F32, 2, 8);
            Tensor out = slab.allocate(DType.F32, 2, 4);
            Tensor weight = slab.allocate(DType.BF16, 4, 7);
            assertThatThrownBy(() -> kernels.linear(out, x, weight, Write.SET))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("linear: F32 [2, 4], F32 [2, 8], BF16 [4, 7]; "
                            + "wanted (d)out [N, O], (d)x [N, I], weight [O, I]");
            Tensor ids = slab.allocate(DType.I32, 2);
            kernels.write(ids, new int[] {1, 4}, 0, 2);
            Tensor table = slab.allocate(DType.BF16, 4, 8);
            assertThatThrownBy(() -> kernels.embed(x, table, ids, 1)).hasMessage("embed: index 4, wanted 0 .. 3");
            assertThatThrownBy(() -> kernels.dropout(x, x, 1, 0))
                    .hasMessage("dropout 1.0, wanted 0 or more and less than 1");
            AttentionShape shape = new AttentionShape(2, 1, 4, 1, 0, 0);
            Tensor lse = slab.allocate(DType.F32, 2, 2);
            Tensor keys = slab.allocate(DType.F32, 4, 4);
            Span[] spans = {new Span(0, 2, 5, 0, 4)};
            assertThatThrownBy(() -> kernels.attention(x, lse, x, keys, keys, shape, spans))
                    .hasMessageContaining("sees positions 0 .. 6, its ring holds 4");
        }
        assertThatThrownBy(() -> CpuKernels.open(0)).hasMessage("0 threads, wanted 1 or more");
    }

    @Test
    void failsAfterClose() {
        try (HostSlab slab = new HostSlab(1 << 16)) {
            Tensor x = slab.allocate(DType.F32, 64, 64);
            Kernels kernels = CpuKernels.open(2);
            kernels.add(x, x, x);
            kernels.close();
            kernels.close();
            assertThatThrownBy(() -> kernels.add(x, x, x))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the CPU kernels are closed");
        }
    }
}
