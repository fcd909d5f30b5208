package dev.jemma.engine;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.chat.BuiltInTemplate;
import dev.jemma.engine.chat.Conversations;
import dev.jemma.engine.chat.SpecialTokens;
import dev.jemma.engine.chat.ToolStyle;
import dev.jemma.engine.gemma.ChatTemplates;
import dev.jemma.engine.gemma.Checkpoint;
import dev.jemma.engine.gemma.Family;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.template.ChatTemplate;
import dev.jemma.engine.template.TemplateException;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
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
    /** A template's text and the file it came from, as messages name it. */
    private record Source(String text, String place) {}

    Conversations build() throws IOException {
        Source source = template();
        ChatTemplate template;
        try {
            template = ChatTemplate.parse(source.text);
        } catch (TemplateException e) {
            throw new FormatException(source.place + ": " + e.getMessage(), e);
        }
        SpecialTokens tokens = SpecialTokens.of(checkpoint, tokenizer);
        return new Conversations(template, toolStyle(source.text), tokens.bos(), tokens.eos());
    }

    private Source template() throws IOException {
        if (options.chatTemplate().isPresent()) {
            Path file = options.chatTemplate().get();
            try {
                return new Source(Files.readString(file), file.toString());
            } catch (NoSuchFileException e) {
                throw new FormatException(file + ": no such file, wanted a chat template", e);
            }
        }
        for (Path adapter : adapters.reversed()) {
            ChatTemplates found = ChatTemplates.find(adapter);
            if (found.choose(false).isPresent()) {
                return new Source(
                        found.choose(false).get(),
                        adapter.resolve(found.source()).toString());
            }
        }
        ChatTemplates ofModel = checkpoint.templates();
        if (ofModel.choose(false).isPresent()) {
            return new Source(
                    ofModel.choose(false).get(),
                    checkpoint.path().resolve(ofModel.source()).toString());
        }
        BuiltInTemplate builtIn =
                checkpoint.config().family() == Family.GEMMA_3 ? BuiltInTemplate.GEMMA3 : BuiltInTemplate.GEMMA;
        return new Source(builtIn.source(), "the built-in template");
    }

    private ToolStyle toolStyle(String template) throws IOException {
        if (options.toolFormat().isPresent()) {
            return ToolStyle.named(options.toolFormat().get(), template);
        }
        for (Path adapter : adapters.reversed()) {
            Path file = adapter.resolve(Conversations.FILE);
            if (Files.exists(file)) {
                JsonNode name = JsonFile.read(file).path(Conversations.TOOL_FORMAT);
                try {
                    return ToolStyle.named(name.stringValue(""), template);
                } catch (IllegalArgumentException unknown) {
                    throw new FormatException(
                            file + ": " + Conversations.TOOL_FORMAT + " is " + JsonFile.describe(name) + ": "
                                    + unknown.getMessage(),
                            unknown);
                }
            }
        }
        return ToolStyle.fitting(template);
    }
}
