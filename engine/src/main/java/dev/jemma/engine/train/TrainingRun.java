package dev.jemma.engine.train;

import dev.jemma.engine.api.Precision;
import dev.jemma.engine.api.TrainingConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where a run keeps what it makes, and what it computes with.
 *
 * @param config hyperparameters
 * @param out folder of the final adapter and of the checkpoints
 * @param metrics JSON Lines file of losses
 * @param base what the adapter is trained on ({@link dev.jemma.engine.gemma.Checkpoint#fingerprint}), recorded in
 *     checkpoints
 * @param adapter what decides the adapter to begin with (its configuration, or the folder it comes from), as text
 * @param start what to do with a folder that already holds a run
 * @param precision what it computes with, recorded in checkpoints
 * @param companions small text files that belong beside the adapter (chat_template.jinja, jemma.json), by file name
 */
public record TrainingRun(
        TrainingConfig config,
        Path out,
        Optional<Path> metrics,
        String base,
        String adapter,
        Start start,
        Precision precision,
        Map<String, String> companions) {
    /** How a run begins. */
    public enum Start {
        /** From the first step; a folder that holds a run is refused. */
        NEW,
        /** After the last checkpoint, or from the first step where there is none. */
        RESUME
    }

    public TrainingRun {
        companions = Map.copyOf(companions);
    }
}
