package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.LoraConfig;
import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.TrainingConfig;
import dev.jemma.engine.api.TrainingEvent;
import dev.jemma.engine.api.TrainingEvent.Outcome;
import dev.jemma.engine.api.TrainingPlan;
import dev.jemma.engine.api.TrainingResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Fine-tuning as a Java program calls it. */
@Timeout(120)
final class FineTuningTest {
    private static final Path MODEL = Path.of("src/test/resources/models/gemma3");
    private static final TrainingConfig CONFIG =
            TrainingConfig.defaults().withPerDeviceTrainBatchSize(2).withMaxSteps(6);
    private static final LoraConfig LORA = LoraConfig.defaults().withR(2);

    @TempDir
    private Path folder;

    private Path rows;

    @BeforeEach
    void writeRows() throws IOException {
        rows = Files.writeString(folder.resolve("rows.jsonl"), """
                {"input_ids": [5, 6, 7, 8, 9, 10, 11, 12]}
                {"input_ids": [15, 16, 17, 18, 19, 20], "labels": [-100, -100, -100, 18, 19, 20]}
                {"input_ids": [25, 26, 27, 28, 29, 30, 31]}
                {"input_ids": [35, 36, 37]}
                {"input_ids": [45, 46, 47, 48, 49]}
                """);
    }

    private static Gemma open() {
        return Gemma.open(MODEL, GemmaOptions.DEFAULTS.with(Arithmetic.F32).withThreads(2));
    }

    private FineTuning fineTuning(Gemma gemma, String out) {
        return gemma.fineTune(rows).config(CONFIG).lora(LORA).out(folder.resolve(out));
    }

    private byte[] adapter(String out) throws IOException {
        return Files.readAllBytes(folder.resolve(out).resolve("adapter_model.safetensors"));
    }

    /** The kind of each event, neighbours of one kind once. */
    private static List<String> kinds(List<TrainingEvent> events) {
        List<String> kinds = new ArrayList<>();
        for (TrainingEvent event : events) {
            String kind = event.getClass().getSimpleName();
            if (kinds.isEmpty() || !kinds.getLast().equals(kind)) {
                kinds.add(kind);
            }
        }
        return kinds;
    }

    @Test
    void tellsWhatHappensInOrderAndAnswersHowItEnded() throws IOException {
        List<TrainingEvent> events = new ArrayList<>();
        try (Gemma gemma = open()) {
            TrainingResult result = fineTuning(gemma, "out")
                    .evalRows(rows)
                    .metrics(folder.resolve("metrics.jsonl"))
                    .start(events::add);
            assertThat(result.finished()).isTrue();
            assertThat(result.step()).isEqualTo(6);
            assertThat(result.totalSteps()).isEqualTo(6);
            assertThat(result.folder()).isEqualTo(folder.resolve("out"));
            TrainingEvent.Stepped last = events.stream()
                    .filter(TrainingEvent.Stepped.class::isInstance)
                    .map(TrainingEvent.Stepped.class::cast)
                    .toList()
                    .getLast();
            assertThat(result.loss()).hasValue(last.loss());
            assertThat(result.evalLoss()).isPresent();
            try (Session session = gemma.session(SessionOptions.DEFAULTS.withAdapter(result.folder()))) {
                assertThat(session.generate(new int[] {5, 6}, GenerationOptions.GREEDY.withMaxNewTokens(2), event -> {})
                                .ids())
                        .hasSize(2);
            }
        }
        assertThat(kinds(events)).containsExactly("RowsRead", "Started", "Stepped", "Evaluated", "Saved", "Ended");
        assertThat(Files.readAllLines(folder.resolve("metrics.jsonl"))).hasSize(7);
        assertThat(folder.resolve("out/adapter_config.json")).content().contains("\"" + MODEL + "\"");
    }

    @Test
    void cancelledFromAnotherThreadItSavesAndIsResumedBitForBit() throws Exception {
        try (Gemma gemma = open()) {
            fineTuning(gemma, "whole").start();
            FineTuning training = fineTuning(gemma, "parts");
            TrainingResult first = training.start(event -> {
                if (event instanceof TrainingEvent.Stepped stepped && stepped.step() == 2) {
                    CompletableFuture.runAsync(training::cancel).join();
                }
            });
            assertThat(first.outcome()).isEqualTo(Outcome.CANCELLED);
            assertThat(first.step()).isEqualTo(2);
            assertThat(first.folder()).isEqualTo(folder.resolve("parts/checkpoint-2"));
            assertThat(training.resume().start().finished()).isTrue();
        }
        assertThat(adapter("parts")).isEqualTo(adapter("whole"));
    }

