package dev.jemma.engine.api;

import java.util.List;
import java.util.Optional;

/**
 * What a merge did.
 *
 * @param modules how many modules were changed
 * @param untiedHead the weight that the head has of its own now, where embedding and head were one; empty where nothing
 *     was untied
 * @param bytes size of the new weights
 * @param warnings what users should know about the files, a line each
 */
public record MergeResult(int modules, Optional<String> untiedHead, long bytes, List<String> warnings) {
    public MergeResult {
        warnings = List.copyOf(warnings);
    }
}
