package dev.jemma.engine;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.api.TemplateException;
import dev.jemma.engine.chat.ChatFormat;
import dev.jemma.engine.chat.SpecialTokens;
import dev.jemma.engine.chat.Templates;
import dev.jemma.engine.chat.ToolStyle;
import dev.jemma.engine.checkpoint.Checkpoint;
import dev.jemma.engine.checkpoint.FolderText;
import dev.jemma.engine.checkpoint.ModelText;
import dev.jemma.engine.checkpoint.TemplateFiles;
import dev.jemma.engine.io.JsonFile;
import dev.jemma.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/**
 * The rule by which a model's {@link ChatFormat} is chosen, the same for whoever renders, trains, scores, evaluates or
 * chats. Template: the options' file, else that of the last adapter that has one, else the model's, else the turns of
 * its generation. The writer of tools: the options, else the jemma.json of the last adapter that has one, else the
 * model's (merging puts an adapter's there), else what fits the template.
 */
public final class ChatFormats {
    private ChatFormats() {}

    /**
     * How conversations are written for the model at {@code path}, a folder or a GGUF file. Needs no weights.
     *
     * @throws FormatException if a template, jemma.json or what is needed of the model's files is malformed
     * @throws UncheckedIOException if a file cannot be read
     */
    public static ChatFormat of(Path path, ChatOptions options) {
        try {
            if (Files.isRegularFile(path)) {
                try (Checkpoint checkpoint = Checkpoint.open(path)) {
                    return choose(checkpoint, checkpoint::tokenizer, options);
                }
            }
            ModelText text = new FolderText(path);
            return choose(text, text::tokenizer, options);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * How conversations are written by the template in {@code file}, whatever the model; bos and eos are {@code <bos>}
     * and {@code <eos>}.
     *
     * @param toolFormat as in {@link ChatOptions}
     * @throws FormatException if the template is malformed or not there
     * @throws UncheckedIOException if it cannot be read
     */
    public static ChatFormat ofTemplate(Path file, Optional<String> toolFormat) {
        try {
            Templates templates = Source.of(file).parse();
            String source = templates.withTools().source();
            ToolStyle style =
                    toolFormat.map(name -> ToolStyle.named(name, source)).orElseGet(() -> ToolStyle.fitting(source));
            return new ChatFormat(templates, style, SpecialTokens.GEMMA);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * How conversations are written for a model.
     *
     * @param tokenizer the model's; asked where special tokens are known by their ids alone
     */
    static ChatFormat choose(ModelText model, Supplier<Optional<Tokenizer>> tokenizer, ChatOptions options)
            throws IOException {
        Templates templates = template(model, options).parse();
        ToolStyle style = toolStyle(model, options, templates.withTools().source());
        return new ChatFormat(templates, style, specialTokens(model, tokenizer));
    }

    /**
     * A template's text, that of the one for tools if there is one, and the file they came from, as messages name it.
     */
    private record Source(String text, Optional<String> withTools, String place) {
        /** The template in a file of its own. */
        static Source of(Path file) throws IOException {
            try {
                return new Source(TemplateFiles.text(file), Optional.empty(), file.toString());
            } catch (NoSuchFileException e) {
                throw new FormatException(file + ": no such file, wanted a chat template", e);
            }
        }

        /** The templates found in {@code folder}, if one of them is for any conversation. */
        static Optional<Source> in(Path folder, TemplateFiles found) {
            return found.general()
                    .map(text -> new Source(
                            text,
                            found.toolUse(),
                            folder.resolve(found.source()).toString()));
        }

        Templates parse() {
            try {
                return Templates.parse(text, withTools);
            } catch (TemplateException e) {
                throw new FormatException(place + ": " + e.getMessage(), e);
            }
        }
    }

    private static Source template(ModelText model, ChatOptions options) throws IOException {
        if (options.chatTemplate().isPresent()) {
            return Source.of(options.chatTemplate().get());
        }
        for (Path adapter : options.adapters().reversed()) {
            Optional<Source> found = Source.in(adapter, TemplateFiles.find(adapter));
            if (found.isPresent()) {
                return found.get();
            }
        }
        Optional<Source> ofModel = Source.in(model.path(), model.templates());
        if (ofModel.isPresent()) {
            return ofModel.get();
        }
        String builtIn = model.family().template();
        return new Source(builtIn, Optional.empty(), "the built-in template");
    }

    private static ToolStyle toolStyle(ModelText model, ChatOptions options, String template) throws IOException {
        if (options.toolFormat().isPresent()) {
            return ToolStyle.named(options.toolFormat().get(), template);
        }
        List<Path> folders = new ArrayList<>(options.adapters().reversed());
        folders.add(model.path());
        for (Path folder : folders) {
            Path file = folder.resolve(ModelFiles.JEMMA);
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

    /** As the model's files spell them, else the tokens of the ids that it begins and ends texts with, else Gemma's. */
    private static SpecialTokens specialTokens(ModelText model, Supplier<Optional<Tokenizer>> tokenizer)
            throws IOException {
        Map<String, String> spelled = model.specialTokens();
        String bos = spelled.get(ModelText.BOS);
        String eos = spelled.get(ModelText.EOS);
        if (bos != null && eos != null) {
            return new SpecialTokens(bos, eos);
        }
        Optional<Tokenizer> known = tokenizer.get();
        return new SpecialTokens(
                bos != null ? bos : token(known, model.specialTokenId(ModelText.BOS), SpecialTokens.GEMMA.bos()),
                eos != null ? eos : token(known, model.specialTokenId(ModelText.EOS), SpecialTokens.GEMMA.eos()));
    }

    private static String token(Optional<Tokenizer> tokenizer, OptionalInt id, String otherwise) {
        return id.isPresent()
                ? tokenizer.flatMap(known -> known.token(id.getAsInt())).orElse(otherwise)
                : otherwise;
    }
}
