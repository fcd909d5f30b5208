package dev.jemma.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.agent.Cancellation;
import dev.jemma.agent.GemmaChat;
import dev.jemma.agent.LanguageModel;
import dev.jemma.agent.OfferedTool;
import dev.jemma.cli.demo.DemoFiles;
import dev.jemma.engine.Completion;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import dev.jemma.engine.Scorer;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.Arithmetic;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TrainingExample;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationFile;
import dev.jemma.engine.chat.DeclaredTool;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.eval.EvalRow;
import dev.jemma.engine.io.JsonSource;
import dev.jemma.engine.tokenizer.Specials;
import dev.jemma.engine.tokenizer.Tokenizer;
import dev.jemma.tests.RandomConversations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One conversation, one prompt: the same random rows go through every door of Jemma, and come out as the same text and
 * the same ids. {@code -Djemma.conversations=10000} sends more.
 *
 * <p>Doors that run the model are slow, so every tenth row passes them.
 */
final class SamePromptTest {
    private static final int ROWS = Integer.getInteger("jemma.conversations", 400) / Style.values().length;
    private static final int RUN_EVERY = 10;
    private static final GenerationOptions ONE_TOKEN =
            GenerationOptions.GREEDY.withMaxNewTokens(1).ignoringEos();

    @TempDir
    private static Path folder;

    private static Path demo;

    /** The writer of turns and tools. */
    enum Style {
        /** The bundled model's template, which takes any role and writes tools itself. */
        OWN_TEMPLATE("", ""),
        /** Turns of any role; tools in the Hermes form. */
        PLAIN_TURNS(
                "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{{ m['content']"
                        + " }}<end_of_turn>\n{% endfor %}"
                        + "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
                ""),
        /** Users and the model in strict turns, so that much has to be folded; tools in FunctionGemma's form. */
        STRICT_TURNS(
                "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{"
                        + " raise_exception('roles must alternate') }}{% endif %}"
                        + "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content']"
                        + " | trim }}<end_of_turn>\n{% endfor %}"
                        + "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
                "functiongemma"),
        /**
         * As Hermes 2 Pro: the template shows all it is given as JSON, so that no key of a call or a tool is lost
         * unseen.
         */
        ALL_AS_JSON(
                "{{ bos_token }}{% if tools %}{{ tools | tojson }}\n{% endif %}{% for m in messages"
                        + " %}<start_of_turn>{{ m | tojson }}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{%"
                        + " endif %}<end_of_turn>\n{% endfor %}"
                        + "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
                "");

        private final String template;
        private final String toolFormat;

        Style(String template, String toolFormat) {
            this.template = template;
            this.toolFormat = toolFormat;
        }

        Optional<Path> file() throws IOException {
            return template.isEmpty()
                    ? Optional.empty()
                    : Optional.of(Files.writeString(folder.resolve(name() + ".jinja"), template));
        }
    }

    @BeforeAll
    static void writeDemoModel() throws IOException {
        demo = folder.resolve("demo");
        DemoFiles.writeModel(demo);
    }

    /** A row as a file has it, and the same without the answer that ends it. */
    private record Row(ObjectNode whole, ObjectNode question) {
        static Row of(ObjectNode json) {
            json.putArray("accept");
            ObjectNode question = json.deepCopy();
            var messages = question.has("messages") ? question.get("messages") : question.get("conversations");
            ((ArrayNode) messages).remove(messages.size() - 1);
            return new Row(json, question);
        }
    }

    private static Path write(String name, List<ObjectNode> rows) throws IOException {
        return Files.write(
                folder.resolve(name), rows.stream().map(JsonNode::toString).toList());
    }

