package dev.jemma.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.agent.LanguageModel.Finish;
import dev.jemma.agent.bind.Coercion;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.toolcall.CallEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AgentTest {
    record Warmest(String room, double celsius) {}

    static final class Home {
        final Map<String, Double> temperatures = Map.of("kitchen", 21.5, "study", 18.0);

        @Tool("Temperature of a room in degrees Celsius")
        double temperature(@Param("room id") String room) {
            Double celsius = temperatures.get(room);
            if (celsius == null) {
                throw new Retry("no room '" + room + "'; the rooms are kitchen, study");
            }
            return celsius;
        }

        @Tool("All room ids")
        List<String> rooms() {
            return List.of("kitchen", "study");
        }
    }

    private static String call(String name, String arguments) {
        return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments + "}\n</tool_call>";
    }

    @Test
    void answersATypedQuestionByCallingMethods() {
        ScriptedModel model = ScriptedModel.of(
                call("rooms", "{}"),
                call("temperature", "{\"room\": \"kitchen\"}") + "\n" + call("temperature", "{\"room\": \"study\"}"),
                "Here it is: {\"room\": \"kitchen\", \"celsius\": 21.5}");
        List<AgentEvent> events = new ArrayList<>();
        try (Agent agent = Agent.with(model)
                .tools(new Home())
                .system("Be brief.")
                .onEvent(events::add)
                .build()) {
            assertThat(agent.ask("Which room is warmest?", Warmest.class)).isEqualTo(new Warmest("kitchen", 21.5));
            assertThat(agent.conversation()).hasSize(8);
        }
        List<Message> last = model.requests().getLast().messages();
        assertThat(last.getFirst()).isEqualTo(new Message.System("Be brief."));
        assertThat(((Message.User) last.get(1)).text()).isEqualTo("""
                        Which room is warmest?

                        Answer with JSON alone, by this JSON Schema: {"type": "object", "properties": {"room": {"type": "string"}, \
                        "celsius": {"type": "number"}}, "required": ["room", "celsius"]}""");
        assertThat(last.subList(4, 7))
                .extracting(message -> message.getClass().getSimpleName())
                .containsExactly("Assistant", "ToolResult", "ToolResult");
        assertThat(((Message.ToolResult) last.get(5)).content().doubleValue()).isEqualTo(21.5);
        assertThat(((Message.ToolResult) last.get(5)).id()).isEqualTo("call_2");
        assertThat(events).filteredOn(AgentEvent.ToolStarted.class::isInstance).hasSize(3);
        assertThat(events.getLast()).isInstanceOf(AgentEvent.Answered.class);
    }

    @Test
    void asksAgainForAnAnswerThatDoesNotBind() {
        ScriptedModel model = ScriptedModel.of(
                "The kitchen.", "{\"room\": 1, \"celsius\": \"hot\"}", "{\"room\": \"kitchen\", \"celsius\": 21}");
        try (Agent agent = Agent.with(model).build()) {
            assertThat(agent.ask("Which?", Warmest.class)).isEqualTo(new Warmest("kitchen", 21));
        }
        assertThat(((Message.User) model.requests().get(1).messages().getLast()).text())
                .startsWith("That cannot be used: there is no JSON in it. Answer with JSON alone");
        assertThat(((Message.User) model.requests().get(2).messages().getLast()).text())
                .startsWith("That cannot be used: celsius is \"hot\", wanted a number. Answer with JSON alone");
    }

    @Test
    void givesUpOnAnAnswerOfTheWrongType() {
        try (Agent agent = Agent.with(ScriptedModel.of("a", "b", "c")).build()) {
            assertThatThrownBy(() -> agent.ask("Which?", Warmest.class))
                    .isInstanceOf(AgentException.class)
                    .hasMessage("the answer is no Warmest: there is no JSON in it; it is \"c\"");
            assertThat(agent.conversation()).isEmpty();
        }
        try (Agent agent = Agent.with(ScriptedModel.of().then("{\"room\": \"kit", Finish.LENGTH))
                .build()) {
            assertThatThrownBy(() -> agent.ask("Which?", Warmest.class))
                    .hasMessage("the answer is no Warmest: there is no JSON in it; it is \"{\\\"room\\\": \\\"kit\""
                            + " (cut off; allow more new tokens or a longer context)");
        }
    }

    enum Color {
        RED,
        DARK_GREEN
    }

    @Test
    void typedAnswersMayBePlainValues() {
        try (Agent agent = Agent.with(
                        ScriptedModel.of("dark green", "42", "2026-01-31", "```json\n[1, 2]\n```", "yes?", "true"))
                .build()) {
            assertThat(agent.ask("?", Color.class)).isEqualTo(Color.DARK_GREEN);
            assertThat(agent.ask("?", int.class)).isEqualTo(42);
            assertThat(agent.ask("?", java.time.LocalDate.class)).isEqualTo("2026-01-31");
            assertThat(agent.ask("?", long[].class)).containsExactly(1, 2);
            assertThat(agent.ask("?", Boolean.class)).isTrue();
        }
    }

    @Test
    void remembersWholeTurnsAndForgetsTheOldestWhole() {
        ScriptedModel model = ScriptedModel.of(call("rooms", "{}"), "one", "two", "three");
        try (Agent agent = Agent.with(model)
                .tools(new Home())
                .limits(Limits.DEFAULT.withRememberedTurns(2))
                .build()) {
            agent.ask("a");
            agent.ask("b");
            assertThat(model.requests().getLast().messages()).hasSize(5);
            agent.ask("c");
            assertThat(agent.conversation()).first().isEqualTo(new Message.User("b"));
            agent.reset();
            assertThat(agent.conversation()).isEmpty();
        }
    }

    @Test
    void toolsThatWereFilteredOutAreNotRun() {
        ScriptedModel model = ScriptedModel.of(call("rooms", "{}"), "ok");
        try (Agent agent = Agent.with(model)
                .toolbox(Toolbox.of(new Home()).without("rooms"))
                .build()) {
            agent.ask("go");
        }
        assertThat(model.requests().getFirst().tools())
                .extracting(tool -> tool.name())
                .containsExactly("temperature");
        assertThat(((Message.ToolResult) model.requests().getLast().messages().getLast())
                        .content()
                        .toString())
                .isEqualTo("{\"error\":\"there is no tool 'rooms'; the tools are temperature\"}");
        assertThat(Toolbox.of(new Home()).only("rooms").specs()).hasSize(1);
        assertThatThrownBy(() -> Toolbox.of(new Home()).only("x"))
                .hasMessage("there is no tool 'x', only rooms, temperature");
    }

    static final class Mixed {
        final List<String> log = Collections.synchronizedList(new ArrayList<>());
        final AtomicInteger state = new AtomicInteger();
        final CyclicBarrier barrier = new CyclicBarrier(2);

        @Tool(effect = Tool.Effect.READS)
        int look() {
            log.add("look");
            return state.get();
        }

        @Tool
        void change() {
            log.add("change");
            state.incrementAndGet();
        }

        @Tool(effect = Tool.Effect.DESTRUCTIVE)
        void wipe() {
            log.add("wipe");
        }

        @Tool
        String meet(int me) throws Exception {
            barrier.await(10, TimeUnit.SECONDS);
            return "met " + me;
        }

        @Tool
        CompletableFuture<String> later() {
            return CompletableFuture.supplyAsync(() -> "future");
        }
    }

    private static final Approval NO_WIPING =
            invocation -> invocation.tool().name().equals("wipe")
                    ? new Approval.Decision.Deny("not today")
                    : new Approval.Decision.Allow();

    @Test
    void aReadingIsReusedOnlyUntilSomethingMayHaveChanged() {
        Mixed mixed = new Mixed();
        ScriptedModel model = ScriptedModel.of(
                call("look", "{}") + call("look", "{}") + call("change", "{}") + call("look", "{}"), "ok");
        try (Agent agent = Agent.with(model).tools(mixed).approval(NO_WIPING).build()) {
            agent.ask("go");
        }
        assertThat(mixed.log).containsExactly("look", "change", "look");
        assertThat(model.requests().getLast().messages().stream()
                        .filter(Message.ToolResult.class::isInstance)
                        .map(m -> ((Message.ToolResult) m).content().toString()))
                .containsExactly("0", "0", "\"done\"", "1");
    }

    @Test
    void sideBySideTheSameReadingRunsOnce() {
        Mixed mixed = new Mixed();
        ScriptedModel model = ScriptedModel.of(call("look", "{}") + call("look", "{}"), "ok");
        try (Agent agent = Agent.with(model)
                .tools(mixed)
                .approval(NO_WIPING)
                .order(ToolOrder.PARALLEL)
                .build()) {
            agent.ask("go");
        }
        assertThat(mixed.log).containsExactly("look");
        assertThat(((Message.ToolResult) model.requests().getLast().messages().getLast())
                        .content()
                        .intValue())
                .isZero();
    }

    @Test
    void sideBySideCallsReallyMeetAndKeepTheirOrder() {
        ScriptedModel model =
                ScriptedModel.of(call("meet", "{\"me\": 1}") + call("meet", "{\"me\": 2}") + call("later", "{}"), "ok");
        try (Agent agent = Agent.with(model)
                .tools(new Mixed())
                .approval(NO_WIPING)
                .order(ToolOrder.PARALLEL)
                .build()) {
            agent.ask("go");
        }
        assertThat(model.requests().getLast().messages().stream()
                        .filter(Message.ToolResult.class::isInstance)
                        .map(m -> ((Message.ToolResult) m).content().stringValue()))
                .containsExactly("met 1", "met 2", "future");
    }

    @Test
    void destructiveToolsNeedAnApprovalAndAreAskedAbout() {
        assertThatThrownBy(
                        () -> Agent.with(ScriptedModel.of()).tools(new Mixed()).build())
                .hasMessage(
                        "destructive tools need an approval: wipe; call approval(...), with Approval.ALLOW_ALL if they really may run unasked");
        Mixed mixed = new Mixed();
        ScriptedModel model = ScriptedModel.of(call("wipe", "{}"), "ok");
        try (Agent agent = Agent.with(model).tools(mixed).approval(NO_WIPING).build()) {
            assertThat(agent.ask("go").toolCalls()).isZero();
        }
        assertThat(mixed.log).isEmpty();
        assertThat(((Message.ToolResult) model.requests().getLast().messages().getLast())
                        .content()
                        .toString())
                .isEqualTo("{\"error\":\"denied: not today\"}");
    }

    static final class Sleeper {
        final CountDownLatch asleep = new CountDownLatch(1);
        final CountDownLatch interrupted = new CountDownLatch(1);

        @Tool
        void sleep() throws InterruptedException {
            asleep.countDown();
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void cancellingOrInterruptingStopsToolAndQuestion(boolean cancel) throws Exception {
        Sleeper sleeper = new Sleeper();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (Agent agent = Agent.with(ScriptedModel.of(call("sleep", "{}"), "never"))
                .tools(sleeper)
                .build()) {
            Thread asking = Thread.ofPlatform().start(() -> {
                try {
                    agent.ask("go");
                } catch (Throwable e) {
                    thrown.set(e);
                }
            });
            assertThat(sleeper.asleep.await(10, TimeUnit.SECONDS)).isTrue();
            assertThatThrownBy(() -> agent.ask("too"))
                    .hasMessage("the agent is answering another question; one at a time");
            if (cancel) {
                agent.cancel();
            } else {
                asking.interrupt();
            }
            asking.join(10_000);
            assertThat(sleeper.interrupted.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(thrown.get()).isInstanceOf(CancellationException.class);
            assertThat(agent.conversation()).isEmpty();
        }
    }

    @Test
    void cancellingStopsTheModel() {
        AtomicReference<Agent> self = new AtomicReference<>();
        ScriptedModel model = ScriptedModel.of("a long answer that is never finished", "second");
        try (Agent agent = Agent.with(model)
                .onEvent(event -> {
                    if (event instanceof AgentEvent.Text && model.requests().size() == 1) {
                        Objects.requireNonNull(self.get()).cancel();
                    }
                })
                .build()) {
            self.set(agent);
            assertThatThrownBy(() -> agent.ask("go")).isInstanceOf(CancellationException.class);
            assertThat(agent.ask("again").text()).isEqualTo("second");
        }
    }

    @Test
    void reportsRepairsAndCoercions() {
        List<AgentEvent> events = new ArrayList<>();
        ScriptedModel model = ScriptedModel.of(
                "<tool_call>{'name': 'temperature', 'arguments': {'room': 'kitchen', 'unit': 'C'}}</tool_call>", "ok");
        try (Agent agent =
                Agent.with(model).tools(new Home()).onEvent(events::add).build()) {
            agent.ask("go");
        }
        AgentEvent.ToolStarted started = (AgentEvent.ToolStarted) events.stream()
                .filter(AgentEvent.ToolStarted.class::isInstance)
                .findFirst()
                .orElseThrow();
        assertThat(started.repairs()).isNotEmpty();
        assertThat(started.coercions())
                .containsExactly(new Coercion("unit", Coercion.Kind.EXTRA_IGNORED, "not expected, ignored"));
    }

    @Test
    void aScriptThatIsOverSaysSo() {
        try (Agent agent = Agent.with(ScriptedModel.of("one")).build()) {
            agent.ask("a");
            assertThatThrownBy(() -> agent.ask("b")).hasMessage("the script has 1 turns, and was asked for one more");
            agent.close();
            assertThatThrownBy(() -> agent.ask("c")).hasMessage("the agent is closed");
        }
    }

    @Test
    void limitsAreChecked() {
        assertThatThrownBy(() -> Limits.DEFAULT.withModelCalls(0)).hasMessage("modelCalls is 0, wanted at least 1");
        assertThatThrownBy(() -> Limits.DEFAULT.withTime(Duration.ofSeconds(-1)))
                .hasMessage("time is PT-1S, wanted a duration from 0 to 36500 days");
        assertThatThrownBy(() -> Limits.DEFAULT.withToolTimeout(Duration.ofSeconds(Long.MAX_VALUE)))
                .hasMessageStartingWith("toolTimeout is PT")
                .hasMessageEndingWith("wanted a duration from 0 to 36500 days");
    }

    @Test
    void theLongestTimeIsNoLimitAtAll() {
        Limits longest = Limits.DEFAULT.withTime(Duration.ofDays(36_500)).withToolTimeout(Duration.ofDays(36_500));
        try (Agent agent = Agent.with(ScriptedModel.of(call("rooms", "{}"), "two rooms"))
                .tools(new Home())
                .limits(longest)
                .build()) {
            assertThat(agent.ask("Which?").text()).isEqualTo("two rooms");
        }
    }

    @Test
    void cancellingRunsEveryActionWhateverOneThrows() {
        Cancellation cancellation = new Cancellation();
        AtomicInteger ran = new AtomicInteger();
        cancellation.onCancel(ran::incrementAndGet);
        cancellation.onCancel(() -> {
            throw new IllegalStateException("one of them");
        });
        cancellation.onCancel(ran::incrementAndGet);
        assertThatThrownBy(cancellation::cancel).hasMessage("one of them");
        assertThat(ran).hasValue(2);
        cancellation.cancel();
        assertThat(ran).as("once").hasValue(2);
    }

    @Test
    void closingIsTriedAgainWhereItFailedAndOnlyThere() {
        AtomicInteger closed = new AtomicInteger();
        LanguageModel model = new LanguageModel() {
            @Override
            public Reply generate(Request request, Consumer<CallEvent> sink) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void close() {
                if (closed.incrementAndGet() == 1) {
                    throw new IllegalStateException("in use");
                }
            }
        };
        Agent agent = Agent.with(model).build();
        assertThatThrownBy(agent::close).hasMessage("in use");
        agent.close();
        agent.close();
        assertThat(closed).hasValue(2);
        assertThatThrownBy(() -> agent.ask("a")).hasMessage("the agent is closed");
    }

    @Test
    void aFailureMustSaySomething() {
        assertThatThrownBy(() -> new Retry(unset())).isInstanceOf(NullPointerException.class);
    }

    @SuppressWarnings("NullAway") // what code without nullness checks may pass
    private static String unset() {
        return null;
    }
}
