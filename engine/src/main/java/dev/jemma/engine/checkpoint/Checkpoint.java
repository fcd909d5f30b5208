package dev.jemma.engine.checkpoint;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.checkpoint.config.Family;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.SequencedMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where a model comes from: its config, how it wants to be sampled, its weights by Hugging Face's canonical names, its
 * tokenizer and chat templates. Opening reads heads and configs only, whatever the size of the weights.
 *
 * <p>Owns mappings; weights are borrowed from it and die with it. A second close is harmless. Safe for threads.
 */
public sealed interface Checkpoint extends ModelText, AutoCloseable permits ModelFolder, GgufCheckpoint {
    /**
     * Opens the model at {@code path} and checks every tensor's name, shape and element type against the model's
     * config: a folder as Hugging Face lays it out, or a GGUF file.
     *
     * @throws FormatException if it is not a Gemma that Jemma runs; tensors that do not fit are all named at once
     * @throws IOException if a file cannot be read
     */
    static Checkpoint open(Path path) throws IOException {
        return Files.isRegularFile(path) ? GgufCheckpoint.open(path) : ModelFolder.open(path);
    }

    /** Shape and constants. {@code tieWordEmbeddings} tells what the weights really are. */
    GemmaConfig config();

    /**
     * The model's config.json: as it lies in the folder, or as transformers would write it for this model.
     *
     * @throws IOException if a file cannot be read
     */
    ObjectNode configJson() throws IOException;

    /** How the model wants to be sampled. */
    GenerationConfig generation();

    @Override
    default OptionalInt specialTokenId(String key) {
        return generation().specialTokenId(key);
    }

    @Override
    default Family family() {
        return config().family();
    }

    /** What users should know about the files: unknown keys, unread tensors; a line each. */
    List<String> warnings();

    /** The canonical names of the tensors in the files, used or not. */
    List<String> names();

    /**
     * The weight {@code name} (canonical), borrowed. The head of a tied model is its embedding.
     *
     * @throws IllegalArgumentException if the files have none of that name
     */
    Weight weight(String name);

    /** Every tensor that a plain Hugging Face folder of this model holds, by its name there; borrowed. */
    SequencedMap<String, PlainTensor> plainTensors();

    /**
     * Writes what such a folder holds beside weights and config.json to {@code folder}.
     *
     * @throws FormatException if a part of the model that belongs there is malformed
     * @throws IOException if a file cannot be read or written
     */
    void writeCompanions(Path folder) throws IOException;

    /** The mapped files. */
    List<Path> files();

    /** Size of the mapped files in bytes. */
    long bytes();

    /** Number of weights that the model computes with; a tied head counts once. */
    default long parameters() {
        return config().layout().stored().stream()
                .mapToLong(parameter -> parameter.shape().elements())
                .sum();
    }

    /**
     * Tells this model from another one, wherever it lies: a digest of config.json's values, of every weight's name,
     * type and shape, and of some bytes in the middle of each. Reads a page of each weight, not all of them.
     */
    default String fingerprint() {
        return Fingerprint.of(this);
    }

    /**
     * Whether the weights on disk are still those that were mapped; called when a session opens.
     *
     * @throws FormatException if a file changed
     * @throws IOException if a file is gone
     */
    void checkUnchanged() throws IOException;

    @Override
    void close();
}
