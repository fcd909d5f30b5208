package dev.jemma.engine;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The choices that decide, beside a model's own files, how conversations are written for it.
 *
 * @param chatTemplate a file with the chat template to use instead of the model's and its adapters'
 * @param toolFormat the tool-call format to use ({@code hermes}, {@code functiongemma}, {@code template}) instead of
 *     what adapters and template tell
 * @param adapters folders of adapters, whose templates and formats come before the model's, the last one's first
 */
public record ChatOptions(Optional<Path> chatTemplate, Optional<String> toolFormat, List<Path> adapters) {
    /** The model as it is. */
    public static final ChatOptions DEFAULTS = new ChatOptions(Optional.empty(), Optional.empty(), List.of());

    public ChatOptions {
        adapters = List.copyOf(adapters);
    }
}
