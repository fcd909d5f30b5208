package dev.jemma.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.agent.bind.ToolBinder;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.ToolSpec;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.constraint.CallConstraint;
import dev.jemma.engine.constraint.TokenTexts;
import dev.jemma.engine.toolcall.CallEvent;
import dev.jemma.tests.AutoCompute;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Agents on the bundled tiny model, which was never taught to call: what a grammar makes of it, and that everything can
 * be stopped.
 */
@AutoCompute
final class GemmaChatTest {
    private static Gemma gemma;

    @BeforeAll
    static void open() {
        gemma = Gemma.open(
                Path.of("../cli/src/main/resources/dev/jemma/cli/demo/model"), GemmaOptions.DEFAULTS.withThreads(1));
    }

    @AfterAll
    static void close() {
        gemma.close();
    }

    enum Speed {
        SLOW,
        FAST
    }

    record Stop(String name, LocalDate day) {}

    static final class Travel {
        @Tool("Plans a trip")
        String plan(List<Stop> stops, Speed speed, int travellers) {
            return stops.size() + " stops";
        }

        @Tool("Tells the time")
        String time() {
            return "noon";
        }
    }

    @Test
    void aModelThatCannotCallWritesWellTypedCallsByTheGrammar() {
        ToolBinder binder = ToolBinder.of(new Travel());
        List<ToolSpec> exact =
                binder.tools().stream().map(tool -> tool.exactSpec()).toList();
        CallConstraint.Calls calls = new CallConstraint.Calls(exact, TokenTexts.of(gemma.tokenizer()));
        Conversation conversation =
                Conversation.of(List.of(new Message.User("Plan a trip to Rome and Oslo.")), binder.specs());
        int finished = 0;
        try (Session session = gemma.session(SessionOptions.DEFAULTS.withContextLength(1024))) {
            for (int seed = 0; seed < 12; seed++) {
                GenerationOptions options = GenerationOptions.GREEDY
                        .withTemperature(1.5)
                        .withSeed(seed)
                        .withMaxNewTokens(300);
                var reply = session.chat(
                        conversation, options, new CallConstraint(calls, CallConstraint.Choice.REQUIRED), event -> {});
                for (CallEvent.Completed call : reply.content().completed()) {
                    finished++;
                    assertThat(call.repairs()).as(call.raw()).isEmpty();
                    assertThat(binder.bind(call.call(), List.of()).orThrow().coercions())
                            .as(call.raw())
                            .isEmpty();
                }
            }
        }
        assertThat(finished).isGreaterThan(4);
    }

    @Test
    void anAgentAnswersAndItsConversationGoesOn() {
        GenerationOptions options = gemma.generationDefaults().withMaxNewTokens(30);
        GemmaChat chat = new GemmaChat(
                gemma, SessionOptions.DEFAULTS.withContextLength(2048), options, GemmaChat.Decoding.GRAMMAR);
        try (Agent agent =
                Agent.with(chat).tools(new Travel()).system("Be brief.").build()) {
            Answer first = agent.ask("Hello");
            assertThat(first.usage().promptTokens()).isPositive();
            assertThat(first.usage().completionTokens()).isPositive();
            agent.ask("And now?");
            assertThat(agent.conversation()).hasSizeGreaterThanOrEqualTo(5);
        }
        try (Session session = gemma.session()) {
            assertThat(session.position()).isZero();
        }
    }

    @Test
    void anAgentTakesAnAdapterAndRefusesThatOfAnotherModel() {
        Path other = Path.of("src/test/resources/models/gemma3/lora");
        assertThatThrownBy(() -> Agent.with(gemma, other))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining("adapter_config.json and the model want [3, 1257]");
        assertThatThrownBy(() -> Agent.with(gemma, Path.of("nowhere"))).hasMessageContaining("nowhere");
    }

    @Test
    void cancellingAnAgentEndsTheGeneration() {
        GenerationOptions options = GenerationOptions.GREEDY
                .withTemperature(2)
                .withSeed(1)
                .withMaxNewTokens(100_000)
                .ignoringEos();
        AtomicReference<Agent> self = new AtomicReference<>();
        GemmaChat chat = new GemmaChat(gemma, SessionOptions.DEFAULTS, options, GemmaChat.Decoding.FREE);
        try (Agent agent = Agent.with(chat)
                .onEvent(event -> {
                    if (event instanceof AgentEvent.Text) {
                        Objects.requireNonNull(self.get()).cancel();
                    }
                })
                .build()) {
            self.set(agent);
            assertThatThrownBy(() -> agent.ask("Hello")).isInstanceOf(CancellationException.class);
        }
    }

    @Test
    void aGrammarNeedsTheHermesForm() {
        try (Gemma other = Gemma.open(
                Path.of("../cli/src/main/resources/dev/jemma/cli/demo/model"),
                GemmaOptions.DEFAULTS.withThreads(1).withToolFormat("functiongemma"))) {
            assertThatThrownBy(() -> new GemmaChat(
                            other, SessionOptions.DEFAULTS, GenerationOptions.GREEDY, GemmaChat.Decoding.GRAMMAR))
                    .hasMessage(
                            "this model writes calls in the functiongemma form; decoding by a grammar needs hermes");
        }
    }
}
