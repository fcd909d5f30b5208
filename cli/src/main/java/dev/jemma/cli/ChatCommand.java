package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.ToolCall;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.toolcall.ParsedReply;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

@Command(
        name = "chat",
        description =
                "A conversation. Ctrl-C stops an answer; a backslash at the end of a line takes another one; /help lists commands.",
        mixinStandardHelpOptions = true)
final class ChatCommand implements Callable<Integer> {
    private static final String HELP = """
            /help            this list
            /reset           forget the conversation
            /system [TEXT]   show or set the system text; without the conversation so far
            /tools           list the tools that the model may call
            /save FILE       write the conversation
            /load FILE       go on with a conversation that was saved
            /stats           tokens and speed of the last answer
            /exit            leave""";

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @Option(
            names = "--tools",
            paramLabel = "TOOLS.json",
            description = "Tool declarations; you type what a called tool returns.")
    private Optional<Path> toolsFile = Optional.empty();

    @Option(names = "--system", defaultValue = "", paramLabel = "TEXT", description = "System text.")
    private String system;

    @Mixin
    private SamplingOptions sampling;

    @Override
    public Integer call() throws IOException {
        ArrayNode tools = toolsFile.isPresent() ? readTools(toolsFile.get()) : JsonNodeFactory.instance.arrayNode();
        try (Gemma gemma = model.open(spec);
                Session session = gemma.session(new SessionOptions(0, adapters));
                ChatInput input = ChatInput.open(Terminals.detect())) {
            input.onInterrupt(session::cancel);
            session.warnings().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            GenerationOptions options = sampling.over(gemma.generationDefaults());
            CommandLine line = spec.commandLine();
            new Talk(session, options, tools, input, line.getOut(), line.getErr(), system).run();
        }
        return 0;
    }

    private static ArrayNode readTools(Path file) throws IOException {
        JsonNode json;
        try {
            json = JsonLines.JSON.readTree(Files.readString(file));
        } catch (JacksonException e) {
            throw FormatException.in(file, "is no JSON: " + e.getOriginalMessage());
        }
        JsonNode list = json.has("tools") ? json.get("tools") : json;
        if (!(list instanceof ArrayNode tools)) {
            throw FormatException.in(file, "wanted a list of tool declarations");
        }
        return tools;
    }

    /** One run of the program. */
    private static final class Talk {
        private final Session session;
        private final GenerationOptions options;
        private final ArrayNode tools;
        private final ChatInput input;
        private final PrintWriter out;
        private final PrintWriter err;
        private final boolean person;
        private final Style style;
        private final Conversation conversation;
        private Optional<GenerationResult> last = Optional.empty();
        private boolean folded;

        Talk(
                Session session,
                GenerationOptions options,
                ArrayNode tools,
                ChatInput input,
                PrintWriter out,
                PrintWriter err,
                String system) {
            this.session = session;
            this.options = options;
            this.tools = tools;
            this.input = input;
            this.out = out;
            this.err = err;
            this.person = input instanceof ChatInput.Typed;
            this.style = person && System.getenv("NO_COLOR") == null ? Style.COLOURED : Style.PLAIN;
            this.conversation = new Conversation(system);
        }

        void run() throws IOException {
            if (person) {
                out.println(style.faint("/help lists commands, Ctrl-D leaves"));
                out.flush();
            }
            while (true) {
                Optional<String> line = input.read("> ");
                if (line.isEmpty()) {
                    return;
                }
                String text = line.get().strip();
                if (text.equals("/exit")) {
                    return;
                }
                if (text.startsWith("/")) {
                    command(text);
                } else if (!text.isEmpty()) {
                    ask(text);
                }
                out.flush();
            }
        }