    @ParameterizedTest
    @EnumSource(Style.class)
    void everyDoorMakesTheSamePromptOfAConversation(Style style) throws IOException {
        List<Row> rows = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(100 + style.ordinal());
        for (int i = 0; i < ROWS; i++) {
            rows.add(Row.of(RandomConversations.row(random)));
        }
        Path questions =
                write("questions.jsonl", rows.stream().map(Row::question).toList());
        Path wholes = write("wholes.jsonl", rows.stream().map(Row::whole).toList());
        List<Object> how = new ArrayList<>(List.of("--model", demo));
        GemmaOptions options = GemmaOptions.DEFAULTS.withThreads(1).with(Arithmetic.F32);
        if (style.file().isPresent()) {
            how.addAll(List.of("--chat-template", style.file().get()));
            options = options.withChatTemplate(style.file().get());
        }
        if (!style.toolFormat.isEmpty()) {
            how.addAll(List.of("--tool-format", style.toolFormat));
            options = options.withToolFormat(style.toolFormat);
        }
        List<JsonNode> shownPrompts =
                rendered(Ran.jemma("render", how, "--add-generation-prompt", "--data", questions));
        List<JsonNode> shownRows = rendered(Ran.jemma("render", how, "--data", wholes));
        List<JsonNode> shownMasks = rendered(Ran.jemma("render", how, "--mask", "--data", wholes));
        List<EvalRow> evaluated = EvalRow.readAll(wholes);
        try (Gemma gemma = Gemma.open(demo, options);
                Session session = gemma.session();
                GemmaChat sdk = new GemmaChat(gemma, SessionOptions.DEFAULTS, ONE_TOKEN, GemmaChat.Decoding.FREE)) {
            Doors doors = new Doors(gemma, session, sdk);
            List<ObjectNode> trained = new ArrayList<>();
            List<String> trainedTexts = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                String label = style + " " + rows.get(i).whole();
                Conversation question = doors.read(rows.get(i).question(), evaluated.get(i));
                Optional<Prompt> prompt = doors.prompt(question);
                if (shownMasks.get(i).has("error")) {
                    assertThat(doors.supervised(rows.get(i).whole())).as(label).isEmpty();
                    continue;
                }
                trained.add(rows.get(i).whole());
                trainedTexts.add(shownMasks.get(i).get("text").stringValue());
                if (shownRows.get(i).has("text")) {
                    assertThat(shownRows.get(i).get("text"))
                            .as(label)
                            .isEqualTo(shownMasks.get(i).get("text"));
                }
                if (prompt.isEmpty()) {
                    assertThat(shownPrompts.get(i).has("error")).as(label).isTrue();
                    continue;
                }
                if (prompt.get().folding() == Prompt.Folding.NONE) {
                    assertThat(shownPrompts.get(i).path("text").asString(""))
                            .as(label)
                            .isEqualTo(prompt.get().text());
                } else {
                    assertThat(shownPrompts.get(i).path("error").asString(""))
                            .as(label)
                            .isEqualTo("roles must alternate");
                }
                if (i % RUN_EVERY == 0) {
                    doors.run(question, prompt.get(), label);
                }
            }
            doors.score(write("trained.jsonl", trained), trainedTexts);
            assertThat(trained.size()).as("rows that were not refused").isGreaterThan(rows.size() * 3 / 4);
            Path message = Files.writeString(
                    folder.resolve("question.json"), rows.getFirst().question().toString());
            JsonNode generated = Ran.jemma(
                            "generate", how, "--compute", "f32", "--messages", message, "--max-new-tokens", 1, "--json")
                    .json();
            assertThat(generated.get("prompt_tokens").intValue())
                    .isEqualTo(doors.ids(doors.prompt(evaluated.getFirst().conversation())
                                    .orElseThrow())
                            .length);
        }
    }

    private static List<JsonNode> rendered(Ran ran) {
        assertThat(ran.status()).as(ran.err()).isZero();
        return ran.lines();
    }

    /** The ways into a model that is open. */
    private record Doors(Gemma gemma, Session session, GemmaChat sdk) {
        /** The question as every reader reads it. */
        Conversation read(ObjectNode question, EvalRow row) throws IOException {
            Conversation read = Conversation.of(JsonSource.parse(question.toString()));
            assertThat(row.conversation().toJson()).hasToString(read.toJson().toString());
            Path file = Files.writeString(folder.resolve("talk.json"), question.toPrettyString());
            Conversation ofFile = ConversationFile.read(file);
            assertThat(ofFile).isEqualTo(row.conversation());
            return ofFile;
        }

        /** The prompt that a session sends; empty if the template refuses the conversation, folded too. */
        Optional<Prompt> prompt(Conversation question) {
            try {
                return Optional.of(session.chatFormat().prompt(question));
            } catch (TemplateException e) {
                return Optional.empty();
            }
        }

        Optional<Prompt> supervised(ObjectNode row) {
            ChatFormat format = gemma.chatFormat(List.of());
            try {
                return Optional.of(format.supervise(Conversation.of(row)));
            } catch (TemplateException e) {
                return Optional.empty();
            }
        }

        int[] ids(Prompt prompt) {
            return gemma.tokenizer().encode(prompt.spans());
        }

        /**
         * The model is given these very ids: a session that has read them reads no more than the last of them again.
         */
        void run(Conversation question, Prompt prompt, String label) {
            int[] ids = ids(prompt);
            Completion chat = session.chat(question, ONE_TOKEN, event -> {});
            assertThat(chat.prompt()).as(label).isEqualTo(prompt);
            assertThat(chat.result().promptTokens()).as(label).isEqualTo(ids.length);
            GenerationResult again = session.generate(ids, ONE_TOKEN, event -> {});
            assertThat(again.reusedTokens()).as(label).isEqualTo(ids.length - 1);
            Completion generated = session.generate(question, ONE_TOKEN, event -> {});
            assertThat(generated.prompt()).as(label).isEqualTo(prompt);
            assertThat(generated.result().reusedTokens()).as(label).isEqualTo(ids.length - 1);
            List<OfferedTool> offered = question.specs().stream()
                    .map(spec -> new OfferedTool(spec, spec))
                    .toList();
            boolean plain = question.tools().stream()
                    .allMatch(tool -> DeclaredTool.of(tool.spec()).equals(tool));
            if (plain) {
                var request = new LanguageModel.Request(question.messages(), offered, new Cancellation());
                assertThat(sdk.generate(request, event -> {}).usage().promptTokens())
                        .as(label)
                        .isEqualTo(ids.length);
            }
        }

        /** The ids that score and train learn from spell the text that render shows. */
        void score(Path rows, List<String> texts) {
            Tokenizer tokenizer = gemma.tokenizer();
            try (Scorer scorer = gemma.scorer(List.of())) {
                List<TrainingExample> examples = scorer.read(rows);
                assertThat(examples).hasSameSizeAs(texts);
                for (int i = 0; i < texts.size(); i++) {
                    assertThat(tokenizer.decode(examples.get(i).ids(), Specials.WITH))
                            .isEqualTo(texts.get(i));
                }
            }
        }
    }
}
