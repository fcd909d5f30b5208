package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.eval.EvalEvent;
import dev.jemma.engine.eval.EvalResult;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.eval.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Evaluation as a Java program calls it. */
@Timeout(120)
final class EvaluationTest {
    @TempDir
    private static Path folder;

    private static Path model;
    private static Path rows;

    @BeforeAll
    static void write() throws IOException {
        model = folder.resolve("model");
        DemoFiles.writeModel(model);
        rows = folder.resolve("test.jsonl");
        DemoFiles.writeTestRows(rows, 6);
    }

    private static Gemma open() {
        return Gemma.open(model, GemmaOptions.DEFAULTS.with(Arithmetic.F32).withThreads(2));
    }

    @Test
    void judgesTheAnswerToEveryRowInItsOrder() {
        List<EvalEvent> events = new ArrayList<>();
        try (Gemma gemma = open()) {
            EvalResult result = gemma.evaluate(rows).maxNewTokens(40).start(events::add);
            assertThat(result.finished()).isTrue();
            assertThat(result.verdicts().stream().map(Verdict::row)).isEqualTo(EvalRow.readAll(rows));
            assertThat(result.report().all().rows()).isEqualTo(6);
            assertThat(result.tokensPerSecond()).isPositive();
            for (int i = 0; i < 6; i++) {
                assertThat(events.get(i))
                        .isEqualTo(
                                new EvalEvent.Judged(i + 1, 6, result.verdicts().get(i)));
            }
        }
        assertThat(events).hasSize(6);
    }

    @Test
    void cancelledFromAnotherThreadItKeepsWhatIsJudged() {
        try (Gemma gemma = open()) {
            Evaluation evaluation = gemma.evaluate(rows).maxNewTokens(40);
            EvalResult result = evaluation.start(event -> {
                if (event instanceof EvalEvent.Judged judged && judged.row() == 2) {
                    CompletableFuture.runAsync(evaluation::cancel).join();
                }
            });
            assertThat(result.finished()).isFalse();
            assertThat(result.verdicts()).hasSize(2);
        }
    }

    @Test
    void rowsThatNobodyCanAnswerAreNamed() throws IOException {
        Path bare = Files.writeString(folder.resolve("bare.jsonl"), "{\"id\": \"x_1\", \"accept\": []}\n");
        try (Gemma gemma = open()) {
            assertThatThrownBy(() -> gemma.evaluate(bare))
                    .isInstanceOf(FormatException.class)
                    .hasMessage("bare.jsonl:1: row 'x_1' has no messages to answer");
            assertThatThrownBy(() -> gemma.evaluate(EvalRow.readAll(bare)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("row 'x_1' has no messages to answer");
        }
        Path empty = Files.writeString(folder.resolve("empty.jsonl"), "");
        assertThatThrownBy(() -> EvalRow.readAll(empty)).hasMessage("empty.jsonl: has no rows");
    }
}
