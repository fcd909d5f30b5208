package dev.jemma.engine.toolcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.ToolCall;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.RandomJson;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

final class CallReaderTest {
    static List<ToolCallFormat> formats() {
        return ToolCallFormat.all();
    }

    private static List<CallEvent> inPieces(ToolCallFormat format, String text, int... cuts) {
        CallReader reader = format.reader(Recognition.TEXT);
        List<CallEvent> events = new ArrayList<>();
        int from = 0;
        for (int cut : cuts) {
            events.addAll(reader.feed(text.substring(from, cut)));
            from = cut;
        }
        events.addAll(reader.feed(text.substring(from)));
        events.addAll(reader.finish());
        return new ParsedReply(events).events();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void givesTheSameEventsHoweverTheAnswerIsCut(ToolCallFormat format) throws IOException {
        for (JsonNode row : CorpusTest.rows(format)) {
            String text = row.get("text").stringValue();
            List<CallEvent> whole = format.parse(text).events();
            for (int cut = 0; cut <= text.length(); cut++) {
                assertThat(inPieces(format, text, cut))
                        .as("%s cut at %d", text, cut)
                        .isEqualTo(whole);
            }
            int[] everywhere = new int[text.length()];
            for (int i = 0; i < everywhere.length; i++) {
                everywhere[i] = i;
            }
            assertThat(inPieces(format, text, everywhere)).as(text).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void readsBackWhatItWrites(ToolCallFormat format) {
        RandomJson json = new RandomJson(new Random(1), List.of("<tool", "</tool_call", "<esc", "<start_of_turn>"));
        for (int i = 0; i < 2000; i++) {
            List<ToolCall> calls = new ArrayList<>();
            for (int n = i % 3; n >= 0; n--) {
                calls.add(new ToolCall("tool." + n, json.object(4)));
            }
            String text = format.write(calls);
            ParsedReply reply = format.parse(text);
            assertThat(reply.calls()).as(text).isEqualTo(calls);
            assertThat(reply.text()).as(text).isBlank();
            assertThat(reply.repairs()).allMatch(repair -> repair.repair() == Repair.QUOTED_KEY);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void dataCannotForgeStructure(ToolCallFormat format) {
        RandomJson json = new RandomJson(new Random(2), format.markers());
        for (int i = 0; i < 2000; i++) {
            ToolCall call = new ToolCall("f", json.object(3));
            String text = format.write(call);
            ParsedReply reply = format.parse(text);
            assertThat(reply.calls()).as(text).hasSize(1);
            assertThat(reply.malformed()).isEmpty();
            assertThat(shape(reply.calls().getFirst().arguments())).as(text).isEqualTo(shape(call.arguments()));
            String result = format.writeResult("f", call.arguments());
            assertThat(format.parse(result).calls()).as(result).isEmpty();
        }
        ToolCall spoof = new ToolCall("f<end_function_call>", json.object(1));
        assertThat(format.parse(format.write(spoof)).calls()).hasSizeLessThan(2);
    }

    /** The kinds of all values in order of keys, without keys and texts. */
    private static String shape(JsonNode value) {
        return value.isContainer()
                ? value.getNodeType()
                        + value.valueStream()
                                .map(CallReaderTest::shape)
                                .sorted()
                                .toList()
                                .toString()
                : value.getNodeType().toString();
    }

    @Test
    void hermesKeepsItsOwnTagsInDataExactly() {
        ToolCallFormat format = ToolCallFormat.named("hermes");
        RandomJson json = new RandomJson(new Random(3), format.markers());
        for (int i = 0; i < 500; i++) {
            ToolCall call = new ToolCall("f", json.object(3));
            assertThat(format.parse(format.write(call)).calls()).containsExactly(call);
        }
    }

    @Test
    void byTokensOnlyControlTokensAreMarkers() {
        ToolCallFormat format = ToolCallFormat.named("functiongemma");
        CallReader reader = format.reader(Recognition.TOKENS);
        List<CallEvent> events = new ArrayList<>();
        events.addAll(reader.feed("say <start_function_call>call:f{}<end_function_call> "));
        events.addAll(reader.control("<start_function_call>"));
        events.addAll(reader.feed("call:f{a:"));
        events.addAll(reader.control("<escape>"));
        events.addAll(reader.feed("x<escape>,<end_function_call>"));
        events.addAll(reader.control("<escape>"));
        events.addAll(reader.feed("}"));
        events.addAll(reader.control("<end_function_call>"));
        events.addAll(reader.finish());
        ParsedReply reply = new ParsedReply(events);
        assertThat(reply.text()).isEqualTo("say <start_function_call>call:f{}<end_function_call> ");
        assertThat(reply.calls()).hasSize(1);
        assertThat(reply.calls().getFirst().arguments().get("a").stringValue())
                .isEqualTo("x<escape>,<end_function_call>");
        assertThat(reply.repairs()).isEmpty();
    }

    @Test
    void byTokensAnOpenQuoteDoesNotHideTheEnd() {
        CallReader reader = ToolCallFormat.named("hermes").reader(Recognition.TOKENS);
        reader.control("<tool_call>");
        reader.feed("{\"name\": \"f\\");
        assertThat(reader.insideCall()).isTrue();
        List<CallEvent> events = reader.control("</tool_call>");
        assertThat(events).hasSize(1).first().isInstanceOf(CallEvent.Malformed.class);
        assertThat(reader.insideCall()).isFalse();
    }

    @Test
    void reportsTextAtOnceUnlessItCouldBeginAMarker() {
        CallReader reader = ToolCallFormat.named("hermes").reader(Recognition.TEXT);
        assertThat(reader.feed("a < b")).containsExactly(new CallEvent.Text(0, "a < b"));
        assertThat(reader.feed(" <tool_")).containsExactly(new CallEvent.Text(5, " "));
        assertThat(reader.feed("x")).containsExactly(new CallEvent.Text(6, "<tool_x"));
        assertThat(reader.feed("<tool_call>")).containsExactly(new CallEvent.Started(13));
    }

    @Test
    void refusesInputAfterTheEnd() {
        CallReader reader = ToolCallFormat.named("hermes").reader(Recognition.TEXT);
        reader.finish();
        assertThatThrownBy(() -> reader.feed("x"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the answer has ended; a new one needs a new reader");
    }

    @Test
    void strictReadingRefusesWhatNeedsARepair() {
        ParsedReply reply = ToolCallFormat.named("hermes")
                .parse("<tool_call>{'name': 'f', 'arguments': {}}</tool_call>", ToolCallFormat.STRICT);
        assertThat(reply.calls()).isEmpty();
        CallError error = reply.malformed().getFirst().error();
        assertThat(error.kind()).isEqualTo(CallError.Kind.REPAIR_FORBIDDEN);
        assertThat(error).hasToString("not well-formed: would need the repair PYTHON_LITERAL (at offset 12)");
        assertThat(ToolCallFormat.named("hermes")
                        .parse("<tool_call>{'name': 'f', 'arguments': {}}</tool_call>", Set.of(Repair.PYTHON_LITERAL))
                        .calls())
                .hasSize(1);
    }

    @Test
    void errorsSayWhereWhatAndWanted() {
        ToolCallFormat hermes = ToolCallFormat.named("hermes");
        assertThat(error(hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\" 1}}</tool_call>"))
                .isEqualTo("found '1', wanted ':' (at offset 43)");
        assertThat(error(hermes, "<tool_call>{\"name\": \"f\", \"arguments\": 3}</tool_call>"))
                .isEqualTo("'arguments' is a number, wanted an object (at offset 11)");
        assertThat(error(hermes, "<tool_call>{\"arguments\": {}}</tool_call>"))
                .isEqualTo("'name' is missing, wanted the name of a function (at offset 11)");
        assertThat(error(hermes, "x<tool_call>{")).isEqualTo("the call has no end: wanted </tool_call> (at offset 13)");
        assertThat(error(hermes, "<tool_call>" + "[".repeat(70) + "</tool_call>"))
                .isEqualTo("brackets nest deeper than 64 (at offset 75)");
        assertThat(error(hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1e10000}}</tool_call>"))
                .isEqualTo("the number 1e10000 has an exponent beyond 9999 (at offset 44)");
        assertThat(error(ToolCallFormat.named("functiongemma"), "<start_function_call>call:{}<end_function_call>"))
                .isEqualTo("found '{', wanted the name of a function (at offset 26)");
        assertThatThrownBy(() -> ToolCallFormat.named("xml"))
                .hasMessage("unknown tool-call format 'xml', wanted one of hermes, functiongemma");
    }

    private static String error(ToolCallFormat format, String text) {
        return format.parse(text).malformed().getFirst().error().toString();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void takesLinearTimeOnMuchTrouble(ToolCallFormat format) {
        List<String> units = List.of(
                format.opening(),
                format.opening() + "\\\"" + format.closing() + "x",
                "<",
                "'\"\\",
                "[",
                "{a:",
                "1",
                "a:<escape>",
                format.opening() + "{\"a\" ",
                "a:,",
                " ",
                format.opening() + "\"" + format.closing(),
                "<escape> ",
                "x, ");
        for (String unit : units) {
            String trouble = format.opening() + unit.repeat(200_000 / unit.length());
            org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
                assertThat(format.parse(trouble).events()).isNotEmpty();
                CallReader reader = format.reader(Recognition.TEXT);
                for (int i = 0; i < trouble.length(); i++) {
                    reader.feed(trouble.substring(i, i + 1));
                }
                assertThat(reader.finish()).isNotNull();
                assertThat(format.parse(trouble + format.closing()).events()).isNotEmpty();
            });
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    @Tag("fuzz")
    @Timeout(value = 20, unit = TimeUnit.MINUTES, threadMode = ThreadMode.SEPARATE_THREAD)
    void survivesTruncationAndMutation(ToolCallFormat format) throws IOException {
        Random random = new Random(4);
        List<String> texts = new ArrayList<>();
        for (JsonNode row : CorpusTest.rows(format)) {
            texts.add(row.get("text").stringValue());
        }
        for (String text : texts) {
            for (int end = 0; end < text.length(); end++) {
                checkInvariants(format, text.substring(0, end));
            }
        }
        String alphabet = "{}[]():,='\"\\<>/ \n0-.eTa\u0000\uD83D" + "é";
        for (int i = Fuzz.mutations(3000); i > 0; i--) {
            StringBuilder text = new StringBuilder(texts.get(random.nextInt(texts.size())));
            for (int n = random.nextInt(4); n >= 0; n--) {
                int at = random.nextInt(text.length() + 1);
                switch (random.nextInt(4)) {
                    case 0 -> text.insert(at, alphabet.charAt(random.nextInt(alphabet.length())));
                    case 1 -> text.delete(at, Math.min(text.length(), at + 1 + random.nextInt(3)));
                    case 2 ->
                        text.insert(
                                at,
                                format.markers()
                                        .get(random.nextInt(format.markers().size())));
                    default -> {
                        String other = texts.get(random.nextInt(texts.size()));
                        text.insert(at, other, 0, random.nextInt(other.length() + 1));
                    }
                }
            }
            checkInvariants(format, text.toString());
        }
    }

    /** Nothing thrown, nothing lost: text and raw calls joined are the answer, and every place lies in it. */
    private static void checkInvariants(ToolCallFormat format, String text) {
        ParsedReply reply = format.parse(text);
        StringBuilder joined = new StringBuilder();
        int lastRaw = -1;
        for (CallEvent event : reply.events()) {
            assertThat(event.offset()).isBetween(0, text.length());
            switch (event) {
                case CallEvent.Text piece -> joined.append(piece.text());
                case CallEvent.Started started -> lastRaw = -1;
                case CallEvent.Completed call -> {
                    if (call.offset() != lastRaw) {
                        joined.append(call.raw());
                    }
                    lastRaw = call.offset();
                }
                case CallEvent.Malformed bad -> {
                    joined.append(bad.raw());
                    assertThat(bad.error().offset()).isBetween(0, text.length());
                    assertThat(bad.error().message()).doesNotContain("\n");
                }
            }
        }
        assertThat(joined.toString()).isEqualTo(text);
        int cut = text.length() / 2;
        assertThat(inPieces(format, text, cut)).isEqualTo(reply.events());
    }
}
