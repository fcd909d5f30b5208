package dev.jemma.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How a session is opened.
 *
 * @param contextLength most tokens of prompt and answer together; 0 = as many as the model was made for. Memory is
 *     taken as it is needed
 * @param adapters folders of LoRA adapters, whose updates add up
 */
public record SessionOptions(int contextLength, List<Path> adapters) {
    /** The model's whole context, no adapter. */
    public static final SessionOptions DEFAULTS = new SessionOptions(0, List.of());

    public SessionOptions {
        adapters = List.copyOf(adapters);
        if (contextLength < 0) {
            throw new IllegalArgumentException(
                    "context length is " + contextLength + ", wanted 1 or more, or 0 for the model's");
        }
    }

    /** These with another context. */
    public SessionOptions withContextLength(int tokens) {
        return new SessionOptions(tokens, adapters);
    }

    /** These with one more adapter. */
    public SessionOptions withAdapter(Path folder) {
        List<Path> more = new ArrayList<>(adapters);
        more.add(folder);
        return new SessionOptions(contextLength, more);
    }
}
