package dev.jemma.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.agent.AgentException.Reason;
import dev.jemma.agent.LanguageModel.Finish;
import dev.jemma.engine.chat.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The table in {@link Policies}: every event, with the defaults and with everything thrown, one call after the other
 * and side by side. Texts that the model is told are compared as they are: they are prompt.
 */
final class PolicyMatrixTest {
    /** Tools that go wrong in every way. */
    static final class Trouble {
        final AtomicInteger runs = new AtomicInteger();
        final AtomicInteger interrupted = new AtomicInteger();

        @Tool
        String fine(int a) {
            runs.incrementAndGet();
            return "result " + a;
        }

        @Tool(effect = Tool.Effect.READS)
        int read() {
            return runs.incrementAndGet();
        }

        @Tool
        int write() {
            return runs.incrementAndGet();
        }

        @Tool
        String retry() {
            runs.incrementAndGet();
            throw new Retry("say please");
        }

        @Tool
        String fail() {
            runs.incrementAndGet();
            throw new ToolFailure("the oven is cold");
        }

        @Tool
        String secret() {
            throw new IllegalStateException("password 1234");
        }

        @Tool
        String fatal() {
            throw new StackOverflowError("deep");
        }

        @Tool
        String interruptedTool() throws InterruptedException {
            throw new InterruptedException();
        }

        @Tool(timeoutMillis = 40)
        String slow() throws InterruptedException {
            try {
                Thread.sleep(20_000);
            } catch (InterruptedException e) {
                interrupted.incrementAndGet();
                throw e;
            }
            return "late";
        }

        @Tool
        String long_() {
            return "a".repeat(500) + "b".repeat(500);
        }
    }

    /**
     * @param turns what the model says before it answers "done"
     * @param told what it is told about its first call that went wrong
     * @param reason why the question ends if everything is thrown, or null if it does not
     * @param runs how often a tool ran
     */
    record Case(
            String name,
            List<String> turns,
            String told,
            @Nullable Reason reason,
            int runs) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static String call(String name, String arguments) {
        return "<tool_call>{\"name\": \"" + name + "\", \"arguments\": " + arguments + "}</tool_call>";
    }

    private static List<String> times(int n, String turn) {
        return Collections.nCopies(n, turn);
    }

    static List<Case> cases() {
        return List.of(
                new Case(
                        "unknown tool",
                        List.of(call("fin", "{}")),
                        "{\"error\":\"there is no tool 'fin'; the tools are fine, fail, fatal, long_, read, slow, write, "
                                + "retry, secret, interruptedTool\"}",
                        Reason.UNKNOWN_TOOL,
                        0),
                new Case(
                        "invalid arguments",
                        List.of(call("fine", "{\"a\": \"x\"}")),
                        "{\"error\":\"a is \\\"x\\\", wanted an integer\"}",
                        Reason.INVALID_CALL,
                        0),
                new Case(
                        "malformed call",
                        List.of("<tool_call>{\"name\" 1}</tool_call>"),
                        "A call of yours could not be read: found '1', wanted ':' (at offset 19). Nothing was run for it.",
                        Reason.INVALID_CALL,
                        0),
                new Case("retry", List.of(call("retry", "{}")), "{\"error\":\"say please\"}", null, 1),
                new Case("failure", List.of(call("fail", "{}")), "{\"error\":\"the oven is cold\"}", null, 1),
                new Case(
                        "exception",
                        List.of(call("secret", "{}")),
                        "{\"error\":\"'secret' failed (number ........)\"}",
                        Reason.TOOL_EXCEPTION,
                        0),
                new Case(
                        "timeout",
                        List.of(call("slow", "{}")),
                        "{\"error\":\"'slow' timed out after 0.04 s\"}",
                        Reason.TIMEOUT,
                        0),
                new Case(
                        "long result",
                        List.of(call("long_", "{}")),
                        "\"" + "a".repeat(133) + "\\n[800 characters left out]\\n" + "b".repeat(67) + "\"",
                        Reason.LONG_RESULT,
                        0),
                new Case(
                        "the same call too often",
                        times(3, call("write", "{}")),
                        "{\"error\":\"this very call was made 2 times already; use its result, or change the arguments\"}",
                        null,
                        2),
                new Case("the same reading again runs once", times(2, call("read", "{}")), "1", null, 1));
    }

