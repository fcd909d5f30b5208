package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.gemma.ReferenceData;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code jemma score} and {@code jemma generate}. */
@AutoCompute
final class ScoreGenerateTest {
    private static final Path GEMMA3 = Ran.MODELS.resolve("gemma3");

    @TempDir
    private static Path folder;

    private static Path demo;

    @BeforeAll
    static void writeDemoModel() throws IOException {
        demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
    }

    private static Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    @Test
    void scoreAddsUpWhatIsSupervised() throws IOException {
        Path rows = file("rows.jsonl", """
                {"input_ids": [5, 6, 7, 8]}
                {"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, -100]}
                """);
        JsonNode both =
                Ran.jemma("score", "--model", GEMMA3, "--data", rows, "--json").json();
        assertThat(Ran.keys(both)).containsExactly("rows", "tokens", "loss", "perplexity");
        assertThat(both.get("rows").intValue()).isEqualTo(2);
        assertThat(both.get("tokens").intValue())
                .as("3 of the first row, 1 of the second")
                .isEqualTo(4);
        double one = loss("{\"input_ids\": [5, 6, 7, 8]}");
        double other = loss("{\"input_ids\": [5, 6, 7, 8], \"labels\": [-100, -100, 7, -100]}");
        assertThat(both.get("loss").doubleValue()).isCloseTo((3 * one + other) / 4, within(1e-6));
        assertThat(both.get("perplexity").doubleValue())
                .isCloseTo(Math.exp(both.get("loss").doubleValue()), within(1e-6));
    }

    private static double loss(String row) throws IOException {
        return Ran.jemma("score", "--model", GEMMA3, "--data", file("one.jsonl", row), "--json")
                .json()
                .get("loss")
                .doubleValue();
    }

    @Test
    void scoreForPeopleIsALine() throws IOException {
        Ran ran = Ran.jemma("score", "--model", GEMMA3, "--data", file("a.jsonl", "{\"input_ids\": [5, 6]}"));
        assertThat(ran.out()).matches("1 rows, 1 supervised tokens: loss \\d+\\.\\d{6}, perplexity \\d+\\.\\d{4}\\R");
        assertThat(Ran.jemma("score", "--model", GEMMA3, "--data", file("b.jsonl", "{\"input_ids\": [5]}"))
                        .out())
                .isEqualToIgnoringNewLines("1 rows, no supervised tokens");
    }

    @Test
    void textIsScoredWithOneBosAndNoEos() throws IOException {
        JsonNode text = Ran.jemma("score", "--model", demo, "--data", file("t.jsonl", "{\"text\": \"heat\"}"), "--json")
                .json();
        JsonNode ids = Ran.jemma("tokenize", "--model", demo, "--data", file("t.jsonl", "{\"text\": \"heat\"}"))
                .json();
        assertThat(text.get("tokens").intValue()).isEqualTo(ids.get("ids").size() - 1);
    }

