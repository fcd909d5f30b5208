package dev.jemma.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.FormatException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
    @Test
    void formatExceptionNamesTheFile() {
        assertThat(FormatException.at(Path.of("a", "train.jsonl"), 37, 14, "x")).hasMessage("train.jsonl:37:14: x");
    }
}
