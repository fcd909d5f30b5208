package dev.jemma.cli;

import dev.jemma.engine.Completion;
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
import dev.jemma.engine.chat.ConversationFile;
import dev.jemma.engine.chat.DeclaredTool;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.toolcall.ParsedReply;
import java.io.IOException;
import java.io.PrintWriter;
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
        List<DeclaredTool> tools = toolsFile.isPresent() ? ConversationFile.tools(toolsFile.get()) : List.of();
        try (Gemma gemma = model.open(spec);
                Session session = gemma.session(new SessionOptions(0, adapters));
                ChatInput input = ChatInput.open(Terminals.detect())) {
            input.onInterrupt(session::cancel);
            session.warnings().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            GenerationOptions options = sampling.over(gemma.generationDefaults());
            CommandLine line = spec.commandLine();
            new Talk(session, options, new History(system, tools), input, line.getOut(), line.getErr()).run();
        }
        return 0;
    }

    /** One run of the program. */
    private static final class Talk {
        private final Session session;
        private final GenerationOptions options;
        private final ChatInput input;
        private final PrintWriter out;
        private final PrintWriter err;
        private final boolean person;
        private final Style style;
        private final History history;
        private Optional<GenerationResult> last = Optional.empty();
        private boolean folded;

        Talk(
                Session session,
                GenerationOptions options,
                History history,
                ChatInput input,
                PrintWriter out,
                PrintWriter err) {
            this.session = session;
            this.options = options;
            this.input = input;
            this.out = out;
            this.err = err;
            this.person = input instanceof ChatInput.Typed;
            this.style = person && System.getenv("NO_COLOR") == null ? Style.COLOURED : Style.PLAIN;
            this.history = history;
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
                        history.rewind(0);
                        out.println("forgotten");
                    }
                    case "/system" -> {
                        if (!rest.isEmpty()) {
                            history.system(rest);
                            history.rewind(0);
                        }
                        out.println(history.system().isEmpty() ? "no system text" : history.system());
                    }
                    case "/tools" -> listTools();
                    case "/save", "/load" -> {
                        if (rest.isEmpty()) {
                            out.println(parts[0] + " wants a file");
                        } else if (parts[0].equals("/save")) {
                            history.save(Path.of(rest));
                            out.println("saved");
                        } else {
                            int declared = history.load(Path.of(rest));
                            out.println(history.size() + " turns loaded"
                                    + (declared == 0 ? "" : "; its tools are not, --tools FILE offers some"));
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
            if (history.tools().isEmpty()) {
                out.println("no tools; --tools FILE gives some");
            }
            for (DeclaredTool tool : history.tools()) {
                out.println(tool.spec().name() + "  " + tool.spec().description());
            }
        }

        /** One question, and answers until one calls no tool. What fails leaves the conversation as it was. */
        private void ask(String text) {
            int before = history.size();
            history.user(text);
            try {
                while (answer()) {
                    out.flush();
                }
            } catch (TemplateException | IllegalArgumentException e) {
                history.rewind(before);
                out.println("that cannot be asked: " + e.getMessage());
            }
        }

        /** Generates a turn; whether tools were called and their results are there, so that another turn follows. */
        private boolean answer() {
            Completion completion = session.generate(history.conversation(), options, event -> {
                switch (event) {
                    case GenerationEvent.Text piece -> out.print(piece.text());
                    case GenerationEvent.Control control -> out.print(control.token());
                    case GenerationEvent.Prompted _, GenerationEvent.Finished _ -> {}
                }
                out.flush();
            });
            GenerationResult result = completion.result();
            last = Optional.of(result);
            if (!folded && completion.prompt().folding() == Prompt.Folding.FOLDED) {
                folded = true;
                err.println(Texts.FOLDED);
            }
            out.println();
            if (person) {
                out.println(style.faint(stats(result)));
            }
            ParsedReply reply = completion.content();
            boolean whole =
                    result.finishReason() == FinishReason.STOP || result.finishReason() == FinishReason.TOOL_CALL;
            if (history.tools().isEmpty() || !whole || reply.calls().isEmpty()) {
                history.assistant(result.text(), List.of());
                return false;
            }
            history.assistant(reply.text(), reply.calls());
            for (ToolCall call : reply.calls()) {
                out.println(style.strong("call ") + call.name() + " " + call.arguments());
                out.flush();
                Optional<String> typed = input.read("result of " + call.name() + ": ");
                if (typed.isEmpty()) {
                    return false;
                }
                history.result(call.name(), typed.get());
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
