package dev.jemma.engine.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.agent.Param;
import dev.jemma.agent.Tool;
import dev.jemma.agent.bind.Coercion;
import dev.jemma.agent.bind.Invocation;
import dev.jemma.agent.bind.ToolBinder;
import dev.jemma.agent.bind.ToolMethod;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.engine.toolcall.CallReader;
import dev.jemma.engine.toolcall.LooseJson;
import dev.jemma.engine.toolcall.ParsedReply;
import dev.jemma.engine.toolcall.Recognition;
import dev.jemma.engine.toolcall.Repair;
import dev.jemma.engine.toolcall.ToolCallFormat;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Whatever the logits, a call that is finished type-checks: random models, with and without tokens for the markers. */
final class CallConstraintTest {
    enum Mode {
        SLOW,
        @Param(name = "very fast \"x\"")
        FAST
    }

    sealed interface Shape {}

    record Circle(float radius) implements Shape {}

    record Square(int side, Optional<Shape> inside) implements Shape {}

    record Tree(String name, List<Tree> children) {}

    static final class Tools {
        @Tool
        String scalars(
                byte b,
                short s,
                int i,
                long l,
                BigInteger big,
                float f,
                double d,
                BigDecimal exact,
                boolean z,
                char c,
                String text,
                Mode mode,
                UUID uuid) {
            return "ok";
        }

        @Tool
        String times(
                LocalDate date,
                LocalTime time,
                LocalDateTime dateTime,
                OffsetDateTime offset,
                ZonedDateTime zoned,
                Instant instant,
                Duration duration,
                Period period,
                Year year,
                YearMonth month,
                ZoneId zone,
                URI uri) {
            return "ok";
        }

        @Tool
        String nested(
                Optional<Shape> shape,
                Tree tree,
                Map<Mode, int[]> byMode,
                Map<Integer, Set<Mode>> byNumber,
                @Param(defaultValue = "3") int other,
                JsonNode any) {
            return "ok";
        }

        @Tool
        String none() {
            return "ok";
        }
    }

    private static final ToolBinder BINDER = ToolBinder.of(new Tools());
    private static final List<ToolSpec> SPECS =
            BINDER.tools().stream().map(ToolMethod::exactSpec).toList();

    /** ASCII, some longer tokens that cross the borders of the grammar's parts, and two end tokens; perhaps markers. */
    private static TokenTexts vocabulary(boolean markers) {
        List<String> texts = new ArrayList<>(List.of("<bos>", "<end_of_turn>", "<tool_call>", "</tool_call>"));
        for (char c = ' '; c < 127; c++) {
            texts.add(String.valueOf(c));
        }
        texts.addAll(List.of(
                "\n",
                "\t",
                "é",
                "😀",
                "\uFFFD",
                "",
                "{\"",
                "\": ",
                "\", \"",
                "\"}",
                "}}",
                "}\n",
                ">\n",
                "_call>",
                "call>{",
                ">{\"name",
                "{\"name\": \"",
                "\"name\": \"none\"",
                "arguments",
                "\", \"arguments\": {",
                "tool",
                "</",
                "</tool",
                "></",
                "scal",
                "ars",
                "true",
                "fal",
                "12",
                "00",
                "-1",
                "2026-0",
                "T1",
                "[]",
                "[[",
                "], ",
                " word",
                "the room",
                "\\\"",
                "\\u00",
                "\\n",
                ".5",
                "E1",
                "<tool_",
                "ll>x",
                "e\", ",
                ">",
                ">",
                "\"",
                "e",
                "> and so on",
                ">\n<tool_call"));
        BitSet controls = new BitSet();
        controls.set(0, markers ? 4 : 2);
        if (!markers) {
            texts.set(2, "x2");
            texts.set(3, "x3");
        }
        return TokenTexts.of(texts, controls);
    }

