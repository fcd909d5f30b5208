package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.cuda.Cuda;
import dev.jemma.tests.AutoCompute;
import dev.jemma.tests.SystemProperty;
import java.util.List;
import org.junit.jupiter.api.Test;

@AutoCompute
final class DoctorTest {
    @Test
    void showsWhatForcesTheArithmeticAndRefusesAPropertyThatIsWrong() {
        try (SystemProperty forced = SystemProperty.set("jemma.arithmetic", "int8")) {
            assertThat(Ran.jemma("doctor").out()).contains(" (forced by -Djemma.arithmetic=int8)");
        }
        try (SystemProperty wrong = SystemProperty.set("jemma.cpuWithout", "amx")) {
            Ran ran = Ran.jemma("doctor");
            assertThat(ran.status()).isEqualTo(1);
            assertThat(ran.err())
                    .isEqualToIgnoringNewLines(
                            "jemma: -Djemma.cpuWithout is 'amx', wanted some of avx512,bf16,vnni,vbmi");
        }
    }

    @Test
    void withoutCudaAMachinePassesUnlessCudaIsAskedForAndEveryPathTriedIsShown() {
        Cuda cuda = Cuda.probe();
        assumeTrue(cuda instanceof Cuda.Unavailable, "this machine has CUDA");
        Cuda.Unavailable none = (Cuda.Unavailable) cuda;
        Ran warned = Ran.jemma("doctor");
        assertThat(warned.status()).as(warned.out()).isZero();
        assertThat(warned.out()).contains("WARN  cuda         " + none.reason()).contains("-> " + none.cure());
        Ran failed = Ran.jemma("doctor", "--device", "cuda");
        assertThat(failed.status()).isEqualTo(1);
        assertThat(failed.out()).contains("FAIL  cuda         " + none.reason()).contains("-> " + none.cure());
        assertThat(failed.out() + failed.err()).doesNotContain("\tat ").doesNotContain("Exception");
        List<String> shown = failed.out().lines().map(String::strip).toList();
        assertThat(none.libraries()).isNotEmpty();
        none.libraries().stream()
                .filter(library -> !library.found())
                .forEach(library -> assertThat(shown).containsAll(library.tried()));
    }
}
