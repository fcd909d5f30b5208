package dev.jemma.cli;

import dev.jemma.engine.Gemma;
import dev.jemma.engine.GemmaOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which model, how it speaks, and where it computes. */
final class ModelOptions {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Model folder, as on the Hugging Face hub, or .gguf file.")
    private Optional<Path> model = Optional.empty();

    @Mixin
    private ChatFormatOptions chat;

    @Mixin
    private ComputeOptions compute;

    Optional<Path> given() {
        return model;
    }

    /** The folder, which the user must name. */
    Path folder(CommandSpec spec) {
        return model.orElseThrow(
                () -> new ParameterException(spec.commandLine(), "Missing required option: '--model=DIR'"));
    }

    GemmaOptions options() {
        GemmaOptions options = compute.options();
        options = chat.chatTemplate().map(options::withChatTemplate).orElse(options);
        return chat.toolFormat().map(options::withToolFormat).orElse(options);
    }

    /** Opens the model; says what it warns about, and with {@code --verbose} what computes. Closed by the caller. */
    Gemma open(CommandSpec spec) {
        return open(spec, options());
    }

    /** The same with other options than {@link #options}. */
    Gemma open(CommandSpec spec, GemmaOptions options) {
        Path folder = folder(spec);
        Gemma gemma = Gemma.open(folder, options);
        CommandLine line = spec.commandLine();
        PrintWriter err = line.getErr();
        gemma.warnings().forEach(warning -> err.println("warning: " + warning));
        if (Main.verbose(line)) {
            err.println(folder + " on " + gemma.description());
        }
        return gemma;
    }
}
