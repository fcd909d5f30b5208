package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.tests.AutoCompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code jemma tokenize}, {@code render}, {@code inspect} and {@code chat} on a pipe. */
@AutoCompute
final class TextCommandsTest {
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
    void tokenizeGivesALineForEachRow() throws IOException {
        Path texts = file("texts.jsonl", "{\"text\": \"<start_of_turn>the room\"}\n\n{\"text\": \"\"}\n");
        List<JsonNode> with =
                Ran.jemma("tokenize", "--model", demo, "--data", texts).lines();
        List<JsonNode> without = Ran.jemma("tokenize", "--model", demo, "--no-bos", "--data", texts)
                .lines();
        assertThat(with)
                .hasSize(2)
                .allSatisfy(line -> assertThat(Ran.keys(line)).containsExactly("ids", "decoded"));
        assertThat(with.getFirst().get("decoded").stringValue())
                .as("of the ids without bos, special tokens kept")
                .isEqualTo("<start_of_turn>the room");
        assertThat(with.getFirst().get("ids").get(0).intValue()).isEqualTo(2);
        assertThat(with.getFirst().get("ids").size())
                .isEqualTo(without.getFirst().get("ids").size() + 1);
        assertThat(with.getLast().get("ids").size()).isEqualTo(1);
        assertThat(without.getLast().get("ids").size()).isZero();
        Ran bad = Ran.jemma(
                "tokenize", "--model", demo, "--data", file("bad.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"a\"}\n"));
        assertThat(bad.status()).isEqualTo(1);
        assertThat(bad.err()).isEqualToIgnoringNewLines("jemma: bad.jsonl:2: text is missing, wanted a string");
    }

    @Test
    void renderGivesTextOrTheTemplatesOwnError() throws IOException {
        Path template = file(
                "t.jinja",
                "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
                        + "{{ messages[0]['content'] }}{{ eos_token }}{% if add_generation_prompt %}>{% endif %}");
        Path rows = file("rows.jsonl", """
                {"messages": [{"role": "user", "content": "hi"}]}
                {"messages": [{"role": "system", "content": "hi"}]}
                """);
        List<JsonNode> lines =
                Ran.jemma("render", "--template", template, "--data", rows).lines();
        assertThat(lines)
                .map(JsonNode::toString)
                .containsExactly("{\"text\":\"<bos>hi<eos>\"}", "{\"error\":\"System role not supported\"}");
        assertThat(Ran.jemma("render", "--template", template, "--data", rows, "--add-generation-prompt")
                        .lines()
                        .getFirst()
                        .get("text")
                        .stringValue())
                .isEqualTo("<bos>hi<eos>>");
    }

    @Test
    void maskShowsWhatTrainingLearns() throws IOException {
        Path rows = file(
                "mask.jsonl",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"heat\"}, {\"role\": \"assistant\", \"content\": \"yes\"}]}\n");
        JsonNode line =
                Ran.jemma("render", "--model", demo, "--mask", "--data", rows).json();
        String text = line.get("text").stringValue();
        JsonNode span = line.get("supervised").get(0);
        assertThat(line.get("supervised").size()).isEqualTo(1);
        assertThat(text.substring(span.get(0).intValue(), span.get(1).intValue()))
                .isEqualTo("yes<end_of_turn>\n");
    }

    @Test
    void inspectDescribesModelsAdaptersAndFilesAsJson() {
        Path model = Ran.MODELS.resolve("gemma3");
        JsonNode json = Ran.jemma("inspect", model, "--json").json();
        assertThat(json.get("kind").stringValue()).isEqualTo("model");
        assertThat(json.get("family").stringValue()).isEqualTo("Gemma 3");
        assertThat(json.get("parameters").longValue()).isEqualTo(46_752);
        assertThat(Ran.jemma("inspect", model.resolve("lora"), "--json")
                        .json()
                        .get("kind")
                        .stringValue())
                .isEqualTo("adapter");
        assertThat(Ran.jemma("inspect", model.resolve("model.safetensors"), "--json")
                        .json()
                        .get("kind")
                        .stringValue())
                .isEqualTo("tensors");
        Ran people = Ran.jemma("inspect", demo);
        assertThat(people.status()).isZero();
        assertThat(people.out()).contains("family      Gemma 3", "parameters  ", "tokenizer   ", "template    ");
    }

    @Test
    void inspectSaysWhatIsWrongAndFails() throws IOException {
        Path broken = folder.resolve("broken");
        Files.createDirectories(broken);
        Files.copy(Ran.MODELS.resolve("gemma3/config.json"), broken.resolve("config.json"));
        byte[] weights = Files.readAllBytes(Ran.MODELS.resolve("gemma3/model.safetensors"));
        Files.write(broken.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length - 1));
        Ran ran = Ran.jemma("inspect", broken);
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.out()).containsPattern("problem +model.safetensors: ");
        assertThat(Ran.jemma("inspect", broken, "--json").json().get("problems").size())
                .isEqualTo(1);
    }

    @Test
    void chatTakesQuestionsAndCommandsFromAPipe() throws IOException {
        Path saved = folder.resolve("talk.json");
        Ran ran = Ran.withInput(
                "/system heat\nthe room\n\n/stats\n/save " + saved + "\n/reset\n/load " + saved
                        + "\n/load nowhere.json\n/tools\n/what\n/help\n/exit\nnever\n",
                "chat",
                "--model",
                demo,
                "--max-new-tokens",
                6);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains("prompt tokens (0 reused)")
                .contains("saved\n", "forgotten\n", "2 turns loaded\n")
                .contains("/load failed: nowhere.json")
                .contains("no tools; --tools FILE gives some")
                .contains("unknown command /what; /help lists them")
                .contains("/save FILE       write the conversation")
                .doesNotContain("never", "> ");
        JsonNode talk =
                Ran.jsonLines(Files.readString(saved).replace("\n", " ")).getFirst();
        assertThat(talk.get("messages")
                        .valueStream()
                        .map(message -> message.get("role").stringValue()))
                .containsExactly("system", "user", "assistant");
    }

    @Test
    void chatEndsWithItsInput() {
        assertThat(Ran.withInput("", "chat", "--model", demo).status()).isZero();
    }

    @Test
    void doctorNamesEveryCheckWithStatusAndHint() {
        JsonNode checks = Ran.jemma("doctor", "--json").json().get("checks");
        assertThat(checks.valueStream().map(check -> check.get("name").stringValue()))
                .startsWith("jdk", "cpu", "memory", "bandwidth", "cache", "cuda")
                .contains("NVRTC", "cuBLASLt");
        assertThat(checks.valueStream()).allSatisfy(check -> {
            assertThat(Ran.keys(check)).containsExactly("name", "status", "found", "hint");
            assertThat(check.get("status").stringValue()).isIn("PASS", "WARN", "FAIL");
            assertThat(check.get("found").stringValue()).isNotEmpty();
        });
        assertThat(checks.get(1).get("found").stringValue()).containsPattern("\\d+ threads?, \\d+-bit");
        assertThat(checks.get(3).get("found").stringValue()).matches("\\d+\\.\\d GB/s read from memory");
    }
}
