package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.Message;
import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.gemma.ReferenceData;
import dev.jemma.engine.template.RenderOptions.GenerationPrompt;
import dev.jemma.engine.tokenizer.Specials;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** The facade over a tiny reference model with a small tokenizer beside it. */
final class GemmaTest {
    private static final Path RESOURCES = Path.of("src", "test", "resources");
    private static final Consumer<GenerationEvent> IGNORE = event -> {};
    private static final GenerationOptions SHORT =
            GenerationOptions.GREEDY.withMaxNewTokens(12).ignoringEos();

    @TempDir
    private Path folder;

    @BeforeEach
    void layOut() throws IOException {
        try (var files = Files.list(RESOURCES.resolve("models/gemma3"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName().toString()));
            }
        }
        Files.copy(RESOURCES.resolve("tokenizer/tiny.json"), folder.resolve("tokenizer.json"));
    }

    private Gemma open() {
        return Gemma.open(folder, GemmaOptions.DEFAULTS.with(Arithmetic.F32).withThreads(1));
    }

    @Test
    void generatesFromIdsAndFromText() throws IOException {
        try (Gemma gemma = open();
                Session session = gemma.session();
                var expected = new ReferenceData(folder.resolve("forward.safetensors"))) {
            int[] wanted = expected.ints("greedy.new");
            GenerationResult result =
                    session.generate(expected.ints("greedy.prompt"), SHORT.withMaxNewTokens(wanted.length), IGNORE);
            assertThat(result.ids())
                    .containsExactly(Arrays.stream(wanted).boxed().toArray(Integer[]::new));
            GenerationResult fromText = session.generate("the cat", SHORT, IGNORE);
            assertThat(fromText.promptTokens()).isEqualTo(gemma.tokenizer().encode("the cat", Specials.WITH).length);
            assertThat(session.contextLength()).isEqualTo(1024);
            assertThat(session.position()).isEqualTo(fromText.promptTokens() + 11);
        }
    }

    @Test
    void sessionsOfSeveralThreadsDoNotDisturbEachOther() throws InterruptedException, ExecutionException {
        try (Gemma gemma = open();
                var threads = Executors.newFixedThreadPool(3)) {
            List<Future<List<Integer>>> answers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                int[] prompt = {2, 10 + i % 2, 30};
                answers.add(threads.submit(() -> {
                    try (Session session = gemma.session()) {
                        return session.generate(prompt, SHORT.withMaxNewTokens(40), IGNORE)
                                .ids();
                    }
                }));
            }
            for (int i = 2; i < 6; i++) {
                assertThat(answers.get(i).get()).isEqualTo(answers.get(i % 2).get());
            }
        }
    }

    @Test
    void anAdapterBelongsToItsSession() throws IOException {
        int[] prompt = {2, 10, 30, 40};
        Path adapter = RESOURCES.resolve("models/gemma3/lora");
        try (Gemma gemma = open();
                Session plain = gemma.session();
                Session adapted = gemma.session(SessionOptions.DEFAULTS.withAdapter(adapter));
                Scorer base = gemma.scorer(List.of());
                Scorer scorer = gemma.scorer(List.of(adapter));
                var expected = new ReferenceData(RESOURCES.resolve("models/gemma3/lora.safetensors"))) {
            GenerationOptions penalized = SHORT.withRepetitionPenalty(3);
            assertThat(adapted.generate(prompt, penalized, IGNORE).ids())
                    .isNotEqualTo(plain.generate(prompt, penalized, IGNORE).ids());
            int[] ids = expected.ints("input_ids", 0);
            int[] labels = expected.ints("labels", 0);
            Scorer.Loss loss = scorer.loss(ids, labels)
                    .plus(scorer.loss(expected.ints("input_ids", 1), expected.ints("labels", 1)));
            assertThat(loss.mean()).isCloseTo(expected.floats("loss")[0], within(1e-4));
            assertThat(loss.perplexity()).isCloseTo(Math.exp(loss.mean()), within(1e-9));
            assertThat(base.loss(ids, labels).mean())
                    .isNotCloseTo(scorer.loss(ids, labels).mean(), within(1e-3));
        }
    }

    @Test
    void givesTheLogitsOfEveryToken() throws IOException {
        try (Gemma gemma = open();
                Scorer scorer = gemma.scorer(List.of());
                var expected = new ReferenceData(folder.resolve("forward.safetensors"))) {
            int[] ids = expected.ints("input_ids", 0);
            float[] wanted = expected.floats("logits");
            float[] row = new float[96];
            float[] largest = {0};
            for (float logit : wanted) {
                largest[0] = Math.max(largest[0], Math.abs(logit));
            }
            int[] rows = {0};
            scorer.logits(ids, row, t -> {
                for (int v = 0; v < row.length; v++) {
                    assertThat(row[v]).isCloseTo(wanted[t * row.length + v], within(2e-4f * largest[0]));
                }
                rows[0]++;
            });
            assertThat(rows[0]).isEqualTo(ids.length);
        }
    }

    @Test
    void isCancelledFromAnotherThread() throws Exception {
        try (Gemma gemma = open();
                Session session = gemma.session();
                var threads = Executors.newSingleThreadExecutor()) {
            session.cancel();
            assertThat(session.generate(new int[] {2}, SHORT, IGNORE).finishReason())
                    .as("nothing was running when it was cancelled")
                    .isEqualTo(FinishReason.LENGTH);
            GenerationResult result = session.generate(new int[] {2, 9}, SHORT.withMaxNewTokens(900), event -> {
                if (event instanceof GenerationEvent.Prompted) {
                    Thread.ofPlatform().start(session::cancel);
                }
            });
            assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);

            Future<GenerationResult> running =
                    threads.submit(() -> session.generate(new int[] {2}, SHORT.withMaxNewTokens(1000), IGNORE));
            gemma.close();
            try {
                assertThat(running.get().finishReason()).isIn(FinishReason.CANCELLED, FinishReason.LENGTH);
            } catch (ExecutionException closedBefore) {
                assertThat(closedBefore).hasRootCauseMessage("this session is closed");
            }
        }
    }

    @Test
    void refusesASecondThreadAndUseAfterClosing() throws Exception {
        Gemma gemma = open();
        Session session = gemma.session();
        List<String> refused = new ArrayList<>();
        session.generate(new int[] {2}, SHORT.withMaxNewTokens(1), event -> {
            if (event instanceof GenerationEvent.Prompted) {
                try (var other = Executors.newSingleThreadExecutor()) {
                    other.submit(() -> session.generate(new int[] {2}, SHORT, IGNORE))
                            .get();
                } catch (ExecutionException | InterruptedException e) {
                    refused.add(String.valueOf(e.getCause()));
                }
                assertThatThrownBy(session::close)
                        .hasMessage("a session cannot be closed by its own generation; cancel it instead");
            }
        });
        assertThat(refused)
                .containsExactly(
                        "java.lang.IllegalStateException: this session is in use by another thread; open one session for each");
        gemma.close();
        gemma.close();
        session.close();
        assertThatThrownBy(() -> session.generate(new int[] {2}, SHORT, IGNORE))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this session is closed");
        assertThatThrownBy(gemma::session)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this Gemma is closed");
    }

    @Test
    void noticesAWeightsFileThatShrank() throws IOException {
        try (Gemma gemma = open()) {
            gemma.session().close();
            Path weights = folder.resolve("model.safetensors");
            try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
                channel.truncate(Files.size(weights) - 4096);
            }
            assertThatThrownBy(gemma::session)
                    .isInstanceOf(FormatException.class)
                    .hasMessageContaining("model.safetensors");
        }
    }

    @Test
    void saysWhatIsMissing() throws IOException {
        Files.delete(folder.resolve("tokenizer.json"));
        try (Gemma gemma = open();
                Session session = gemma.session()) {
            GenerationResult result = session.generate(new int[] {2, 9}, SHORT, IGNORE);
            assertThat(result.ids()).hasSize(12);
            assertThat(result.text()).isEmpty();
            String message = folder + ": has no tokenizer, which text needs; token ids can be used without";
            assertThatThrownBy(() -> session.generate("the", SHORT, IGNORE))
                    .isInstanceOf(FormatException.class)
                    .hasMessage(message);
            assertThatThrownBy(session::chatFormat).hasMessage(message);
            assertThatThrownBy(() -> session.generate(new int[] {2}, SHORT.withStop(List.of("x")), IGNORE))
                    .hasMessage("stop texts need a tokenizer, and the model has none");
        }
        assertThatThrownBy(() -> Gemma.requireVectorModule(ModuleLayer.empty()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the Vector API, which Jemma computes with, is not there; start Java with --add-modules jdk.incubator.vector");
        assertThatThrownBy(() -> Gemma.open(folder, GemmaOptions.DEFAULTS.with(Device.parse("cuda:1"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("device is cuda, but Jemma computes on the processor only; use cpu or auto");
        assertThatThrownBy(() -> Device.parse("gpu")).hasMessage("device is 'gpu', wanted auto, cpu, cuda or cuda:N");
        assertThatThrownBy(() -> GemmaOptions.DEFAULTS.withThreads(-1))
                .hasMessage("threads is -1, wanted 1 to 1024, or 0 for one a processor");
    }

    private static Conversation talk(String... contents) {
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < contents.length; i++) {
            messages.add(Message.of(i % 2 == 0 ? "user" : "assistant", contents[i]));
        }
        return new Conversation(messages, List.of());
    }

    @Test
    void answersAConversationFromWhereItGoesOn() {
        try (Gemma gemma = open();
                Session session = gemma.session()) {
            List<GenerationEvent> events = new ArrayList<>();
            GenerationResult one =
                    session.generate(talk("the cat"), SHORT, events::add).result();
            assertThat(events.getLast()).isEqualTo(new GenerationEvent.Finished(one));
            int[] prompt = gemma.tokenizer()
                    .encode(gemma.chatFormat(List.of())
                            .render(talk("the cat"), GenerationPrompt.ADD)
                            .spans());
            assertThat(one.promptTokens()).isEqualTo(prompt.length);
            Completion two = session.chat(talk("the cat", "sat", "on"), SHORT, call -> {});
            assertThat(two.result().reusedTokens())
                    .as("the first turn is not read again")
                    .isGreaterThan(10);
            assertThat(two.content().calls()).isEmpty();
        }
    }

    @Test
    void aMergedModelWritesToolsAsItsAdapterDid() throws IOException {
        Files.writeString(folder.resolve("jemma.json"), "{\"tool_format\": \"functiongemma\"}");
        Path adapter = Files.createDirectory(folder.resolve("adapter"));
        try (Gemma gemma = open()) {
            assertThat(gemma.chatFormat(List.of()).tools().name()).isEqualTo("functiongemma");
            assertThat(gemma.chatFormat(List.of(adapter)).tools().name()).isEqualTo("functiongemma");
            Files.writeString(adapter.resolve("jemma.json"), "{\"tool_format\": \"hermes\"}");
            assertThat(gemma.chatFormat(List.of(adapter)).tools().name()).isEqualTo("hermes");
        }
    }

    @Test
    void templateAndToolFormatComeFromOptionsThenAdapterThenModel() throws IOException {
        Path adapter = Files.createDirectory(folder.resolve("adapter"));
        try (Gemma gemma = open()) {
            assertThat(gemma.chatFormat(List.of()).templates().plain().source()).isEqualTo(Family.GEMMA_3.template());
            Files.writeString(folder.resolve("chat_template.jinja"), "{{ bos_token }}model {{ eos_token }}");
        }
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"bos_token\": \"<bos>\", \"eos_token\": {\"content\": \"<end_of_turn>\"}}");
        try (Gemma gemma = open()) {
            assertThat(gemma.chatFormat(List.of(adapter))
                            .render(talk("x"), GenerationPrompt.OMIT)
                            .text())
                    .isEqualTo("<bos>model <end_of_turn>");
            assertThat(gemma.chatFormat(List.of(adapter)).tools().name()).isEqualTo("hermes");
            Files.writeString(adapter.resolve("chat_template.jinja"), "adapter");
            Files.writeString(adapter.resolve("jemma.json"), "{\"tool_format\": \"functiongemma\"}");
            assertThat(gemma.chatFormat(List.of(adapter)).templates().plain().source())
                    .isEqualTo("adapter");
            assertThat(gemma.chatFormat(List.of(adapter)).tools().name()).isEqualTo("functiongemma");
            Files.writeString(adapter.resolve("jemma.json"), "{\"tool_format\": \"xml\"}");
            assertThatThrownBy(() -> gemma.chatFormat(List.of(adapter)))
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith(adapter.resolve("jemma.json") + ": tool_format is ")
                    .hasMessageContaining("wanted one of hermes, functiongemma");
            Files.writeString(adapter.resolve("chat_template.jinja"), "{% if %}");
            assertThatThrownBy(() -> gemma.chatFormat(List.of(adapter)))
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith(adapter.resolve("chat_template.jinja") + ": ");
        }
        Path file = Files.writeString(folder.resolve("mine.jinja"), "option");
        var options = GemmaOptions.DEFAULTS
                .with(Arithmetic.F32)
                .withThreads(1)
                .withChatTemplate(file)
                .withToolFormat("template");
        try (Gemma gemma = Gemma.open(folder, options)) {
            assertThat(gemma.chatFormat(List.of(adapter)).templates().plain().source())
                    .isEqualTo("option");
            assertThat(gemma.chatFormat(List.of(adapter)).tools().name()).isEqualTo("template");
            Files.delete(file);
            assertThatThrownBy(() -> gemma.chatFormat(List.of()))
                    .hasMessage(file + ": no such file, wanted a chat template");
        }
    }

    @Test
    void conversationsWithToolsTakeTheTemplateNamedToolUse() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "default", "template": "plain"},
                                   {"name": "tool_use", "template": "{{ tools | length }} tools"}]}""");
        Conversation withTool = new Conversation(
                talk("x").messages(),
                Conversation.tools(
                        new JsonMapper().readTree("[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]")));
        Path adapter = Files.createDirectory(folder.resolve("adapter"));
        try (Gemma gemma = open()) {
            ChatFormat ofModel = gemma.chatFormat(List.of());
            assertThat(ofModel.tools().name()).isEqualTo("template");
            assertThat(ofModel.render(talk("x"), GenerationPrompt.OMIT).text()).isEqualTo("plain");
            assertThat(ofModel.render(withTool, GenerationPrompt.OMIT).text()).isEqualTo("1 tools");
            for (var companion : ofModel.companions().entrySet()) {
                Path file = adapter.resolve(companion.getKey());
                Files.createDirectories(file.getParent());
                Files.writeString(file, companion.getValue());
            }
        }
        Files.delete(folder.resolve("tokenizer_config.json"));
        try (Gemma gemma = open()) {
            assertThat(gemma.chatFormat(List.of(adapter))
                            .render(withTool, GenerationPrompt.OMIT)
                            .text())
                    .as("an adapter brings both templates along")
                    .isEqualTo("1 tools");
        }
    }

    @Test
    void takesItsDefaultsFromGenerationConfig() throws IOException {
        try (Gemma gemma = open()) {
            assertThat(gemma.generationDefaults().temperature()).isZero();
        }
        Files.writeString(
                folder.resolve("generation_config.json"),
                "{\"do_sample\": true, \"temperature\": 0.7, \"top_k\": 64, \"top_p\": 0.95, \"eos_token_id\": [1, 5]}");
        try (Gemma gemma = open()) {
            assertThat(gemma.generationDefaults())
                    .isEqualTo(GenerationOptions.GREEDY
                            .withTemperature(0.7)
                            .withTopK(64)
                            .withTopP(0.95));
        }
    }
}
