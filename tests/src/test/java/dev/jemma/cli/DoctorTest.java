package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.cuda.Cuda;
import java.util.List;
import org.junit.jupiter.api.Test;

final class DoctorTest {
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
