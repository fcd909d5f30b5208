package dev.jemma.engine.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class EvalReportTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final String TOOLS = """
            "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object",
             "properties": {"a": {"type": "integer", "minimum": 0}, "b": {"type": "string", "enum": ["x", "y"]},
              "c": {"type": "array", "items": {"type": "object", "properties": {"d": {"type": "number"}}, "required": ["d"]}}},
             "required": ["a"]}}}]""";

    private static EvalRow row(String rest) {
        return EvalRow.of(JSON.readTree("{" + TOOLS + ", " + rest + "}"), 1);
    }

    private static final Judge JUDGE = new Judge(ToolCallFormat.named("hermes"));

    @Test
    void scoresAgainstTheRowsOwnCallIfNothingElseIsAccepted() {
        EvalRow row = row("""
                "id": "demo_1", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls":
                 [{"function": {"name": "f", "arguments": {"a": 1, "c": [{"d": 0.5}]}}}]}]""");
        assertThat(JUDGE.judge(
                                row,
                                "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1, \"c\": [{\"d\": 0.5}]}}</tool_call>")
                        .reason())
                .isEmpty();
        assertThat(JUDGE.judge(row, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>")
                        .reason())
                .isEqualTo("simple_function_checker:missing_optional");
        assertThat(JUDGE.judge(
                                row,
                                "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1, \"c\": [{\"d\": 1}]}}</tool_call>")
                        .reason())
                .isEqualTo("value_error:dict_value");
    }

    @Test
    void anAnswerThatCannotBeReadIsWrongWhereCallsAreWantedAndRightWhereNoneIs() {
        String broken = "<tool_call>{\"name\": \"f\", ";
        assertThat(JUDGE.judge(row("\"id\": \"a_1\", \"accept\": [{\"f\": {\"a\": [1]}}]"), broken)
                        .reason())
                .isEqualTo("ast_decoder:decoder_failed");
        Verdict refusal = JUDGE.judge(row("\"id\": \"a_1\", \"accept\": []"), broken);
        assertThat(refusal.correct()).isTrue();
        assertThat(refusal.parsed()).isFalse();
    }

    @Test
    void addsUpToTheDocumentedJson() {
        EvalRow right = row("\"id\": \"live_simple_1-2\", \"accept\": [{\"f\": {\"a\": [1]}}], \"unseen_tools\": true");
        EvalRow wrong = row("\"id\": \"simple_2\", \"accept\": [{\"f\": {\"a\": [1]}}], \"unseen_tools\": false");
        EvalRow refusal = row("\"id\": \"live_irrelevance_3\", \"accept\": []");
        List<Verdict> verdicts = JUDGE.judge(
                List.of(right, wrong, refusal),
                Map.of(
                        right.id(), "<tool_call>{'name': 'f', 'arguments': {'a': 1}}</tool_call>",
                        wrong.id(), "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": -1}}</tool_call>",
                        refusal.id(), "no"));
        ObjectNode json = EvalReport.of(verdicts, OptionalDouble.of(12.5)).toJson();
        assertThat(json.get("rows").intValue()).isEqualTo(3);
        assertThat(json.get("correct").intValue()).isEqualTo(2);
        assertThat(json.get("accuracy").doubleValue()).isEqualTo(2 / 3.0);
        assertThat(json.get("parsed").doubleValue()).isEqualTo(1);
        assertThat(json.get("parsed_strictly").doubleValue()).isEqualTo(2 / 3.0);
        assertThat(json.get("schema_valid").doubleValue()).isEqualTo(2 / 3.0);
        assertThat(json.get("refusals_correct").doubleValue()).isEqualTo(1);
        assertThat(json.get("by_category").propertyNames())
                .containsExactly("live_irrelevance", "live_simple", "simple");
        assertThat(json.get("unseen_tools").get("rows").intValue()).isEqualTo(1);
        assertThat(json.get("tokens_per_second").doubleValue()).isEqualTo(12.5);
        assertThat(json.get("ci95").get(0).doubleValue()).isLessThan(2 / 3.0);
        assertThat(verdicts.get(1).toJson().propertyNames())
                .containsExactly("id", "correct", "reason", "prediction", "explanation");
    }

    @Test
    void intervalsAreWilsons() {
        // 81 of 263: R. G. Newcombe, Statistics in Medicine 17 (1998), table I; all of ten: n / (n + z^2)
        Proportion middle = new Proportion(263, 81);
        assertThat(middle.low()).isCloseTo(0.2553, within(5e-5));
        assertThat(middle.high()).isCloseTo(0.3662, within(5e-5));
        assertThat(new Proportion(10, 10).low()).isCloseTo(0.7225, within(5e-5));
        assertThat(new Proportion(10, 10).high()).isCloseTo(1, within(1e-12));
    }

    @Test
    void schemaProblemsNameThePath() {
        EvalRow row = row("\"id\": \"a_1\", \"accept\": []");
        ObjectNode arguments =
                (ObjectNode) JSON.readTree("{\"a\": -1, \"b\": \"z\", \"c\": [{\"d\": \"1\"}, {}], \"e\": 1}");
        assertThat(SchemaCheck.problems(row.tools(), new ToolCall("f", arguments)))
                .containsExactly(
                        "a is -1, wanted at least 0",
                        "b is \"z\", wanted one of [\"x\",\"y\"]",
                        "c[0].d is \"1\", wanted \"number\"",
                        "c[1].d is missing",
                        "e is not declared");
        assertThat(SchemaCheck.problems(row.tools(), new ToolCall("g", arguments)))
                .containsExactly("there is no tool 'g'");
    }

    @Test
    void rejectsRowsAndPredictionsByPlace(@TempDir Path folder) throws IOException {
        Path rows = Files.writeString(folder.resolve("rows.jsonl"), "{\"id\": \"a\", \"accept\": 3}\n");
        assertThatThrownBy(() -> EvalRow.readAll(rows))
                .isInstanceOf(FormatException.class)
                .hasMessage("rows.jsonl:1: accept is NUMBER, wanted an array");
        Files.writeString(rows, "{\"id\": \"a\", \"accept\": []}\n\n{\"id\": \"a\", \"accept\": []}\n");
        assertThatThrownBy(() -> EvalRow.readAll(rows)).hasMessage("rows.jsonl:3: id 'a' occurs twice");
        Files.writeString(rows, "{\"id\": \"a\"}\n");
        assertThatThrownBy(() -> EvalRow.readAll(rows))
                .hasMessage(
                        "rows.jsonl:1: nothing says what is right: wanted accept, or messages that end with an assistant turn");
        Path predictions = Files.writeString(folder.resolve("p.jsonl"), "{\"id\": \"a\"}\n");
        assertThatThrownBy(() -> Judge.readPredictions(predictions))
                .hasMessage("p.jsonl:1: prediction is missing, wanted a string");
        assertThatThrownBy(() -> JUDGE.judge(List.of(row("\"id\": \"b\", \"accept\": []")), Map.of()))
                .hasMessage(
                        "1 of 1 rows have no prediction, the first is 'b'; predictions are lines {\"id\", \"prediction\"}");
    }
}
