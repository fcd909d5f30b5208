package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Training in a process that is killed or interrupted, then resumed: the adapter is, bit for bit, that of a run that
 * never was.
 *
 * <p>{@code -Djemma.kills=20} kills at twenty random moments instead of two, {@code -Djemma.kills.seed=N} at others.
 */
@DisabledOnOs(OS.WINDOWS)
@AutoCompute
final class InterruptedTrainingTest {
    private static final int KILLS = Integer.getInteger("jemma.kills", 2);
    private static final int STEPS = 16;

    @TempDir
    private static Path folder;

    private static Path rows;
    private static byte[] uninterrupted;
    private static List<String> losses;

    @BeforeAll
    static void trainOnce() throws IOException {
        SplittableRandom random = new SplittableRandom(5);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            int[] ids = random.ints(4 + random.nextInt(40), 3, 96).toArray();
            text.append("{\"input_ids\": ").append(Arrays.toString(ids)).append("}\n");
        }
        rows = Files.writeString(folder.resolve("rows.jsonl"), text);
        Path whole = folder.resolve("whole");
        Ran ran = Ran.jemma(arguments(whole).toArray());
        assertThat(ran.status()).as(ran.err()).isZero();
        uninterrupted = adapter(whole);
        losses = losses(whole);
        assertThat(losses).hasSize(STEPS);
    }

    /** Shuffled rows, dropout and an accumulation, so that everything random would show; a checkpoint at every step. */
    private static List<Object> arguments(Path out) {
        return List.of(
                "train",
                "--model",
                Ran.MODELS.resolve("gemma3"),
                "--data",
                rows,
                "--out",
                out,
                "--metrics",
                metrics(out),
                "--max-steps",
                STEPS,
                "--batch-size",
                3,
                "--gradient-accumulation-steps",
                2,
                "--lora-dropout",
                "0.1",
                "--learning-rate",
                "5e-3",
                "--save-steps",
                1,
                "--save-total-limit",
                2,
                "--resume");
    }

    private static Path metrics(Path out) {
        return out.resolveSibling(out.getFileName() + ".jsonl");
    }

    private static byte[] adapter(Path out) throws IOException {
        return Files.readAllBytes(out.resolve("adapter_model.safetensors"));
    }

    private static List<String> losses(Path out) throws IOException {
        return Ran.jsonLines(Files.readString(metrics(out))).stream()
                .map(line -> line.get("step") + " " + line.get("loss") + " " + line.get("grad_norm"))
                .toList();
    }

    /** Returns when the run has written {@code lines} lines of metrics, or has ended. */
    private static void awaitLines(CommandProcess run, Path out, long lines) throws IOException, InterruptedException {
        while (run.process().isAlive()) {
            if (lines == 0
                    || (Files.exists(metrics(out))
                            && Files.readString(metrics(out)).lines().count() >= lines)) {
                return;
            }
            Thread.sleep(2);
        }
    }

    @Test
    @Timeout(1200)
    void aRunKilledAtAnyMomentResumesBitForBit() throws Exception {
        SplittableRandom random = new SplittableRandom(Long.getLong("jemma.kills.seed", 1));
        int midway = 0;
        for (int i = 0; i < KILLS; i++) {
            Path out = folder.resolve("killed-" + i);
            int line = random.nextInt(STEPS + 1);
            try (CommandProcess run =
                    CommandProcess.start(folder.resolve("err"), arguments(out).toArray())) {
                awaitLines(run, out, line);
                Thread.sleep(random.nextInt(line == 0 ? 1000 : 40));
                run.kill();
            }
            midway += Files.exists(out.resolve("adapter_model.safetensors")) ? 0 : 1;
            assertNothingIsHalfWritten(out);
            Ran resumed = Ran.jemma(arguments(out).toArray());
            String when = "killed after " + line + " lines of metrics";
            assertThat(resumed.status()).as(when + ": " + resumed.err()).isZero();
            assertThat(adapter(out)).as(when).isEqualTo(uninterrupted);
            assertThat(losses(out)).as(when).isEqualTo(losses);
            assertThat(out).as("left-overs are cleared").isDirectoryNotContaining("glob:**/.*");
        }
        assertThat(midway).as("runs that were killed before their end").isPositive();
    }

    /** What carries the name of a checkpoint or an adapter is one. */
    private static void assertNothingIsHalfWritten(Path out) throws IOException {
        if (!Files.exists(out)) {
            return;
        }
        try (DirectoryStream<Path> checkpoints = Files.newDirectoryStream(out, "checkpoint-*")) {
            for (Path checkpoint : checkpoints) {
                Ran inspected = Ran.jemma("inspect", checkpoint, "--json");
                assertThat(inspected.status()).as(inspected.out()).isZero();
                JsonNode state =
                        JsonMapper.shared().readTree(Files.readString(checkpoint.resolve("trainer_state.json")));
                assertThat(checkpoint).endsWithRaw(Path.of("checkpoint-" + state.get("global_step")));
                assertThat(Ran.jemma("inspect", checkpoint.resolve("optimizer.safetensors"))
                                .status())
                        .isZero();
            }
        }
        if (Files.exists(out.resolve("adapter_model.safetensors"))) {
            assertThat(adapter(out)).isEqualTo(uninterrupted);
        }
    }

    @Test
    @Timeout(300)
    void controlCSavesAndExitsWithOneHundredAndThirty() throws Exception {
        Path out = folder.resolve("interrupted");
        Path err = folder.resolve("interrupted.err");
        Object[] arguments = arguments(out).stream()
                .map(argument -> argument.equals(1) ? (Object) 1000 : argument)
                .toArray();
        try (CommandProcess run = CommandProcess.start(err, arguments)) {
            awaitLines(run, out, 3);
            run.interrupt();
            assertThat(run.await()).as(Files.readString(err)).isEqualTo(130);
        }
        assertThat(Files.readString(err))
                .contains("interrupted; saving after this step")
                .containsPattern("stopped after step \\d+; --resume goes on\\R$");
        assertThat(out).isDirectoryContaining("glob:**/checkpoint-*");
        assertThat(out.resolve("adapter_model.safetensors")).doesNotExist();
        Ran resumed = Ran.jemma(arguments);
        assertThat(resumed.status()).as(resumed.err()).isZero();
        assertThat(adapter(out)).isEqualTo(uninterrupted);
        assertThat(losses(out)).isEqualTo(losses);
    }
}