    static Stream<Arguments> matrix() {
        return cases().stream().flatMap(each -> Stream.of(ToolOrder.values()).map(order -> Arguments.of(each, order)));
    }

    private static final Limits LIMITS = Limits.DEFAULT.withRepeats(1).withResultChars(200);

    @ParameterizedTest
    @MethodSource("matrix")
    void byDefaultTheModelIsTold(Case each, ToolOrder order) {
        Trouble trouble = new Trouble();
        ScriptedModel model =
                ScriptedModel.of(each.turns().toArray(String[]::new)).then("done");
        List<AgentEvent> events = new ArrayList<>();
        try (Agent agent = Agent.with(model)
                .tools(trouble)
                .limits(LIMITS)
                .order(order)
                .onEvent(events::add)
                .build()) {
            Answer answer = agent.ask("go");
            assertThat(answer.text()).isEqualTo("done");
            assertThat(answer.status()).isEqualTo(Answer.Status.COMPLETE);
        }
        Message last = model.requests().getLast().messages().getLast();
        String told =
                last instanceof Message.ToolResult result ? result.content().toString() : ((Message.User) last).text();
        assertThat(told.replaceFirst("number [0-9a-f]{8}", "number ........")).isEqualTo(each.told());
        assertThat(trouble.runs.get()).isEqualTo(each.runs());
        ToolOutcome outcome = events.stream()
                .filter(AgentEvent.ToolFinished.class::isInstance)
                .map(event -> ((AgentEvent.ToolFinished) event).outcome())
                .reduce((first, second) -> second)
                .orElse(null);
        if (each.name().equals("long result")) {
            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            ToolOutcome.Success.class,
                            success -> assertThat(success.value().stringValue()).hasSize(1000));
        }
        if (each.name().equals("exception")) {
            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            ToolOutcome.Failure.class,
                            failure ->
                                    assertThat(failure.cause()).get().asString().contains("password 1234"));
        }
    }

    @ParameterizedTest
    @MethodSource("matrix")
    void withThrowTheQuestionEndsAndLeavesNoTrace(Case each, ToolOrder order) {
        ScriptedModel model =
                ScriptedModel.of(each.turns().toArray(String[]::new)).then("done");
        try (Agent agent = Agent.with(model)
                .tools(new Trouble())
                .limits(LIMITS)
                .policies(Policies.THROW)
                .order(order)
                .build()) {
            if (each.reason() == null) {
                assertThat(agent.ask("go").text()).isEqualTo("done");
                return;
            }
            assertThatThrownBy(() -> agent.ask("go"))
                    .isInstanceOfSatisfying(
                            AgentException.class, e -> assertThat(e.reason()).isEqualTo(each.reason()))
                    .isInstanceOfSatisfying(
                            AgentException.class,
                            e -> assertThat(e.transcript()).startsWith(new Message.User("go")));
            assertThat(agent.conversation()).isEmpty();
        }
    }

    static Stream<Arguments> limits() {
        String wrong = call("fine", "{}");
        String right = call("fine", "{\"a\": 1}");
        return Stream.of(
                        Arguments.of(
                                "2 model turns", LIMITS.withModelCalls(2), List.of(right, call("fine", "{\"a\": 2}"))),
                        Arguments.of(
                                "1 tool calls", LIMITS.withToolCalls(1), List.of(right + call("fine", "{\"a\": 2}"))),
                        Arguments.of("2 retries of fine", LIMITS, times(3, wrong)),
                        Arguments.of(
                                "2 retries of unknown tools",
                                LIMITS,
                                List.of(call("x", "{}"), call("y", "{}"), call("z", "{}"))),
                        Arguments.of("2 retries of malformed calls", LIMITS, times(3, "<tool_call></tool_call>")),
                        Arguments.of("0.0 s", LIMITS.withTime(Duration.ZERO), List.of()))
                .flatMap(each -> Stream.of(ToolOrder.values())
                        .map(order -> Arguments.of(each.get()[0], each.get()[1], each.get()[2], order)));
    }

    @ParameterizedTest
    @MethodSource("limits")
    void aLimitEndsWithALastAnswerWithoutTools(String limit, Limits limits, List<String> turns, ToolOrder order) {
        ScriptedModel model =
                ScriptedModel.of(turns.toArray(String[]::new)).then("best I can do" + call("fine", "{\"a\": 3}"));
        Trouble trouble = new Trouble();
        List<AgentEvent> events = new ArrayList<>();
        try (Agent agent = Agent.with(model)
                .tools(trouble)
                .limits(limits)
                .order(order)
                .onEvent(events::add)
                .build()) {
            Answer answer = agent.ask("go");
            assertThat(answer.status()).isEqualTo(Answer.Status.LIMIT);
            assertThat(answer.text()).isEqualTo("best I can do");
            assertThat(answer.toolCalls()).isEqualTo(trouble.runs.get());
        }
        assertThat(events).contains(new AgentEvent.LimitReached(limit));
        assertThat(model.requests().getLast().tools()).isEmpty();
        ScriptedModel again = ScriptedModel.of(turns.toArray(String[]::new));
        Policies throwing = Policies.DEFAULT;
        try (Agent agent = Agent.with(again)
                .tools(new Trouble())
                .limits(limits)
                .policies(new Policies(
                        throwing.unknownTool(),
                        throwing.invalidCall(),
                        throwing.exception(),
                        throwing.timeout(),
                        Policies.OnLimit.THROW,
                        throwing.repeat(),
                        throwing.longResult()))
                .order(order)
                .build()) {
            assertThatThrownBy(() -> agent.ask("go")).hasMessage("the limit of " + limit + " is reached");
        }
    }

    static Stream<Arguments> endings() {
        return Stream.of(Finish.LENGTH, Finish.CONTEXT, Finish.REFUSED)
                .flatMap(finish -> Stream.of(ToolOrder.values()).map(order -> Arguments.of(finish, order)));
    }

    @ParameterizedTest
    @MethodSource("endings")
    void aTurnThatWasCutOffOrRefusedRunsNothing(Finish finish, ToolOrder order) {
        Trouble trouble = new Trouble();
        ScriptedModel model = ScriptedModel.of().then("I will" + call("fine", "{\"a\": 1}"), finish);
        try (Agent agent = Agent.with(model).tools(trouble).order(order).build()) {
            Answer answer = agent.ask("go");
            assertThat(answer.status())
                    .isEqualTo(finish == Finish.REFUSED ? Answer.Status.REFUSED : Answer.Status.CUT_OFF);
            assertThat(answer.text()).isEqualTo("I will");
        }
        assertThat(trouble.runs.get()).isZero();
    }

    @ParameterizedTest
    @MethodSource("orders")
    void errorsAndInterruptsOfToolsAreThrownAtOnce(ToolOrder order) {
        try (Agent agent = Agent.with(ScriptedModel.of(call("fatal", "{}"), call("interruptedTool", "{}")))
                .tools(new Trouble())
                .order(order)
                .build()) {
            assertThatThrownBy(() -> agent.ask("go")).isInstanceOf(StackOverflowError.class);
            assertThatThrownBy(() -> agent.ask("go")).isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(agent.conversation()).isEmpty();
        }
    }

    static Stream<ToolOrder> orders() {
        return Stream.of(ToolOrder.values());
    }
}
