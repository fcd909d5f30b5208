package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.cuda.Cuda;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class DoctorTest {
    private record Result(int exit, String out, String err) {}

    private static Result doctor(String... options) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] arguments = new String[options.length + 1];
        arguments[0] = "doctor";
        System.arraycopy(options, 0, arguments, 1, options.length);
        int exit = Main.run(new PrintWriter(out), new PrintWriter(err, true), arguments);
        return new Result(exit, out.toString(), err.toString());
    }

    private static Cuda.Unavailable noCuda() {
        Cuda cuda = Cuda.probe();
        assumeTrue(cuda instanceof Cuda.Unavailable, "this machine has CUDA");
        return (Cuda.Unavailable) cuda;
    }

    @Test
    void aMachineWithoutCudaPassesUnlessCudaIsAskedFor() {
        Cuda.Unavailable none = noCuda();
        Result warned = doctor();
        assertThat(warned.exit()).as(warned.out()).isZero();
        assertThat(warned.out()).contains("WARN  cuda         " + none.reason()).contains("-> " + none.cure());
        Result failed = doctor("--device", "cuda");
        assertThat(failed.exit()).isEqualTo(1);
        assertThat(failed.out()).contains("FAIL  cuda         " + none.reason()).contains("-> " + none.cure());
        assertThat(failed.out() + failed.err()).doesNotContain("\tat ").doesNotContain("Exception");
    }

    @Test
    void everyPathTriedIsShownWithItsReason() {
        Cuda.Unavailable none = noCuda();
        List<String> shown =
                doctor("--device", "cuda").out().lines().map(String::strip).toList();
        assertThat(none.libraries()).isNotEmpty();
        none.libraries().stream()
                .filter(library -> !library.found())
                .forEach(library -> assertThat(shown).containsAll(library.tried()));
    }

    @Test
    void jsonNamesEveryCheck() {
        JsonNode checks = JsonMapper.shared().readTree(doctor("--json").out()).get("checks");
        assertThat(checks.valueStream().map(check -> check.get("name").asString()))
                .contains("jdk", "cpu", "memory", "cache", "cuda", "CUDA driver", "cuBLASLt", "cuBLAS", "NVRTC");
        assertThat(checks.valueStream().map(check -> check.get("status").asString()))
                .allMatch(status -> status.matches("PASS|WARN|FAIL"));
    }
}
