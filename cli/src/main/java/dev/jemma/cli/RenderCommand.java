package dev.jemma.cli;

import dev.jemma.engine.ChatFormats;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Conversation;
import dev.jemma.engine.chat.ConversationException;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.chat.ToolStyle;
import dev.jemma.engine.io.JsonLines;
import dev.jemma.engine.io.JsonSource;
import dev.jemma.engine.template.ChatTemplate;
import dev.jemma.engine.template.RenderOptions;
import dev.jemma.engine.template.RenderOptions.GenerationPrompt;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "render",
        description = "The exact prompt of conversations: rows {\"messages\",\"tools\"} to JSON Lines {\"text\"} or"
                + " {\"error\"}.",
        footer = {
            "",
            "With --model it is the prompt that train, score, eval, generate and chat make of the row. A row that the",
            "template refuses is an error here; the others fold its turns, which --mask shows: the text that training",
            "sees, and \"supervised\" lists its learned parts as [from, to) in characters. With --template alone it is",
            "what Jinja makes of the row as it stands; with --mask or --tool-format it is a prompt as above."
        },
        mixinStandardHelpOptions = true)
final class RenderCommand implements Callable<Integer> {
    /** Keys of the rows that train and score take besides conversations. */
    private static final List<String> TEXTS = List.of("text", "prompt", "input_ids");

    @Spec
    private CommandSpec spec;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Mixin
    private ChatFormatOptions chat;

    @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter folder; several add up.")
    private List<Path> adapters = List.of();

    @Option(
            names = "--data",
            required = true,
            paramLabel = "ROWS.jsonl",
            description = "Rows {\"messages\",\"tools\"}.")
    private Path data;

    @Option(names = "--add-generation-prompt", description = "End with the assistant's header.")
    private boolean addGenerationPrompt;

    @Option(names = "--mask", description = "Show what is supervised in training.")
    private boolean mask;

    /** Taken by every command; here nothing is computed on a device. */
    @Mixin
    private ComputeOptions compute;

    private boolean saidThatToolsAreLeftOut;

    /** Where the template comes from. */
    static final class Source {
        @Option(names = "--model", paramLabel = "DIR", description = "Model folder or .gguf file.")
        private Optional<Path> model = Optional.empty();

        @Option(
                names = "--template",
                paramLabel = "F.jinja",
                description = "Chat template without a model; bos and eos are <bos> and <eos>.")
        private Optional<Path> template = Optional.empty();
    }

    @Override
    public Integer call() {
        compute.check();
        ChatFormat format = format();
        GenerationPrompt ending = addGenerationPrompt ? GenerationPrompt.ADD : GenerationPrompt.OMIT;
        PrintWriter out = spec.commandLine().getOut();
        JsonLines.read(data, (row, line) -> {
            ObjectNode shown = JsonNodeFactory.instance.objectNode();
            try {
                if (!Conversation.isIn(row) && TEXTS.stream().anyMatch(row::has)) {
                    shown.put("error", "the row is no conversation: it is read as it is, without a template");
                } else if (alone() && row.path("messages").isArray()) {
                    shown.put("text", byTemplateAlone(format.templates().plain(), row, ending));
                } else if (mask) {
                    write(format.supervise(conversation(row, line)), shown);
                } else {
                    shown.put(
                            "text",
                            format.renderUnfolded(conversation(row, line), ending)
                                    .text());
                }
            } catch (TemplateException e) {
                shown.put("error", e.kind() == TemplateException.Kind.RAISED ? e.reason() : e.getMessage());
            } catch (IllegalArgumentException e) {
                shown.put("error", e.getMessage());
            }
            out.println(shown);
        });
        return 0;
    }

    /** Whether a template is looked at as such: no model, tool format or mask makes it a prompt that somebody sends. */
    private boolean alone() {
        return source.template.isPresent() && chat.toolFormat().isEmpty() && !mask;
    }

    /**
     * The text that Jinja makes of a row as it stands: tools that the template does not know are not in the text, which
     * is said once.
     */
    private String byTemplateAlone(ChatTemplate template, ObjectNode row, GenerationPrompt ending) {
        JsonNode tools = row.path("tools");
        if (!saidThatToolsAreLeftOut && !tools.isEmpty() && !ToolStyle.knowsTools(template.source())) {
            saidThatToolsAreLeftOut = true;
            spec.commandLine()
                    .getErr()
                    .println(
                            "the template knows no tools, so the text has none; --tool-format hermes writes them in its"
                                    + " turns, as train and chat do");
        }
        return template.trace(
                        row.get("messages"), tools, RenderOptions.defaults().with(ending))
                .text();
    }

    private static Conversation conversation(ObjectNode row, JsonSource line) {
        try {
            return Conversation.of(row);
        } catch (ConversationException e) {
            throw line.complaint(e.pointer(), e.problem());
        }
    }

    /**
     * That of the model with its adapters and what is chosen here, as every command has it; a folder needs no weights.
     */
    private ChatFormat format() {
        if (source.model.isPresent()) {
            return ChatFormats.of(source.model.get(), chat.with(adapters));
        }
        if (chat.chatTemplate().isPresent() || !adapters.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "--template stands alone; --model takes --chat-template and --adapter");
        }
        return ChatFormats.ofTemplate(source.template.orElseThrow(), chat.toolFormat());
    }

    private static void write(Prompt prompt, ObjectNode line) {
        line.put("text", prompt.text());
        ArrayNode supervised = line.putArray("supervised");
        int at = 0;
        int from = -1;
        for (TextSpan span : prompt.spans()) {
            if (span.generated() && from < 0) {
                from = at;
            } else if (!span.generated() && from >= 0) {
                supervised.addArray().add(from).add(at);
                from = -1;
            }
            at += span.text().length();
        }
        if (from >= 0) {
            supervised.addArray().add(from).add(at);
        }
    }
}