    @Test
    void scoreNamesTheLineOfWhatDoesNotFit() throws IOException {
        Ran ran = Ran.jemma(
                "score",
                "--model",
                GEMMA3,
                "--data",
                file("c.jsonl", "{\"input_ids\": [5]}\n{\"input_ids\": [5, 96]}"));
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.err()).contains("jemma: c.jsonl:2: input_ids[1] is 96, the model's vocabulary wants 0 to 95");
        String long_ = "{\"input_ids\": " + Arrays.toString(new int[1025]) + "}";
        assertThat(Ran.jemma("score", "--model", GEMMA3, "--data", file("d.jsonl", long_))
                        .err())
                .contains(
                        "jemma: d.jsonl:1: has 1025 tokens, the model was made for 1024; rows are never cut when they are scored");
        assertThat(Ran.jemma("score", "--model", GEMMA3, "--data", file("e.jsonl", "{\"text\": 7}"))
                        .err())
                .contains("jemma: e.jsonl:1:10: text is 7, wanted a string");
    }

    @Test
    void generateGivesTheReferencesGreedyIds() throws IOException {
        try (ReferenceData reference = new ReferenceData(GEMMA3.resolve("forward.safetensors"))) {
            String prompt = Arrays.stream(reference.ints("greedy.prompt"))
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(","));
            int[] wanted = reference.ints("greedy.new");
            Ran ran = Ran.jemma(
                    "generate",
                    "--model",
                    GEMMA3,
                    "--ids",
                    prompt,
                    "--max-new-tokens",
                    wanted.length,
                    "--ignore-eos",
                    "--compute",
                    "f32",
                    "--json");
            assertThat(ran.status()).isZero();
            assertThat(Ran.keys(ran.json()))
                    .containsExactly(
                            "ids",
                            "text",
                            "finish_reason",
                            "prompt_tokens",
                            "completion_tokens",
                            "prefill_tokens_per_second",
                            "decode_tokens_per_second");
            assertThat(ran.json()
                            .get("ids")
                            .valueStream()
                            .mapToInt(JsonNode::intValue)
                            .toArray())
                    .isEqualTo(wanted);
            assertThat(ran.json().get("finish_reason").stringValue()).isEqualTo("length");
            assertThat(ran.json().get("prompt_tokens").intValue()).isEqualTo(reference.ints("greedy.prompt").length);
            assertThat(ran.json().get("completion_tokens").intValue()).isEqualTo(wanted.length);
        }
    }

    @Test
    void severalAdaptersAddUp() {
        List<String> input = List.of("--ids", "5,6,7", "--max-new-tokens", "12", "--ignore-eos", "--json");
        JsonNode none = Ran.jemma("generate", "--model", GEMMA3, input).json().get("ids");
        JsonNode one = Ran.jemma("generate", "--model", GEMMA3, "--adapter", GEMMA3.resolve("lora"), input)
                .json()
                .get("ids");
        JsonNode two = Ran.jemma(
                        "generate",
                        "--model",
                        GEMMA3,
                        "--adapter",
                        GEMMA3.resolve("lora"),
                        "--adapter",
                        GEMMA3.resolve("lora-rs-pattern"),
                        input)
                .json()
                .get("ids");
        assertThat(one).isNotEqualTo(none);
        assertThat(two).isNotEqualTo(one);
    }

    @Test
    void textIsStreamedAndStopsBeforeTheStopText() {
        List<String> input = List.of("--prompt", "the room is", "--max-new-tokens", "24", "--ignore-eos");
        Ran free = Ran.jemma("generate", "--model", demo, input);
        assertThat(free.status()).isZero();
        assertThat(free.out()).hasSizeGreaterThan(12).endsWith("\n");
        String stop = free.out().substring(8, 11);
        Ran stopped = Ran.jemma("generate", "--model", demo, input, "--stop", stop, "--json");
        assertThat(stopped.json().get("finish_reason").stringValue()).isEqualTo("stop");
        assertThat(stopped.json().get("text").stringValue())
                .isEqualTo(free.out().substring(0, free.out().indexOf(stop)));
    }

    @Test
    void samplingRepeatsWithItsSeed() {
        List<String> input = List.of(
                "--ids",
                "5,6,7",
                "--temperature",
                "1",
                "--top-k",
                "20",
                "--top-p",
                "0.95",
                "--min-p",
                "0.01",
                "--repetition-penalty",
                "1.1",
                "--max-new-tokens",
                "16",
                "--ignore-eos",
                "--json");
        JsonNode first = Ran.jemma("generate", "--model", GEMMA3, input, "--seed", 3)
                .json()
                .get("ids");
        assertThat(Ran.jemma("generate", "--model", GEMMA3, input, "--seed", 3)
                        .json()
                        .get("ids"))
                .isEqualTo(first);
        assertThat(Ran.jemma("generate", "--model", GEMMA3, input, "--seed", 4)
                        .json()
                        .get("ids"))
                .isNotEqualTo(first);
    }

    @Test
    void messagesGoThroughTheTemplate() throws IOException {
        Path messages = file("m.json", "[{\"role\": \"user\", \"content\": \"heat\"}]");
        Ran ran = Ran.jemma("generate", "--model", demo, "--messages", messages, "--max-new-tokens", 4, "--json");
        JsonNode rendered = Ran.jemma(
                        "render",
                        "--model",
                        demo,
                        "--add-generation-prompt",
                        "--data",
                        file("m.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"heat\"}]}"))
                .json();
        Path text = file("r.jsonl", "{\"text\": " + rendered.get("text") + "}");
        JsonNode ids = Ran.jemma("tokenize", "--model", demo, "--no-bos", "--data", text)
                .json();
        assertThat(ran.json().get("prompt_tokens").intValue())
                .isEqualTo(ids.get("ids").size());
        assertThat(Ran.jemma("generate", "--model", demo, "--messages", file("x.json", "{"))
                        .err())
                .startsWith("jemma: x.json:1:2: is no JSON: ");
        assertThat(Ran.jemma("generate", "--model", demo, "--messages", file("y.json", "{}"))
                        .err())
                .startsWith("jemma: y.json: wanted a list of messages, or an object with messages and tools");
    }

    @Test
    void whatATemplateRefusesIsTheUsersToMend() throws IOException {
        Path messages = file("z.json", "[{\"role\": \"assistant\", \"content\": \"heat\"}]");
        Path template = file("strict.jinja", "{{ raise_exception('begin with a user') }}");
        Ran ran = Ran.jemma("generate", "--model", demo, "--messages", messages, "--chat-template", template);
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.err()).isEqualToIgnoringNewLines("jemma: begin with a user");
    }
}
