package dev.jemma.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TrainingEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MetricsLogTest {
    @TempDir
    private Path folder;

    private static TrainingEvent.Stepped step(long step) {
        return new TrainingEvent.Stepped(step, 9, 1.5, 1e-4, 0.5, 100, 50, step);
    }

    private Path written(int steps) {
        Path file = folder.resolve("runs").resolve("metrics.jsonl");
        try (MetricsLog log = MetricsLog.open(file, 0)) {
            for (int i = 1; i <= steps; i++) {
                log.write(step(i));
            }
        }
        return file;
    }

    @Test
    void writesOneLineAStep() throws IOException {
        assertThat(Files.readAllLines(written(1)))
                .containsExactly(
                        "{\"step\":1,\"loss\":1.5,\"learning_rate\":1.0E-4,\"grad_norm\":0.5,\"tokens\":100,\"tokens_per_second\":50.0,\"elapsed_seconds\":1.0}");
    }

    @Test
    void cutsBackToTheStepResumedFrom() throws IOException {
        Path file = written(5);
        try (MetricsLog log = MetricsLog.open(file, 3)) {
            log.write(step(4));
        }
        assertThat(Files.readAllLines(file)).hasSize(4).last().asString().contains("\"step\":4");
    }

    @Test
    void cutsOffALineThatAKillLeftUnfinished() throws IOException {
        Path file = written(3);
        Files.writeString(file, Files.readString(file) + "{\"step\":4,\"lo");
        MetricsLog.open(file, 3).close();
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void keepsEvaluationsOfTheStepResumedFrom() throws IOException {
        Path file = written(3);
        try (MetricsLog log = MetricsLog.open(file, 3)) {
            log.write(new TrainingEvent.Evaluated(3, 2.5, 77));
            log.write(step(4));
        }
        MetricsLog.open(file, 3).close();
        assertThat(Files.readAllLines(file)).hasSize(4).last().asString().contains("\"eval_loss\":2.5");
    }

    @Test
    void beginsAnewForANewRun() throws IOException {
        Path file = written(5);
        MetricsLog.open(file, 0).close();
        assertThat(Files.size(file)).isZero();
    }

    @Test
    void refusesToCutAFileThatHoldsSomethingElse() throws IOException {
        Path file = folder.resolve("notes.txt");
        Files.writeString(file, "my notes\n");
        assertThatThrownBy(() -> MetricsLog.open(file, 3))
                .isInstanceOf(FormatException.class)
                .hasMessage("notes.txt:1: is no JSON, so this is not a metrics file of a run; name another --metrics");
        assertThat(Files.readString(file)).isEqualTo("my notes\n");
    }
}
