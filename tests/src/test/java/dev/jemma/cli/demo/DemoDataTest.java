package dev.jemma.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.template.ChatTemplate;
import dev.jemma.engine.template.RenderOptions;
import dev.jemma.engine.tokenizer.Encoding;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the bundled demo's files promise; they, and the golden files here, are made by tests/scripts/demo/make_demo.py.
 */
class DemoDataTest {
    private static final Path DEMO = Path.of("../cli/src/main/resources/dev/jemma/cli/demo");
    private static final Path GOLDEN = Path.of("src/test/resources/demo");
    private static final Path SCRIPTS = Path.of("scripts/demo");
    private static final Set<String> METHODS =
            Set.of("heatRoom", "reserveTable", "addShopping", "logSport", "shipParcel", "daysBetween");

    @Test
    void noArgumentValueOfATestRowOccursInATrainingRow() throws IOException {
        assertThat(values(rows("test"))).hasSizeGreaterThan(200).doesNotContainAnyElementsOf(values(rows("train")));
    }

    @Test
    void noQuestionOfATestRowIsATrainingQuestion() throws IOException {
        assertThat(questions("test")).doesNotHaveDuplicates().doesNotContainAnyElementsOf(questions("train"));
    }

    @Test
    void everyMethodHasItsShareOfRows() throws IOException {
        for (String side : List.of("train", "test")) {
            List<JsonNode> rows = rows(side);
            for (String method : METHODS) {
                assertThat(rows.stream()
                                .filter(row ->
                                        call(row).get("name").stringValue().equals(method)))
                        .hasSize(rows.size() / METHODS.size());
            }
        }
    }

    @Test
    void everyRowAcceptsItsOwnCall() throws IOException {
        for (JsonNode row : rows("train")) {
            JsonNode call = call(row);
            JsonNode accepted = row.get("accept").get(0).get(call.get("name").stringValue());
            assertThat(accepted.propertyNames())
                    .containsExactlyElementsOf(call.get("arguments").propertyNames());
            for (var argument : call.get("arguments").properties()) {
                JsonNode wanted = accepted.get(argument.getKey()).get(0);
                if (argument.getValue().isObject()) {
                    for (var field : argument.getValue().properties()) {
                        assertThat(wanted.get(field.getKey()).get(0)).isEqualTo(field.getValue());
                    }
                } else {
                    assertThat(wanted).isEqualTo(argument.getValue());
                }
            }
        }
    }

    @Test
    void theBaseWasMadeWithoutTheMethodNames() throws IOException {
        for (String part : List.of("corpus.py", "words.py", "tok.py", "common.py", "chat_template.jinja")) {
            assertThat(Files.readString(SCRIPTS.resolve(part))).doesNotContain(METHODS);
        }
        assertThat(Files.readString(DEMO.resolve("model/tokenizer.json"))).doesNotContain(METHODS);
    }

    @Test
    void theModelIsAtMostEightMegabytes() throws IOException {
        try (Stream<Path> files = Files.walk(DEMO.resolve("model"))) {
            long bytes = files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
            assertThat(bytes).isBetween(1_000_000L, 8_000_000L);
        }
    }

    @Test
    void tokenIdsOfTheRowsAreHuggingFaces() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(DEMO.resolve("model/tokenizer.json"));
        for (JsonNode row : lines(GOLDEN.resolve("rows.jsonl"))) {
            assertThat(tokenizer.encode(row.get("text").stringValue(), Specials.WITHOUT))
                    .as(row.get("id").stringValue())
                    .containsExactly(ints(row.get("ids")));
        }
    }

    @Test
    void theTemplateRendersAndSupervisesTheRowsAsHuggingFaceDoes() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(DEMO.resolve("model/tokenizer.json"));
        ChatTemplate template = ChatTemplate.parse(Files.readString(DEMO.resolve("model/chat_template.jinja")));
        Map<String, JsonNode> rows = new HashMap<>();
        for (JsonNode row : rows("train")) {
            rows.put(row.get("id").stringValue(), row);
        }
        for (JsonNode row : rows("test")) {
            rows.put(row.get("id").stringValue(), row);
        }
        for (JsonNode golden : lines(GOLDEN.resolve("rows.jsonl"))) {
            JsonNode row = Objects.requireNonNull(rows.get(golden.get("id").stringValue()));
            List<TextSpan> spans = template.render(row.get("messages"), row.get("tools"), RenderOptions.defaults());
            assertThat(TextSpan.join(spans)).isEqualTo(golden.get("text").stringValue());
            Encoding encoding = tokenizer.encodeSpans(spans);
            assertThat(encoding.ids()).containsExactly(ints(golden.get("ids")));
            for (int i = 0; i < encoding.ids().length; i++) {
                assertThat(encoding.generated()[i])
                        .isEqualTo(golden.get("supervised").get(i).intValue() == 1);
            }
        }
    }

    @Test
    void tokenIdsOfOddTextsAreHuggingFaces() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(DEMO.resolve("model/tokenizer.json"));
        for (JsonNode row : lines(GOLDEN.resolve("texts.jsonl"))) {
            String text = row.get("text").stringValue();
            assertThat(tokenizer.encode(text, Specials.WITH)).as(text).containsExactly(ints(row.get("ids")));
        }
    }

    @Test
    void controlTokensHaveGemmasIds() {
        Tokenizer tokenizer = Tokenizer.load(DEMO.resolve("model/tokenizer.json"));
        List<String> control = List.of("<pad>", "<eos>", "<bos>", "<unk>");
        for (int id = 0; id < control.size(); id++) {
            assertThat(tokenizer.id(control.get(id))).hasValue(id);
        }
        assertThat(tokenizer.id("<start_of_turn>")).hasValue(105);
        assertThat(tokenizer.id("<end_of_turn>")).hasValue(106);
        assertThat(tokenizer.id("\n")).hasValue(107);
    }

    /**
     * Every string, number, list item and record field of the calls' arguments; enum constants, which must recur, left
     * out.
     */
    private static Set<String> values(List<JsonNode> rows) {
        Set<String> values = new TreeSet<>();
        for (JsonNode row : rows) {
            for (var argument : call(row).get("arguments").properties()) {
                if (!argument.getKey().equals("sport")) {
                    leaves(argument.getValue(), values);
                }
            }
        }
        return values;
    }

    private static void leaves(JsonNode value, Set<String> values) {
        if (value.isContainer()) {
            value.forEach(part -> leaves(part, values));
        } else {
            values.add(value.asString());
        }
    }

    private static List<String> questions(String side) throws IOException {
        return rows(side).stream()
                .map(row -> row.get("messages").get(0).get("content").stringValue())
                .toList();
    }

    private static JsonNode call(JsonNode row) {
        return row.get("messages").get(1).get("tool_calls").get(0).get("function");
    }

    private static List<JsonNode> rows(String side) throws IOException {
        return lines(DEMO.resolve(side + ".jsonl"));
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        var rows = new ArrayList<JsonNode>();
        for (String line : Files.readAllLines(file)) {
            rows.add(JsonMapper.shared().readTree(line));
        }
        return rows;
    }

    private static int[] ints(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::intValue).toArray();
    }
}
