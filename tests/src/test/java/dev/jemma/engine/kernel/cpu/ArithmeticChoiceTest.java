package dev.jemma.engine.kernel.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.kernel.cpu.code.PeakRate;
import dev.jemma.engine.kernel.cpu.code.x86.CpuFeatures;
import dev.jemma.tests.SystemProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ArithmeticChoiceTest {
    @TempDir
    private Path folder = Path.of("");

    private Path file() {
        return folder.resolve("choices").resolve(CpuFeatures.ofThisMachine().signature() + ".txt");
    }

    private ArithmeticChoice choice() {
        return ArithmeticChoice.of(folder.resolve("choices"));
    }

    @Test
    void staysWithWhatWasMeasuredFirst() throws IOException {
        assumeTrue(PeakRate.BF16_DOT.available(), "this CPU has no bf16 dot product");
        ArithmeticChoice first = choice();
        assertThat(first.reason())
                .matches("a core does \\d+ billion operations a second in int8, \\d+ in bf16, \\d+ in f32");
        assertThat(choice()).isEqualTo(first);
        Files.writeString(file(), "2\nF32\nbecause somebody said so\n");
        assertThat(choice()).isEqualTo(new ArithmeticChoice(Arithmetic.F32, "because somebody said so"));
    }

    @Test
    void measuresAnewWhereTheFileIsDamaged() throws IOException {
        assumeTrue(PeakRate.BF16_DOT.available(), "this CPU has no bf16 dot product");
        Arithmetic measured = choice().arithmetic();
        for (String damage : new String[] {
            "", "2\nBF", "2\nF64\nreason\n", "2\nF32\nreason", "2\nF32\nreason\nmore", "F32\nof version 1\n"
        }) {
            Files.writeString(file(), damage);
            assertThat(choice().arithmetic()).as(damage).isEqualTo(measured);
            assertThat(file()).content().isEqualTo("2\n" + measured.name() + "\n" + choice().reason() + "\n");
        }
    }

    /** Rates of an EPYC Zen 4, of a Xeon without AMX, and of CPUs that lack one instruction or both. */
    @Test
    void takesBf16WhereItPaysAndElseInt8WhereItExists() {
        assertThat(ArithmeticChoice.fastest(118, 235, 470)).isEqualTo(Arithmetic.BF16);
        assertThat(ArithmeticChoice.fastest(169, 82, 720)).isEqualTo(Arithmetic.INT8);
        assertThat(ArithmeticChoice.fastest(100, 110, 400)).isEqualTo(Arithmetic.INT8);
        assertThat(ArithmeticChoice.fastest(100, 110, 0)).isEqualTo(Arithmetic.F32);
        assertThat(ArithmeticChoice.fastest(100, 0, 0)).isEqualTo(Arithmetic.F32);
    }

    @ParameterizedTest
    @EnumSource
    void takesWhatTheUserForcesAndKeepsItNowhere(Arithmetic forced) {
        try (SystemProperty arithmetic = SystemProperty.set("jemma.arithmetic", forced.key());
                SystemProperty cache = SystemProperty.set("jemma.cache", folder.toString())) {
            assertThat(ArithmeticChoice.ofThisMachine())
                    .isEqualTo(new ArithmeticChoice(forced, "forced by -Djemma.arithmetic=" + forced.key()));
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void refusesAnArithmeticThatThereIsNot() {
        try (SystemProperty arithmetic = SystemProperty.set("jemma.arithmetic", "f17")) {
            assertThatThrownBy(ArithmeticChoice::ofThisMachine)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("-Djemma.arithmetic is 'f17', wanted f32, int8 or bf16");
        }
    }

    @Test
    void needsNoFolderToWriteTo() throws IOException {
        Path noFolder = Files.writeString(folder.resolve("choices"), "a file");
        assertThat(ArithmeticChoice.of(noFolder.resolve("below")).reason()).isNotEmpty();
    }
}