    /** Generates with random logits that come to like closing characters, until the first call is over. */
    private static String generate(
            TokenTexts tokens,
            CallConstraint.Calls calls,
            CallConstraint.Choice choice,
            Random random,
            ParsedReplyBuilder reply) {
        CallConstraint constraint = new CallConstraint(calls, choice);
        StringBuilder text = new StringBuilder();
        for (int step = 0; step < 3000; step++) {
            float[] logits = new float[tokens.size() + 3];
            for (int id = 0; id < logits.length; id++) {
                logits[id] = random.nextFloat();
                String token = tokens.text(id);
                if (step > 40 && !token.isEmpty() && "\"}]".indexOf(token.charAt(0)) >= 0
                        || step > 80 && token.matches("[}\\]]+|\"|\"}")) {
                    logits[id] += 2;
                }
            }
            for (int id = tokens.size(); id < logits.length; id++) {
                logits[id] = Float.NEGATIVE_INFINITY;
            }
            constraint.mask(logits);
            int best = 0;
            for (int id = 1; id < logits.length; id++) {
                best = logits[id] > logits[best] ? id : best;
            }
            assertThat(logits[best]).as("a token may come after %s", text).isGreaterThan(Float.NEGATIVE_INFINITY);
            constraint.accept(best);
            text.append(tokens.text(best));
            if (reply.add(tokens.text(best), tokens.isControl(best))) {
                return text.toString();
            }
        }
        throw new AssertionError("no call came to an end: " + text.substring(0, 300));
    }

    /** Reads along; true once a call ended. */
    private static final class ParsedReplyBuilder {
        private final CallReader reader;
        private final List<CallEvent> events = new ArrayList<>();

        ParsedReplyBuilder(Recognition recognition, Set<Repair> allowed) {
            reader = ToolCallFormat.named("hermes").reader(recognition, allowed);
        }

        boolean add(String text, boolean control) {
            events.addAll(control ? reader.control(text) : reader.feed(text));
            return events.stream()
                    .anyMatch(event -> event instanceof CallEvent.Completed || event instanceof CallEvent.Malformed);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyFinishedCallTypeChecks(boolean markers) {
        TokenTexts tokens = vocabulary(markers);
        CallConstraint.Calls calls = new CallConstraint.Calls(SPECS, tokens);
        Random random = new Random(1);
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            ParsedReplyBuilder reply = new ParsedReplyBuilder(
                    markers ? Recognition.TOKENS : Recognition.TEXT, Set.of(Repair.DUPLICATE_KEY));
            String text = generate(tokens, calls, CallConstraint.Choice.REQUIRED, random, reply);
            ParsedReply parsed = new ParsedReply(reply.events);
            assertThat(parsed.malformed()).as(text).isEmpty();
            ToolCall call = parsed.calls().getFirst();
            Invocation bound = BINDER.bind(call, List.of()).orThrow();
            assertThat(bound.coercions()).as(text).allMatch(each -> each.kind() == Coercion.Kind.ROUNDED);
            names.add(call.name());
        }
        assertThat(names).contains("scalars", "times", "nested", "none");
    }

    @Test
    void freeTextStaysFreeUntilACallBegins() {
        TokenTexts tokens = vocabulary(false);
        CallConstraint.Calls calls = new CallConstraint.Calls(SPECS, tokens);
        CallConstraint constraint = new CallConstraint(calls, CallConstraint.Choice.FREE);
        float[] logits = new float[tokens.size()];
        constraint.mask(logits);
        assertThat(logits).containsOnly(0);
        for (String piece : List.of("<tool_", "c", "a", "l", "l")) {
            constraint.accept(id(tokens, piece));
        }
        constraint.mask(logits);
        assertThat(logits[id(tokens, ">\n")]).isZero();
        assertThat(logits[id(tokens, ">{\"name")]).isZero();
        assertThat(logits[id(tokens, "></")]).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(logits[id(tokens, "x2")]).isZero();
        constraint.accept(id(tokens, ">{\"name"));
        constraint.mask(logits);
        assertThat(logits[id(tokens, "\": ")]).isZero();
        assertThat(logits[1]).as("no end of turn within a call").isEqualTo(Float.NEGATIVE_INFINITY);
        assertThatThrownBy(() -> constraint.accept(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("token 1 came within a call, where it was masked");
    }

    private static int id(TokenTexts tokens, String text) {
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.text(id).equals(text)) {
                return id;
            }
        }
        throw new AssertionError(text);
    }

