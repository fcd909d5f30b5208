package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.cli.demo.DemoFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Rows that one command took and another refused, or understood otherwise; src/test/resources/cases has them, one
 * folder each.
 */
final class SameConversationTest {
    private static final Path CASES = Path.of("src/test/resources/cases");

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

    private static String text(Ran ran) {
        assertThat(ran.status()).as(ran.err()).isZero();
        return ran.lines().getFirst().get("text").stringValue();
    }

    @Test
    void renderShowsCallsAndToolsInAnyFormAsTrainSeesThem() {
        Path cases = CASES.resolve("35-render-shows-another-prompt");
        String tools = "<tools>\nget_weather(city, unit: c f)\nget_time(tz)\n</tools>\n";
        Ran nullContent =
                Ran.jemma("render", "--compute", "f32", "--model", demo, "--mask", "--data", cases.resolve("a.jsonl"));
        assertThat(text(nullContent))
                .contains(tools, "model\n<tool_call>\n{\"name\": \"get_weather\"")
                .doesNotContain("None");
        Ran toolsInAString =
                Ran.jemma("render", "--compute", "f32", "--model", demo, "--data", cases.resolve("b.jsonl"));
        assertThat(text(toolsInAString)).contains(tools, "{\"city\": \"Paris\"}");
        assertThat(text(Ran.jemma(
                        "render", "--compute", "f32", "--model", demo, "--mask", "--data", cases.resolve("b.jsonl"))))
                .isEqualTo(text(toolsInAString));
        assertThat(text(Ran.jemma("render", "--compute", "f32", "--model", demo, "--data", cases.resolve("c.jsonl"))))
                .as("ShareGPT")
                .contains(tools, "Weather in Paris?", "model\nSunny.<end_of_turn>");
        Ran mixed =
                Ran.jemma("render", "--compute", "f32", "--model", demo, "--mask", "--data", cases.resolve("d.jsonl"));
        assertThat(text(mixed))
                .as("a byte order mark, and a line break within a text")
                .contains("user\na\r\nb<end_of_turn>");
        assertThat(mixed.lines().getLast().get("error").stringValue())
                .isEqualTo("the row is no conversation: it is read as it is, without a template");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "b", "c"})
    void evalTakesTheRowsThatTrainTakes(String name) {
        Path rows = CASES.resolve("40-eval-refuses-train-rows").resolve(name + ".jsonl");
        Ran ran =
                Ran.jemma("eval", "--compute", "f32", "--model", demo, "--data", rows, "--max-new-tokens", 1, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.json().get("rows").intValue()).isOne();
        assertThat(Ran.jemma("score", "--compute", "f32", "--model", demo, "--data", rows, "--json")
                        .status())
                .isZero();
    }

    @Test
    void anArrayOfRowsIsCalledOneByEveryCommand() {
        Path rows = CASES.resolve("41-json-array-file/rows.json");
        for (List<Object> command : List.<List<Object>>of(
                List.of("render"),
                List.of("score"),
                List.of("eval"),
                List.of("tokenize"),
                List.of("train", "--out", "o"))) {
            Ran ran = Ran.jemma(command, "--compute", "f32", "--model", demo, "--data", rows);
            assertThat(ran.status()).isEqualTo(1);
            assertThat(ran.err())
                    .isEqualToIgnoringNewLines(
                            "jemma: rows.json: holds a JSON array, wanted JSON Lines: one object per line");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gm-empty.json", "gm-null.json", "gm-toolstr.json"})
    void generateReadsMessagesAsTrainDoes(String name) throws IOException {
        Path messages = CASES.resolve("42-generate-content-null").resolve(name);
        Ran ran = Ran.jemma(
                "generate",
                "--compute",
                "f32",
                "--model",
                demo,
                "--messages",
                messages,
                "--max-new-tokens",
                1,
                "--json");
        assertThat(ran.json().get("prompt_tokens").intValue()).isEqualTo(128);
        Path rows = file("row.jsonl", JsonMapper.shared().readTree(Files.readString(messages)) + "\n");
        Ran prompt =
                Ran.jemma("render", "--compute", "f32", "--model", demo, "--add-generation-prompt", "--data", rows);
        Path texts = file("texts.jsonl", JsonMapper.shared().createObjectNode().put("text", text(prompt)) + "\n");
        assertThat(Ran.jemma("tokenize", "--compute", "f32", "--model", demo, "--no-bos", "--data", texts)
                        .json()
                        .get("ids")
                        .size())
                .as("the prompt that render shows")
                .isEqualTo(128);
    }

    @Test
    void declarationsWithoutTheirWrappingGetItForEveryTemplate() throws IOException {
        Path row = CASES.resolve("48-bare-tools-with-template/row.jsonl");
        assertThat(text(Ran.jemma("render", "--compute", "f32", "--model", demo, "--mask", "--data", row)))
                .contains("<tools>\nbare()\n</tools>");
        assertThat(text(Ran.jemma(
                        "render", "--compute", "f32", "--model", demo, "--tool-format", "hermes", "--data", row)))
                .contains("[{\"type\": \"function\", \"function\": {\"name\": \"bare\", \"description\": \"d\", ");
        Ran chat = Ran.withInput(
                "/tools\nWeather?\n",
                "chat",
                "--compute",
                "f32",
                "--model",
                demo,
                "--max-new-tokens",
                1,
                "--tools",
                CASES.resolve("48-bare-tools-with-template/tools.json"));
        assertThat(chat.status()).as(chat.err()).isZero();
        assertThat(chat.out())
                .contains("get_weather  Weather of a city\n", "get_time  Time\n")
                .doesNotContain("cannot be asked");
    }

    private static final String QUESTION =
            "{\"messages\": [{\"role\": \"user\", \"content\": \"room\"}, {\"role\": \"assistant\", \"content\":"
                    + " \"yes\"}], \"tools\": [{\"name\": \"heat\"}]}\n";

    private static final String PLAIN =
            "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{{ m['content']"
                    + " }}<end_of_turn>\n{% endfor %}";

    @Test
    void toolsAreWrittenForATemplateThatKnowsNone() throws IOException {
        Path rows = file("tools.jsonl", QUESTION);
        Path plain = file("plain.jinja", PLAIN);
        String rendered = text(
                Ran.jemma("render", "--compute", "f32", "--model", demo, "--chat-template", plain, "--data", rows));
        assertThat(rendered).contains("<tools>\n[{\"type\": \"function\", \"function\": {\"name\": \"heat\"");
        assertThat(text(Ran.jemma(
                        "render",
                        "--compute",
                        "f32",
                        "--model",
                        demo,
                        "--chat-template",
                        plain,
                        "--mask",
                        "--data",
                        rows)))
                .isEqualTo(rendered);
        assertThat(text(Ran.jemma(
                        "render",
                        "--compute",
                        "f32",
                        "--model",
                        demo,
                        "--chat-template",
                        plain,
                        "--tool-format",
                        "functiongemma",
                        "--data",
                        rows)))
                .contains("<start_function_declaration>declaration:heat{");
    }

    @Test
    void aChoiceThatWouldLeaveToolsOutIsRefused() throws IOException {
        Path rows = file("tools.jsonl", QUESTION);
        Path plain = file("plain.jinja", PLAIN);
        String reason = "the conversation declares tools, and the chat template knows none;"
                + " the tool format hermes writes them in the template's turns";
        List<Object> how =
                List.of("--compute", "f32", "--model", demo, "--chat-template", plain, "--tool-format", "template");
        assertThat(Ran.jemma("render", how, "--data", rows).json().get("error").stringValue())
                .isEqualTo(reason);
        assertThat(Ran.jemma("score", how, "--data", rows).err())
                .contains("tools.jsonl:1: the conversation cannot be rendered: " + reason);
        Path messages = file("messages.json", QUESTION);
        assertThat(Ran.jemma("generate", how, "--messages", messages).err()).contains(reason);
        Path calls = file(
                "calls.jsonl",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"tool_calls\":"
                        + " [{\"name\": \"f\"}]}]}\n");
        assertThat(Ran.jemma("render", how, "--data", calls).json().get("error").stringValue())
                .startsWith("the conversation has tool_calls, and the chat template knows none");
    }

    @Test
    void aTemplateAloneIsShownAsItIsAndWhatItLeavesOutIsSaidOnce() throws IOException {
        Path rows = file("tools.jsonl", QUESTION + QUESTION);
        Path plain = file("plain.jinja", PLAIN);
        Ran alone = Ran.jemma("render", "--template", plain, "--data", rows);
        assertThat(text(alone))
                .isEqualTo("<bos><start_of_turn>user\nroom<end_of_turn>\n<start_of_turn>assistant\nyes<end_of_turn>\n");
        assertThat(alone.err())
                .isEqualToIgnoringNewLines(
                        "the template knows no tools, so the text has none; --tool-format hermes writes them in its"
                                + " turns,"
                                + " as train and chat do");
        assertThat(text(Ran.jemma("render", "--template", plain, "--tool-format", "hermes", "--data", rows)))
                .isEqualTo(text(Ran.jemma("render", "--template", plain, "--mask", "--data", rows)))
                .contains("<tools>");
        Ran wrong = Ran.jemma("render", "--template", plain, "--adapter", folder, "--data", rows);
        assertThat(wrong.status()).isEqualTo(2);
        assertThat(wrong.err()).contains("--template stands alone; --model takes --chat-template and --adapter");
    }

    @Test
    void renderFollowsTheAdapterAsTheOthersDo() throws IOException {
        Path rows = file("tools.jsonl", QUESTION);
        Path adapter = Files.createDirectories(folder.resolve("adapter"));
        Files.writeString(adapter.resolve("chat_template.jinja"), PLAIN);
        Files.writeString(adapter.resolve("jemma.json"), "{\"tool_format\": \"functiongemma\"}");
        assertThat(text(Ran.jemma("render", "--compute", "f32", "--model", demo, "--adapter", adapter, "--data", rows)))
                .startsWith("<bos><start_of_turn>system\nYou are a model that can do function calling")
                .contains("<start_of_turn>assistant\nyes");
    }

    @Test
    void aFolderNeedsNoWeightsToBeRendered() throws IOException {
        Path bare = Files.createDirectories(folder.resolve("bare"));
        Files.writeString(bare.resolve("chat_template.jinja"), PLAIN + "{{ eos_token }}");
        Path rows = file("plain.jsonl", "{\"messages\": [{\"role\": \"critic\", \"content\": \"a\"}]}\n");
        assertThat(text(Ran.jemma("render", "--model", bare, "--data", rows)))
                .as("and a template takes any role")
                .isEqualTo("<bos><start_of_turn>critic\na<end_of_turn>\n<eos>");
        Files.writeString(
                bare.resolve("tokenizer_config.json"), "{\"bos_token\": {\"content\": \"<s>\"}, \"eos_token\": null}");
        assertThat(text(Ran.jemma("render", "--model", bare, "--data", rows)))
                .startsWith("<s>")
                .endsWith("<eos>");
        Files.delete(bare.resolve("chat_template.jinja"));
        Ran ran = Ran.jemma("render", "--model", bare, "--data", rows);
        assertThat(ran.status()).isEqualTo(1);
        Files.copy(Ran.MODELS.resolve("gemma3/config.json"), bare.resolve("config.json"));
        assertThat(Ran.jemma(
                                "render",
                                "--model",
                                bare,
                                "--data",
                                file("user.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n"))
                        .json()
                        .get("text")
                        .stringValue())
                .as("the turns of its generation")
                .isEqualTo("<s><start_of_turn>user\na<end_of_turn>\n");
    }

    @Test
    void generateSaysThatItFolds() throws IOException {
        Path messages = file(
                "system.json",
                "[{\"role\": \"system\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]");
        Path strict = file(
                "strict.jinja", "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + PLAIN);
        List<Object> how = List.of("--compute", "f32", "--model", demo, "--messages", messages, "--max-new-tokens", 1);
        assertThat(Ran.jemma("generate", how, "--chat-template", strict, "--json")
                        .err())
                .contains(Texts.FOLDED);
        assertThat(Ran.jemma("generate", how, "--json").err()).doesNotContain(Texts.FOLDED);
    }

    @Test
    void loadedToolsAreNotDroppedWithoutAWord() throws IOException {
        Path talk = file("talk.json", QUESTION);
        Ran ran = Ran.withInput("/load " + talk + "\n", "chat", "--compute", "f32", "--model", demo);
        assertThat(ran.out()).contains("2 turns loaded; its tools are not, --tools FILE offers some");
        ObjectNode plain = (ObjectNode) JsonMapper.shared().readTree(QUESTION);
        plain.remove("tools");
        Ran without = Ran.withInput(
                "/load " + file("plain.json", plain.toString()) + "\n", "chat", "--compute", "f32", "--model", demo);
        assertThat(without.out()).contains("2 turns loaded\n");
        JsonNode bad = plain.deepCopy();
        ((ObjectNode) bad.get("messages").get(0)).put("role", 1);
        assertThat(Ran.withInput(
                                "/load " + file("bad.json", bad.toString()) + "\n",
                                "chat",
                                "--compute",
                                "f32",
                                "--model",
                                demo)
                        .out())
                .contains("/load failed: bad.json:1:22: messages[0].role is 1, wanted a string");
    }
}
