package dev.jemma.engine;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.SpecialTokens;
import dev.jemma.engine.chat.Templates;
import dev.jemma.engine.chat.ToolStyle;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * Decides how conversations are written for a model with adapters. Template: the options' file, else that of the last adapter that has one, else the model's, else the turns of its generation. Who writes
 * tools: the options, else the jemma.json of the last adapter that has one, else what fits the template.
 *
 * @param options how the model was opened
 * @param checkpoint the model
 * @param tokenizer spells the model's special tokens
 * @param adapters folders of adapters
 */
record ConversationSetup(GemmaOptions options, Checkpoint checkpoint, Tokenizer tokenizer, List<Path> adapters) {
    /** A template's text, that of the one for tools if there is one, and the file they came from, as messages name it. */
    private record Source(String text, Optional<String> withTools, String place) {
        static Source of(String text, String place) {
            return new Source(text, Optional.empty(), place);
        }

        /** The templates found in {@code folder}, if one of them is for any conversation. */
        static Optional<Source> in(Path folder, TemplateFiles found) {
            return found.general()
                    .map(text -> new Source(
                            text,
                            found.toolUse(),
                            folder.resolve(found.source()).toString()));
        }
    }

    ChatFormat build() throws IOException {
        Source source = template();
        Templates templates;
        try {
            templates = Templates.parse(source.text, source.withTools);
        } catch (TemplateException e) {
            throw new FormatException(source.place + ": " + e.getMessage(), e);
        }
        SpecialTokens tokens = SpecialTokens.of(checkpoint, tokenizer);
        return new ChatFormat(templates, toolStyle(templates.withTools().source()), tokens.bos(), tokens.eos());
    }

    private Source template() throws IOException {
        if (options.chatTemplate().isPresent()) {
            Path file = options.chatTemplate().get();
            try {
                return Source.of(Files.readString(file), file.toString());
            } catch (NoSuchFileException e) {
                throw new FormatException(file + ": no such file, wanted a chat template", e);
            }
        }
        for (Path adapter : adapters.reversed()) {
            Optional<Source> found = Source.in(adapter, TemplateFiles.find(adapter));
            if (found.isPresent()) {
                return found.get();
            }
        }
        Optional<Source> ofModel = Source.in(checkpoint.path(), checkpoint.templates());
        if (ofModel.isPresent()) {
            return ofModel.get();
        }
        return Source.of(checkpoint.config().family().template(), "the built-in template");
    }

    private ToolStyle toolStyle(String template) throws IOException {
        if (options.toolFormat().isPresent()) {
            return ToolStyle.named(options.toolFormat().get(), template);
        }
        for (Path adapter : adapters.reversed()) {
            Path file = adapter.resolve(ChatFormat.FILE);
            if (Files.exists(file)) {
                JsonNode name = JsonFile.read(file).path(ChatFormat.TOOL_FORMAT);
                try {
                    return ToolStyle.named(name.stringValue(""), template);
                } catch (IllegalArgumentException unknown) {
                    throw new FormatException(
                            file + ": " + ChatFormat.TOOL_FORMAT + " is " + JsonFile.describe(name) + ": "
                                    + unknown.getMessage(),
                            unknown);
                }
            }
        }
        return ToolStyle.fitting(template);
    }
}