    @Test
    void whatOurFormatWritesIsAdmitted() {
        TokenTexts tokens = vocabulary(false);
        List<ToolCall> calls = List.of(
                new ToolCall("none", object("{}")),
                new ToolCall(
                        "nested",
                        object(
                                "{\"any\": [1, {\"a\": null}], \"tree\": {\"name\": \"a\\\"b\\n😀\", \"children\": [{\"name\": \"\", \"children\": []}]}, "
                                        + "\"byMode\": {\"SLOW\": [1, -2]}, \"byNumber\": {\"7\": [\"very fast \\\"x\\\"\"]}, \"shape\": {\"type\": \"Square\", \"side\": 3, "
                                        + "\"inside\": {\"type\": \"Circle\", \"radius\": 0.5}}}")),
                new ToolCall(
                        "times",
                        object(
                                "{\"date\": \"2024-02-29\", \"time\": \"17:30\", \"dateTime\": \"2026-01-31T00:00:00\", \"offset\": \"2026-01-31T17:30:00+01:00\", "
                                        + "\"zoned\": \"2026-01-31T17:30:00Z[UTC]\", \"instant\": \"2026-01-31T17:30:00Z\", \"duration\": \"PT1H30M\", \"period\": \"P1Y2M3D\", "
                                        + "\"year\": \"2026\", \"month\": \"2026-12\", \"zone\": \"Europe/Paris\", \"uri\": \"https://example.org/a\"}")));
        for (ToolCall call : calls) {
            assertThat(BINDER.bind(call, List.of())).isInstanceOf(Invocation.class);
            CallConstraint constraint =
                    new CallConstraint(new CallConstraint.Calls(SPECS, tokens), CallConstraint.Choice.FREE);
            String text = ToolCallFormat.named("hermes").write(call);
            StringBuilder accepted = new StringBuilder();
            text.codePoints().forEach(c -> {
                accepted.appendCodePoint(c);
                assertThatCode(() -> constraint.accept(id(tokens, Character.toString(c))))
                        .as(accepted.toString())
                        .doesNotThrowAnyException();
            });
        }
    }

    private static ObjectNode object(String json) {
        return (ObjectNode) LooseJson.parse(json);
    }

    @Test
    void refusesToolsThatCannotBeCalled() {
        assertThatThrownBy(() -> new CallConstraint.Calls(List.of(), vocabulary(true)))
                .hasMessage("there are no tools to call");
        ToolSpec impossible = new ToolSpec(
                "f",
                "",
                object("{\"type\": \"object\", \"properties\": {\"a\": {\"enum\": []}}, \"required\": [\"a\"]}"));
        assertThatThrownBy(() -> new CallConstraint.Calls(List.of(impossible), vocabulary(true)))
                .hasMessage("no arguments satisfy the schema of 'f'");
    }

    @Test
    void theSameMaskIsFoundWithAndWithoutTheShortCuts() {
        TokenTexts tokens = vocabulary(false);
        CallConstraint.Calls calls = new CallConstraint.Calls(SPECS, tokens);
        Random random = new Random(5);
        CallConstraint walked = new CallConstraint(calls, CallConstraint.Choice.REQUIRED);
        StringBuilder text = new StringBuilder();
        for (int step = 0; step < 60; step++) {
            float[] logits = new float[tokens.size()];
            walked.mask(logits);
            List<Integer> allowed = new ArrayList<>();
            for (int id = 0; id < tokens.size(); id++) {
                boolean accepted = accepts(calls, tokens, text + tokens.text(id))
                        && !tokens.isControl(id)
                        && !tokens.text(id).isEmpty();
                assertThat(logits[id] == 0)
                        .as("'%s' after %s", tokens.text(id), text)
                        .isEqualTo(accepted);
                if (accepted) {
                    allowed.add(id);
                }
            }
            int chosen = allowed.get(random.nextInt(allowed.size()));
            walked.accept(chosen);
            text.append(tokens.text(chosen));
            if (text.indexOf("</tool_call>") > 0) {
                return;
            }
        }
    }

    /** Char by char from the beginning, with nothing remembered. */
    private static boolean accepts(CallConstraint.Calls calls, TokenTexts tokens, String text) {
        CallConstraint constraint = new CallConstraint(calls, CallConstraint.Choice.REQUIRED);
        try {
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                constraint.accept(id(tokens, Character.toString(c)));
                i += Character.charCount(c);
            }
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }
}