        private void command(String text) throws IOException {
            String[] parts = text.split("\\s+", 2);
            String rest = parts.length > 1 ? parts[1] : "";
            try {
                switch (parts[0]) {
                    case "/help" -> out.println(HELP);
                    case "/reset" -> {
                        conversation.rewind(0);
                        out.println("forgotten");
                    }
                    case "/system" -> {
                        if (!rest.isEmpty()) {
                            conversation.system(rest);
                            conversation.rewind(0);
                        }
                        out.println(conversation.system().isEmpty() ? "no system text" : conversation.system());
                    }
                    case "/tools" -> listTools();
                    case "/save", "/load" -> {
                        if (rest.isEmpty()) {
                            out.println(parts[0] + " wants a file");
                        } else if (parts[0].equals("/save")) {
                            conversation.save(Path.of(rest));
                            out.println("saved");
                        } else {
                            conversation.load(Path.of(rest));
                            out.println(conversation.size() + " turns loaded");
                        }
                    }
                    case "/stats" -> out.println(last.map(Talk::stats).orElse("no answer yet"));
                    default -> out.println("unknown command " + parts[0] + "; /help lists them");
                }
            } catch (IOException | FormatException | InvalidPathException e) {
                out.println(parts[0] + " failed: " + Failures.message(e));
            }
        }

        private void listTools() {
            if (tools.isEmpty()) {
                out.println("no tools; --tools FILE gives some");
            }
            for (JsonNode tool : tools) {
                JsonNode function = tool.has("function") ? tool.get("function") : tool;
                out.println(function.path("name").asString("?") + "  "
                        + function.path("description").asString(""));
            }
        }

        /** One question, and answers until one calls no tool. What fails leaves the conversation as it was. */
        private void ask(String text) {
            int before = conversation.size();
            conversation.user(text);
            try {
                while (answer()) {
                    out.flush();
                }
            } catch (TemplateException | IllegalArgumentException e) {
                conversation.rewind(before);
                out.println("that cannot be asked: " + e.getMessage());
            }
        }

        /** Generates a turn; whether tools were called and their results are there, so that another turn follows. */
        private boolean answer() {
            GenerationResult result = session.generate(conversation.messages(), tools, options, event -> {
                switch (event) {
                    case GenerationEvent.Text piece -> out.print(piece.text());
                    case GenerationEvent.Control control -> out.print(control.token());
                    case GenerationEvent.Prompted _, GenerationEvent.Finished _ -> {}
                }
                out.flush();
            });
            last = Optional.of(result);
            if (!folded && session.folding() == Prompt.Folding.FOLDED) {
                folded = true;
                err.println(Texts.FOLDED);
            }
            out.println();
            if (person) {
                out.println(style.faint(stats(result)));
            }
            ParsedReply reply = session.chatFormat().tools().format().parse(result.text());
            boolean whole =
                    result.finishReason() == FinishReason.STOP || result.finishReason() == FinishReason.TOOL_CALL;
            if (tools.isEmpty() || !whole || reply.calls().isEmpty()) {
                conversation.assistant(result.text(), List.of());
                return false;
            }
            conversation.assistant(reply.text(), reply.calls());
            for (ToolCall call : reply.calls()) {
                out.println(style.strong("call ") + call.name() + " " + call.arguments());
                out.flush();
                Optional<String> typed = input.read("result of " + call.name() + ": ");
                if (typed.isEmpty()) {
                    return false;
                }
                conversation.result(call.name(), typed.get());
            }
            return true;
        }

        private static String stats(GenerationResult result) {
            return String.format(
                    Locale.ROOT,
                    "%d prompt tokens (%d reused) at %.0f tok/s, %d new at %.1f tok/s, %s",
                    result.promptTokens(),
                    result.reusedTokens(),
                    result.promptTokensPerSecond(),
                    result.ids().size(),
                    result.answerTokensPerSecond(),
                    result.finishReason().json());
        }
    }

    /** Text attributes of a terminal. */
    private enum Style {
        PLAIN,
        COLOURED;

        String faint(String text) {
            return this == COLOURED ? "\u001b[2m" + text + "\u001b[0m" : text;
        }

        String strong(String text) {
            return this == COLOURED ? "\u001b[1m" + text + "\u001b[0m" : text;
        }
    }
}
