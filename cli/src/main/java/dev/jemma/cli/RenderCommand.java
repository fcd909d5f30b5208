package dev.jemma.cli;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.api.TextSpan;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.Prompt;
import dev.jemma.engine.chat.SpecialTokens;
import dev.jemma.engine.chat.Templates;
import dev.jemma.engine.chat.ToolStyle;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.Family;
import dev.jemma.engine.checkpoint.GemmaConfig;
import dev.jemma.engine.checkpoint.ModelFiles;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.template.RenderOptions;
import dev.jemma.engine.template.RenderOptions.GenerationPrompt;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

@Command(
        name = "render",
        description =
                "The exact prompt of conversations: rows {\"messages\",\"tools\"} to JSON Lines {\"text\"} or {\"error\"}.",
        footer = {
            "",
            "Without --mask it is what the template makes of the row as it is. With --mask it is the text that training sees (tools written for templates",
            "that know none, turns folded for templates that refuse them), and \"supervised\" lists its learned parts as [from, to) in characters."
        },
        mixinStandardHelpOptions = true)
final class RenderCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @ArgGroup(multiplicity = "1")
    private Source source;

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

    @Option(
            names = "--tool-format",
            paramLabel = "NAME",
            description = "With --mask: hermes, functiongemma or template.")
    private Optional<String> toolFormat = Optional.empty();

    /** Taken by every command; here nothing is computed on a device. */
    @Mixin
    private ComputeOptions compute;

    /** Where the template comes from. */
    static final class Source {
        @Option(names = "--model", paramLabel = "DIR", description = "Model folder or .gguf file.")
        private Optional<Path> model = Optional.empty();

        @Option(
                names = "--template",
                paramLabel = "F.jinja",
                description = "Chat template; bos and eos are <bos> and <eos>.")
        private Optional<Path> template = Optional.empty();
    }

    @Override
    public Integer call() throws IOException {
        compute.check();
        Turns turns = turns();
        SpecialTokens tokens = turns.tokens;
        Templates templates = turns.templates;
        ChatFormat conversations = new ChatFormat(
                templates,
                toolFormat
                        .map(name -> ToolStyle.named(name, templates.withTools().source()))
                        .orElseGet(() -> ToolStyle.fitting(templates.withTools().source())),
                tokens.bos(),
                tokens.eos());
        RenderOptions options = RenderOptions.withTokens(tokens.bos(), tokens.eos())
                .with(addGenerationPrompt ? GenerationPrompt.ADD : GenerationPrompt.OMIT);
        PrintWriter out = spec.commandLine().getOut();
        JsonLines.read(data, (row, number) -> {
            if (!(row.json().path("messages") instanceof ArrayNode messages)) {
                throw FormatException.atLine(row.file(), row.line(), "messages is missing, wanted a list of messages");
            }
            ObjectNode line = JsonLines.JSON.createObjectNode();
            try {
                if (mask) {
                    write(conversations.supervise(messages, row.json().path("tools")), line);
                } else {
                    JsonNode tools = row.json().path("tools");
                    line.put("text", TextSpan.join(templates.choose(tools).render(messages, tools, options)));
                }
            } catch (TemplateException e) {
                line.put("error", e.kind() == TemplateException.Kind.RAISED ? e.reason() : e.getMessage());
            }
            out.println(JsonLines.JSON.writeValueAsString(line));
        });
        return 0;
    }

    /** How conversations are written: a template and the tokens that it knows by name. */
    private record Turns(Templates templates, SpecialTokens tokens) {
        static Turns of(TemplateFiles found, Family family, SpecialTokens tokens) {
            Templates templates = found.general().isPresent()
                    ? Templates.parse(found.general().get(), found.toolUse())
                    : Templates.parse(family.template(), Optional.empty());
            return new Turns(templates, tokens);
        }
    }

    /** Those of the template file, else the model's, else the turns of the model's generation. A folder needs no weights for this. */
    private Turns turns() throws IOException {
        if (source.template.isPresent()) {
            String text = Files.readString(source.template.get());
            return new Turns(Templates.parse(text, Optional.empty()), SpecialTokens.GEMMA);
        }
        Path model = source.model.orElseThrow();
        if (Files.isRegularFile(model)) {
            try (Checkpoint checkpoint = Checkpoint.open(model)) {
                Optional<Tokenizer> tokenizer = checkpoint.tokenizer();
                return Turns.of(
                        checkpoint.templates(),
                        checkpoint.config().family(),
                        tokenizer.isPresent() ? SpecialTokens.of(checkpoint, tokenizer.get()) : SpecialTokens.GEMMA);
            }
        }
        TemplateFiles found = TemplateFiles.find(model);
        Family family = found.general().isPresent()
                ? Family.GEMMA_3
                : GemmaConfig.read(model.resolve(ModelFiles.CONFIG)).config().family();
        return Turns.of(found, family, SpecialTokens.read(model));
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
