package dev.jemma.cli;

import dev.jemma.engine.Completion;
import dev.jemma.engine.Gemma;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.api.FinishReason;
import dev.jemma.engine.api.GenerationEvent;
import dev.jemma.engine.api.GenerationOptions;
import dev.jemma.engine.api.GenerationResult;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationFile;
import dev.jemma.engine.chat.Prompt;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "generate",
        description = "One completion, printed as it is generated.",
        mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions model;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @ArgGroup(multiplicity = "1")
    private Input input;

    @Mixin
    private SamplingOptions sampling;

    @Option(
            names = "--json",
            description =
                    "Print {\"ids\",\"text\",\"finish_reason\",\"prompt_tokens\",\"completion_tokens\",...} at the end.")
    private boolean json;

    /** What to continue. */
    static final class Input {
        @Option(
                names = "--prompt",
                paramLabel = "TEXT",
                description = "Raw text after bos; special tokens are recognised.")
        private Optional<String> prompt = Optional.empty();

        @Option(
                names = "--ids",
                split = ",",
                paramLabel = "1,2,3",
                hideParamSyntax = true,
                description = "Token ids, as they are.")
        private List<Integer> ids = List.of();

        @Option(
                names = "--messages",
                paramLabel = "FILE",
                description = "JSON: a list of messages, or {\"messages\",\"tools\"}; the template is applied.")
        private Optional<Path> messages = Optional.empty();
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        try (Gemma gemma = model.open(spec);
                Session session = gemma.session(new SessionOptions(0, adapters));
                Interrupts interrupts = Interrupts.call(session::cancel)) {
            session.warnings().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            GenerationOptions options = sampling.over(gemma.generationDefaults());
            var start = new StartUp();
            Consumer<GenerationEvent> sink = event -> {
                start.see(event);
                if (!json && event instanceof GenerationEvent.Text text) {
                    out.print(text.text());
                    out.flush();
                } else if (!json && event instanceof GenerationEvent.Control control) {
                    out.print(control.token());
                    out.flush();
                }
            };
            GenerationResult result = generate(session, options, sink);
            if (json) {
                out.println(json(result));
            } else {
                out.println();
                if (Main.verbose(spec.commandLine())) {
                    spec.commandLine().getErr().println(summary(result) + start.summary());
                }
            }
            return result.finishReason() == FinishReason.CANCELLED ? Failures.INTERRUPTED : 0;
        }
    }

    private GenerationResult generate(Session session, GenerationOptions options, Consumer<GenerationEvent> sink)
            throws IOException {
        if (input.prompt.isPresent()) {
            return session.generate(input.prompt.get(), options, sink);
        }
        if (!input.ids.isEmpty()) {
            int[] ids = input.ids.stream().mapToInt(Integer::intValue).toArray();
            return session.generate(ids, options, sink);
        }
        Conversation conversation = ConversationFile.read(input.messages.orElseThrow());
        Completion completion = session.generate(conversation, options, sink);
        if (completion.prompt().folding() == Prompt.Folding.FOLDED) {
            spec.commandLine().getErr().println(Texts.FOLDED);
        }
        return completion.result();
    }

    private static ObjectNode json(GenerationResult result) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        result.ids().forEach(json.putArray("ids")::add);
        json.put("text", result.text());
        json.put("finish_reason", result.finishReason().json());
        json.put("prompt_tokens", result.promptTokens());
        json.put("completion_tokens", result.ids().size());
        json.put("prefill_tokens_per_second", result.promptTokensPerSecond());
        json.put("decode_tokens_per_second", result.answerTokensPerSecond());
        return json;
    }

    private static String summary(GenerationResult result) {
        return String.format(
                Locale.ROOT,
                "%d prompt tokens at %.1f tok/s, %d new tokens at %.1f tok/s, finished by %s",
                result.promptTokens(),
                result.promptTokensPerSecond(),
                result.ids().size(),
                result.answerTokensPerSecond(),
                result.finishReason().json());
    }
}
