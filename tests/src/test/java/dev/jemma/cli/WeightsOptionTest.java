package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.checkpoint.GgufModels;
import dev.jemma.engine.gguf.GgmlType;
import dev.jemma.engine.io.StagedFolder;
import dev.jemma.engine.kernel.cpu.ArithmeticChoice;
import dev.jemma.engine.tensor.DType;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code --weights} with every command that computes, over a GGUF file of k-quants that is large enough to be kept when
 * it is converted.
 */
@AutoCompute
final class WeightsOptionTest {
    @TempDir
    private static Path folder;

    private static Path gguf;
    private static Path hub;
    private static Path rows;
    private static String cacheBefore = "";

    @BeforeAll
    static void writeModel() throws IOException {
        cacheBefore = System.getProperty("jemma.cache", "");
        System.setProperty("jemma.cache", folder.resolve("cache").toString());
        gguf = folder.resolve("model.gguf");
        hub = folder.resolve("hub");
        GgufModels.writeRandom(GgufModels.config256(16384), GgmlType.Q4_K, DType.F32, gguf, hub);
        rows = Files.writeString(folder.resolve("rows.jsonl"), """
                {"input_ids": [2, 500, 6000, 7, 8000, 9, 10, 11000, 12]}
                {"input_ids": [2, 15, 16000, 17, 1800, 19, 200], "labels": [-100, -100, -100, 17, 1800, 19, 200]}
                """);
    }

    @AfterAll
    static void restore() {
        System.setProperty("jemma.cache", cacheBefore);
    }

    private static double loss(Path model, Object... more) {
        Ran ran = Ran.jemma("score", "--model", model, "--data", rows, "--compute", "f32", "--json", List.of(more));
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).doesNotContain("warning");
        return ran.json().get("loss").doubleValue();
    }

    private static List<Path> kept() throws IOException {
        Path weights = folder.resolve("cache/weights");
        if (!Files.exists(weights)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(weights)) {
            return files.sorted().toList();
        }
    }

    /**
     * The folder holds the decoded values in f32; a form of 8 bits moves a random model's loss by a thousandth, one of
     * 4 by some hundredths.
     */
    @ParameterizedTest
    @CsvSource({"auto,1e-3", "bf16,1e-3", "q8,2e-3", "q4,0.05"})
    void scoreIsNearThatOfTheDecodedValuesAndTheSameWhenTheFileIsThere(String type, double tolerance)
            throws IOException {
        double wanted = loss(hub);
        double first = loss(gguf, "--weights", type);
        assertThat(first).isCloseTo(wanted, within(tolerance * wanted));
        List<Path> files = kept();
        assertThat(files).isNotEmpty();
        assertThat(loss(gguf, "--weights", type)).isEqualTo(first);
        assertThat(kept()).isEqualTo(files);
        Path damaged = files.getLast();
        Files.write(damaged, new byte[100]);
        for (String other : List.of("auto", "q8", "q4")) {
            Ran ran = Ran.jemma("score", "--model", gguf, "--data", rows, "--weights", other);
            assertThat(ran.status()).as(ran.err()).isZero();
        }
        assertThat(loss(gguf, "--weights", type)).isEqualTo(first);
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "bf16", "q8", "q4"})
    void generateSaysWhatItComputesWithAndRepeats(String type) {
        Object[] command = {
            "generate",
            "--model",
            gguf,
            "--weights",
            type,
            "--ids",
            "2,500,6000",
            "--max-new-tokens",
            6,
            "--ignore-eos",
            "--temperature",
            0,
            "--json",
            "--verbose"
        };
        Ran one = Ran.jemma(command);
        Ran two = Ran.jemma(command);
        assertThat(one.status()).as(one.err()).isZero();
        assertThat(one.json().get("ids")).hasSize(6).isEqualTo(two.json().get("ids"));
        assertThat(two.err())
                .contains("weights " + type + " (")
                .contains("kept in " + folder.resolve("cache").resolve("weights"));
    }

    private static Ran train(Path out, Object... more) {
        return Ran.jemma(
                "train",
                "--model",
                gguf,
                "--data",
                rows,
                "--out",
                out,
                "--batch-size",
                2,
                "--lora-r",
                2,
                "--max-steps",
                3,
                "--save-steps",
                1,
                List.of(more));
    }

    private static byte[] adapter(Path out) throws IOException {
        return Files.readAllBytes(out.resolve("adapter_model.safetensors"));
    }

    /** As a kill after the first step leaves it. */
    private static void cutBack(Path out) throws IOException {
        for (String later : List.of("checkpoint-2", "checkpoint-3")) {
            StagedFolder.delete(out.resolve(later));
        }
        Files.delete(out.resolve("adapter_model.safetensors"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "bf16", "q8", "q4"})
    void trainingIsResumedWithTheFormItWasBegunWithOrNotAtAll(String type) throws IOException {
        Path out = folder.resolve("run-" + type);
        Ran begun = train(out, "--weights", type);
        assertThat(begun.status()).as(begun.err()).isZero();
        byte[] whole = adapter(out);
        for (String again : List.of("auto", type)) {
            cutBack(out);
            Ran resumed = train(out, "--resume", "--weights", again);
            assertThat(resumed.status()).as(resumed.err()).isZero();
            assertThat(adapter(out)).isEqualTo(whole);
        }
        String other = type.equals("q8") ? "q4" : "q8";
        Ran refused = train(out, "--resume", "--weights", other);
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.err())
                .contains("jemma: " + out.resolve("checkpoint-3") + " belongs to another run: weights was " + type
                        + ", now " + other + ". Resume with the run's own settings");
        assertThat(adapter(out)).isEqualTo(whole);
    }

    @Test
    void checkpointThatDoesNotSayWhatItComputedWithIsRefused() throws IOException {
        Path out = folder.resolve("damaged");
        assertThat(train(out, "--weights", "q8").status()).isZero();
        Path state = out.resolve("checkpoint-3/trainer_state.json");
        String sound = Files.readString(state);
        String arithmetic = Ran.jsonLines(sound.replace("\n", " "))
                .getFirst()
                .at("/run/arithmetic")
                .stringValue();
        assertThat(arithmetic)
                .isEqualTo(ArithmeticChoice.ofThisMachine().arithmetic().key());
        Files.writeString(state, sound.replace("\"q8\"", "\"q9\""));
        Ran weights = train(out, "--resume");
        assertThat(weights.status()).isEqualTo(1);
        assertThat(weights.err()).contains("run.weights is 'q9', wanted auto, bf16, q8 or q4");
        Files.writeString(state, sound.replace("\"" + arithmetic + "\"", "\"f17\""));
        assertThat(train(out, "--resume").err()).contains("run.arithmetic is 'f17', wanted f32, int8 or bf16");
    }
}
