package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code jemma train}: what it reads, says, writes and refuses. */
@AutoCompute
final class TrainCommandTest {
    private static final Path MODEL = Ran.MODELS.resolve("gemma3");

    @TempDir
    private Path folder;

    private Path rows;
    private Path out;

    @BeforeEach
    void writeRows() throws IOException {
        rows = file("rows.jsonl", """
                {"input_ids": [5, 6, 7, 8, 9, 10, 11, 12]}
                {"input_ids": [15, 16, 17, 18, 19, 20], "labels": [-100, -100, -100, 18, 19, 20]}
                {"input_ids": [25, 26, 27, 28, 29, 30, 31]}
                {"input_ids": [35, 36, 37]}
                {"input_ids": [45, 46, 47, 48, 49]}
                """);
        out = folder.resolve("out");
    }

    private Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    private Ran train(Object... more) {
        return Ran.jemma(
                "train",
                "--model",
                MODEL,
                "--data",
                rows,
                "--out",
                out,
                "--batch-size",
                2,
                "--lora-r",
                2,
                List.of(more));
    }

    private byte[] adapter(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("adapter_model.safetensors"));
    }

    @Test
    void metricsAreALineOfAgreedKeysForEachStep() throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        Ran ran = train(
                "--metrics", metrics, "--max-steps", 4, "--no-shuffle", "--learning-rate", "1e-3", "--warmup-steps", 2);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).as("data only; progress is on stderr").isEmpty();
        assertThat(ran.err())
                .contains("rows.jsonl: 5 rows, 29 tokens, 22 of them supervised, the longest row 8")
                .contains("training ", "step 4/4: loss ", "tok/s", "saved " + out);
        List<JsonNode> lines = Ran.jsonLines(Files.readString(metrics));
        assertThat(lines)
                .hasSize(4)
                .allSatisfy(line -> assertThat(Ran.keys(line))
                        .containsExactly(
                                "step",
                                "loss",
                                "learning_rate",
                                "grad_norm",
                                "tokens",
                                "tokens_per_second",
                                "elapsed_seconds"));
        assertThat(lines.stream().map(line -> line.get("step").intValue())).containsExactly(1, 2, 3, 4);
        assertThat(lines.stream().map(line -> line.get("tokens").intValue()))
                .as("file order, supervised and not, the last step of an epoch what is left")
                .containsExactly(14, 10, 5, 14);
        assertThat(lines.stream().map(line -> line.get("learning_rate").doubleValue()))
                .as("the rate applied in the step: two of warmup from 0, then linear to 0")
                .containsExactly(0.0, 5e-4, 1e-3, 5e-4);
        assertThat(out).isDirectoryContaining("glob:**/adapter_config.json");
    }

    @Test
    void aDryRunShowsStepsParametersAndMemoryAndWritesNothing() {
        Ran ran = train("--dry-run");
        assertThat(ran.status()).isZero();
        assertThat(ran.out().lines().map(line -> line.substring(0, line.indexOf(' '))))
                .containsExactly("steps", "parameters", "batch", "memory", "config", "adapter");
        assertThat(ran.out()).contains("9 (3 an epoch), warmup 0").contains("at most 15 tokens");
        assertThat(out).doesNotExist();
    }

    @Test
    void aFolderThatHoldsARunIsRefusedAndResumeGoesOn() throws IOException {
        assertThat(train("--max-steps", 4, "--save-steps", 2).status()).isZero();
        byte[] whole = adapter(out);
        Ran again = train("--max-steps", 4, "--save-steps", 2);
        assertThat(again.status()).isEqualTo(1);
        assertThat(again.err().lines().toList().getLast())
                .isEqualTo(
                        "jemma: " + out
                                + " already holds a run; --resume goes on with it, another --out keeps it, deleting the folder ends it");
        Ran resumed = train("--max-steps", 4, "--save-steps", 2, "--resume");
        assertThat(resumed.status()).isZero();
        assertThat(adapter(out)).isEqualTo(whole);
        Ran other = train("--max-steps", 4, "--save-steps", 2, "--resume", "--seed", 1);
        assertThat(other.status()).isEqualTo(1);
        assertThat(other.err()).contains("checkpoint-4 belongs to another run: seed was 42, now 1");
        Ran base = Ran.jemma(
                "train",
                "--model",
                Ran.MODELS.resolve("gemma2"),
                "--data",
                rows,
                "--out",
                out,
                "--batch-size",
                2,
                "--lora-r",
                2,
                "--max-steps",
                4,
                "--save-steps",
                2,
                "--resume");
        assertThat(base.err()).contains("checkpoint-4 belongs to another run: base model was ");
    }

    @Test
    void resumeCutsTheMetricsBackToItsCheckpoint() throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        List<Object> run = List.of("--max-steps", 5, "--save-steps", 3, "--metrics", metrics);
        assertThat(train(run.toArray()).status()).isZero();
        List<JsonNode> before = Ran.jsonLines(Files.readString(metrics));
        assertThat(train(List.of(run, "--resume").stream()
                                .flatMap(x -> x instanceof List<?> list ? list.stream() : List.of(x).stream())
                                .toArray())
                        .err())
                .contains("going on after step 3");
        List<JsonNode> after = Ran.jsonLines(Files.readString(metrics));
        assertThat(after).hasSize(5);
        for (int i = 0; i < 5; i++) {
            assertThat(after.get(i).get("loss")).isEqualTo(before.get(i).get("loss"));
            assertThat(after.get(i).get("grad_norm")).isEqualTo(before.get(i).get("grad_norm"));
        }
    }

    @Test
    void optionsComeFromAYamlFileAndTheCommandLineWins() throws IOException {
        Path config = file("train.yaml", """
                learning_rate: 1e-3        # Hugging Face's names
                lr_scheduler_type: cosine
                per_device_train_batch_size: 2
                num_train_epochs: 2
                r: 4
                lora_alpha: 8
                target_modules: [q_proj, v_proj]
                rank_pattern: {v_proj: 2}
                assistant_only_loss: false
                max_length: 6
                packing: false
                seed: 7
                """);
        Ran ran = Ran.jemma(
                "train",
                "--model",
                MODEL,
                "--data",
                rows,
                "--out",
                out,
                "--config",
                config,
                "--dry-run",
                "--learning-rate",
                "3e-3");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains(
                        "learningRate=0.003",
                        "lrSchedulerType=COSINE",
                        "perDeviceTrainBatchSize=2",
                        "numTrainEpochs=2.0",
                        "seed=7")
                .contains("4 (2 an epoch)")
                .contains("r=4", "q_proj", "v_proj");
        assertThat(ran.err())
                .contains(
                        "rows.jsonl: 2 rows have more than max_length 6 tokens and were left out (--truncate cuts them, --max-length allows more)");
        Path data = file("data.yaml", "model: " + MODEL + "\ndata: " + rows + "\nout: " + out + "\n");
        assertThat(Ran.jemma("train", "--config", data, "--dry-run").status()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "learning_rat: 1|bad.yaml: unknown key learning_rat; 'jemma train --help' lists the options, whose names with underscores are the keys",
                "- 1|bad.yaml: wanted 'key: value' lines such as 'learning_rate: 2e-4'",
                "seed: [[1]]|bad.yaml: seed is nested too deep, wanted a value, a list of values or 'name: value' pairs",
                "a: {|bad.yaml:1:5: is no YAML: while parsing a flow node",
            })
    void aBadYamlFileIsNamed(String yaml, String message) throws IOException {
        Ran ran = train("--config", file("bad.yaml", yaml));
        assertThat(ran.status()).as(ran.err()).isEqualTo(1);
        assertThat(ran.err()).startsWith("jemma: " + message);
    }

    @Test
    void rowsThatAreTooLongAreLeftOutOrCutAndCounted() {
        assertThat(train("--dry-run", "--max-length", 7).err())
                .contains("rows.jsonl: 5 rows, 21 tokens, 15 of them supervised, the longest row 7")
                .contains("rows.jsonl: 1 rows have more than max_length 7 tokens and were left out");
        assertThat(train("--dry-run", "--max-length", 7, "--truncate").err())
                .contains("rows.jsonl: 1 rows have more than max_length 7 tokens and were cut")
                .contains("the longest row 7");
    }

    @Test
    void whatAModelCannotHoldIsSaidBeforeTheFirstStep() throws IOException {
        rows = file("wide.jsonl", "{\"input_ids\": [5, 6]}\n{\"input_ids\": [5, 96]}\n");
        assertThat(train().err())
                .contains("jemma: wide.jsonl:2: input_ids[1] is 96, the model's vocabulary wants 0 to 95");
        StringBuilder ids = new StringBuilder("5");
        ids.append(", 6".repeat(1024));
        rows = file("long.jsonl", "{\"input_ids\": [5, 6]}\n{\"input_ids\": [" + ids + "]}\n");
        assertThat(train("--dry-run", "--max-length", 4096).err())
                .contains("long.jsonl: 1 rows have more than the model's 1,024 tokens and were left out");
    }

    @Test
    void packingChangesTheStepsAndNotTheTokens() {
        assertThat(train("--dry-run", "--packing", "--max-length", 16).out()).contains("3 (1 an epoch)");
    }

    @Test
    void anAdapterCanBeginFromAnother() throws IOException {
        assertThat(train("--max-steps", 3).status()).isZero();
        Path first = out;
        out = folder.resolve("second");
        Ran ran = train("--max-steps", 1, "--learning-rate", 0, "--init-adapter", first);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(adapter(out)).as("a step with rate 0").isEqualTo(adapter(first));
    }

    @Test
    void evaluationWhileTrainingGoesIntoTheMetrics() throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        Ran ran = train("--max-steps", 4, "--eval-data", rows, "--eval-steps", 2, "--metrics", metrics);
        assertThat(ran.err()).containsPattern("step 2: evaluation loss \\d+\\.\\d{4} over 22 tokens");
        List<JsonNode> lines = Ran.jsonLines(Files.readString(metrics));
        assertThat(lines.stream()
                        .filter(line -> line.has("eval_loss"))
                        .map(line -> line.get("step").intValue()))
                .containsExactly(2, 4);
    }

    @Test
    void foldedConversationsAreSaidOnceAndTheFormatIsWrittenBesideTheAdapter() throws IOException {
        Path demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
        Path conversations = file("fold.jsonl", """
                {"messages": [{"role": "user", "content": "heat"}, {"role": "user", "content": "room"}, {"role": "assistant", "content": "yes"}]}
                {"messages": [{"role": "user", "content": "heat"}, {"role": "user", "content": "it"}, {"role": "assistant", "content": "no"}]}
                """);
        Path gemma = file(
                "gemma.jinja",
                "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
                        + "{{ raise_exception('roles must alternate') }}{% endif %}<start_of_turn>"
                        + "{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] }}<end_of_turn>\n{% endfor %}"
                        + "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}");
        Ran ran = Ran.jemma(
                "train",
                "--model",
                demo,
                "--data",
                conversations,
                "--out",
                out,
                "--max-steps",
                1,
                "--chat-template",
                gemma,
                "--tool-format",
                "hermes");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).containsOnlyOnce("folded");
        assertThat(ran.err()).contains("fold.jsonl: in 2 rows turns were folded");
        assertThat(out.resolve("chat_template.jinja")).hasSameTextualContentAs(gemma);
        assertThat(out.resolve("jemma.json")).content().contains("\"tool_format\" : \"hermes\"");
    }

    @Test
    void aFileOfRowsThatIsNoneIsRefused() throws IOException {
        rows = file("none.jsonl", "{\"question\": \"?\"}\n");
        assertThat(train().err())
                .contains(
                        "jemma: none.jsonl:1:1: has the keys [question], wanted messages, or prompt and completion, or text, or input_ids");
        rows = file("empty.jsonl", "");
        assertThat(train().err()).contains("jemma: empty.jsonl: has no rows");
        assertThat(out).doesNotExist();
    }
}
