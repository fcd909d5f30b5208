package dev.jemma.cli;

import dev.jemma.engine.ChatOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How conversations are written, where that is not left to the model and its adapters. */
final class ChatFormatOptions {
    @Option(
            names = "--chat-template",
            paramLabel = "FILE",
            description = "Chat template to use instead of the adapter's or the model's.")
    private Optional<Path> chatTemplate = Optional.empty();

    @Option(
            names = "--tool-format",
            paramLabel = "NAME",
            description = "How tools and calls are written: hermes, functiongemma, or template (as the chat template"
                    + " has it).")
    private Optional<String> toolFormat = Optional.empty();

    Optional<Path> chatTemplate() {
        return chatTemplate;
    }

    Optional<String> toolFormat() {
        return toolFormat;
    }

    /** These, with adapters. */
    ChatOptions with(List<Path> adapters) {
        return new ChatOptions(chatTemplate, toolFormat, adapters);
    }
}
