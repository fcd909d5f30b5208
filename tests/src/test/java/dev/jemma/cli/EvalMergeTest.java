package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code jemma eval} and {@code jemma merge}. */
@AutoCompute
final class EvalMergeTest {
    private static final Path CASES = Path.of("src/test/resources/eval/checker.jsonl");

    @TempDir
    private Path folder;

    @Test
    void predictionsAreJudgedAsTheLeaderboardJudgesThem() throws IOException {
        Path details = folder.resolve("details.jsonl");
        Ran ran = Ran.jemma("eval", "--predictions", CASES, "--data", CASES, "--details", details, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        JsonNode report = ran.json();
        assertThat(Ran.keys(report))
                .contains(
                        "rows",
                        "correct",
                        "accuracy",
                        "ci95",
                        "parsed",
                        "schema_valid",
                        "refusals_correct",
                        "by_category",
                        "unseen_tools",
                        "tokens_per_second");
        List<JsonNode> cases = Ran.jsonLines(Files.readString(CASES));
        List<JsonNode> verdicts = Ran.jsonLines(Files.readString(details));
        assertThat(verdicts).hasSameSizeAs(cases);
        int correct = 0;
        for (int i = 0; i < cases.size(); i++) {
            assertThat(Ran.keys(verdicts.get(i))).containsExactly("id", "correct", "reason", "prediction");
            assertThat(verdicts.get(i).get("id")).isEqualTo(cases.get(i).get("id"));
            assertThat(verdicts.get(i).get("correct"))
                    .as(cases.get(i).get("id").toString())
                    .isEqualTo(cases.get(i).get("valid"));
            correct += cases.get(i).get("valid").booleanValue() ? 1 : 0;
        }
        assertThat(report.get("rows").intValue()).isEqualTo(cases.size());
        assertThat(report.get("correct").intValue()).isEqualTo(correct);
        assertThat(report.get("accuracy").doubleValue()).isEqualTo((double) correct / cases.size());
        assertThat(report.get("ci95").get(0).doubleValue())
                .isLessThan(report.get("accuracy").doubleValue());
        assertThat(report.get("ci95").get(1).doubleValue())
                .isGreaterThan(report.get("accuracy").doubleValue());
        assertThat(report.get("tokens_per_second").isNull())
                .as("nothing was generated")
                .isTrue();
        assertThat(Ran.jemma("eval", "--predictions", CASES, "--data", CASES).out())
                .startsWith(correct + " of " + cases.size() + " right: ");
    }

    @Test
    void rowsWithoutAPredictionAreNamed() throws IOException {
        List<String> cases = Files.readAllLines(CASES);
        Path data = Files.write(folder.resolve("data.jsonl"), cases.subList(0, 2));
        Path unknown = Files.writeString(folder.resolve("p.jsonl"), "{\"id\": \"nobody\", \"prediction\": \"\"}\n");
        Ran ran = Ran.jemma("eval", "--predictions", unknown, "--data", data);
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.err())
                .startsWith("jemma: 2 of 2 rows have no prediction, the first is '"
                        + JsonMapper.shared()
                                .readTree(cases.getFirst())
                                .get("id")
                                .stringValue() + "'");
    }

    @Test
    void aModelAnswersAndSaysHowFast() throws IOException {
        Path demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
        Path data = folder.resolve("test.jsonl");
        DemoFiles.writeTestRows(data, 3);
        Path details = folder.resolve("details.jsonl");
        Ran ran = Ran.jemma(
                "eval", "--model", demo, "--data", data, "--max-new-tokens", 24, "--details", details, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.json().get("rows").intValue()).isEqualTo(3);
        assertThat(ran.json().get("tokens_per_second").doubleValue()).isPositive();
        assertThat(Ran.jsonLines(Files.readString(details))).hasSize(3);
    }

    @Test
    void foldedQuestionsAreSaidOnce() throws IOException {
        Path demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
        Path strict = Files.writeString(
                folder.resolve("strict.jinja"),
                "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
                        + "<start_of_turn>{{ m['role'] }}\n{{ m['content'] }}<end_of_turn>\n{% endfor %}");
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            rows.add("{\"id\": \"" + i
                    + "\", \"tools\": [], \"accept\": [], \"messages\": [{\"role\": \"system\", \"content\": \"heat\"},"
                    + " {\"role\": \"user\", \"content\": \"room\"}, {\"role\": \"assistant\", \"content\": \"no\"}]}");
        }
        Path data = Files.write(folder.resolve("data.jsonl"), rows);
        Ran ran = Ran.jemma("eval", "--model", demo, "--data", data, "--max-new-tokens", 2, "--chat-template", strict);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).containsOnlyOnce(Texts.FOLDED);
    }

    @Test
    void mergeWritesACheckpointInTheBasesTypeOrAnother() throws IOException {
        Path model = Ran.MODELS.resolve("gemma2");
        Path out = folder.resolve("merged");
        Ran ran = Ran.jemma("merge", "--model", model, "--adapter", model.resolve("lora-rs-pattern"), "--out", out);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).isEmpty();
        assertThat(ran.err()).containsPattern("changed \\d+ modules, wrote .* to " + out);
        assertThat(Ran.jemma("inspect", out, "--json")
                        .json()
                        .at("/weights/dtypes")
                        .propertyNames())
                .containsExactly("BF16");
        Path wide = folder.resolve("wide");
        Ran.jemma(
                "merge",
                "--model",
                model,
                "--adapter",
                model.resolve("lora-rs-pattern"),
                "--out",
                wide,
                "--dtype",
                "float32");
        assertThat(Ran.jemma("inspect", wide, "--json")
                        .json()
                        .at("/weights/dtypes")
                        .propertyNames())
                .containsExactly("F32");
    }
}