    @Test
    void cancelledBeforeItsFirstStepItSavesNothing() throws IOException {
        try (Gemma gemma = open()) {
            FineTuning training = fineTuning(gemma, "out");
            training.cancel();
            TrainingResult result = training.start();
            assertThat(result.outcome()).isEqualTo(Outcome.CANCELLED);
            assertThat(result.step()).isZero();
            assertThat(result.loss()).isEmpty();
            assertThat(folder.resolve("out")).isEmptyDirectory();
            assertThat(training.start().finished()).as("once more").isTrue();
        }
    }

    @Test
    void severalAdaptersAreTrainedAtOnceWhileASessionGenerates() throws Exception {
        try (Gemma gemma = open()) {
            fineTuning(gemma, "alone").start();
            int[] prompt = {5, 6, 7};
            GenerationOptions options =
                    GenerationOptions.GREEDY.withMaxNewTokens(20).ignoringEos();
            List<Integer> answer;
            try (Session session = gemma.session()) {
                answer = session.generate(prompt, options, event -> {}).ids();
            }
            CountDownLatch together = new CountDownLatch(3);
            try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
                List<Future<?>> runs = new ArrayList<>();
                for (String out : List.of("one", "two")) {
                    runs.add(threads.submit(() -> {
                        together.countDown();
                        together.await();
                        return fineTuning(gemma, out).start();
                    }));
                }
                runs.add(threads.submit(() -> {
                    together.countDown();
                    together.await();
                    for (int i = 0; i < 20; i++) {
                        try (Session session = gemma.session()) {
                            assertThat(session.generate(prompt, options, event -> {})
                                            .ids())
                                    .isEqualTo(answer);
                        }
                    }
                    return null;
                }));
                for (Future<?> run : runs) {
                    run.get();
                }
            }
        }
        assertThat(adapter("one")).isEqualTo(adapter("alone"));
        assertThat(adapter("two")).isEqualTo(adapter("alone"));
    }

    @Test
    void closingTheGemmaCancelsAndWaitsForTheCheckpoint() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CompletableFuture<TrainingResult> result;
        try (Gemma gemma = open()) {
            FineTuning training = fineTuning(gemma, "out").config(CONFIG.withMaxSteps(1_000_000));
            result = CompletableFuture.supplyAsync(() -> training.start(event -> {
                if (event instanceof TrainingEvent.Stepped) {
                    running.countDown();
                }
            }));
            running.await();
            assertThatThrownBy(training::start)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("this fine-tuning is running already, make another one");
        }
        assertThat(result).isDone();
        assertThat(result.get().outcome()).isEqualTo(Outcome.CANCELLED);
        assertThat(result.get().folder()).isDirectoryContaining("glob:**/trainer_state.json");
    }

    @Test
    void refusesWhatCannotBe() {
        try (Gemma gemma = open()) {
            assertThatThrownBy(() -> gemma.fineTune(rows).start())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("no folder for the adapter was named, wanted one: out(folder)");
            assertThatThrownBy(() -> fineTuning(gemma, "out").start(event -> gemma.close()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "a Gemma cannot be closed by its own fine-tuning; cancel that, and close when it has ended");
            assertThatThrownBy(() -> gemma.fineTune(rows)
                            .rowOptions(RowOptions.defaults().withMaxLength(0)))
                    .hasMessage("max_length is 0, wanted 1 or more");
        }
    }

    @Test
    void aPlanReadsTheRowsAndWritesNothing() {
        try (Gemma gemma = open()) {
            TrainingPlan plan = fineTuning(gemma, "out").evalRows(rows).plan();
            assertThat(plan.rows().used()).isEqualTo(5);
            assertThat(plan.evalRows()).isPresent();
            assertThat(plan.steps()).isEqualTo(6);
            assertThat(plan.stepsPerEpoch()).isEqualTo(3);
            assertThat(plan.adapter().r()).isEqualTo(2);
        }
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
