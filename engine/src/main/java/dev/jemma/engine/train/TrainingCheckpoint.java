package dev.jemma.engine.train;

import dev.jemma.engine.api.FormatException;
import dev.jemma.engine.api.Precision;
import dev.jemma.engine.checkpoint.config.GemmaConfig;
import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.lora.Adapter;
import dev.jemma.engine.safetensors.SafetensorsFile;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A folder {@code checkpoint-N}: a PEFT adapter as it was after step N, AdamW's moments ({@code optimizer.safetensors},
 * f32, {@code first.NAME} and {@code second.NAME}) and the run's state.
 *
 * @param folder where it is
 * @param state the run's state
 */
record TrainingCheckpoint(Path folder, RunState state) {
    private static final String OPTIMIZER = "optimizer.safetensors";

    /** Opens what {@link #write} wrote. */
    static TrainingCheckpoint open(Path folder) throws IOException {
        Path file = folder.resolve(RunState.FILE);
        if (!Files.isRegularFile(file)) {
            throw new FormatException(folder + " has no " + RunState.FILE + ", so it is no checkpoint; move it away");
        }
        return new TrainingCheckpoint(folder, RunState.parse(file, Files.readString(file)));
    }

    /** What the run computes with. */
    Precision precision() {
        return state.precision(folder.resolve(RunState.FILE));
    }

    /** Writes a checkpoint's files into {@code folder}. */
    static void write(Path folder, Adapter adapter, AdamW optimizer, RunState state, Map<String, String> companions)
            throws IOException {
        adapter.save(folder);
        SequencedMap<String, Tensor> moments = new LinkedHashMap<>();
        for (AdamW.State parameter : optimizer.states()) {
            moments.put("first." + parameter.parameter().name(), parameter.first());
            moments.put("second." + parameter.parameter().name(), parameter.second());
        }
        SafetensorsWriter.write(folder.resolve(OPTIMIZER), moments, SafetensorsWriter.PYTORCH);
        for (Map.Entry<String, String> companion : companions.entrySet()) {
            writeText(folder.resolve(companion.getKey()), companion.getValue());
        }
        writeText(folder.resolve(RunState.FILE), state.toJson());
    }

    static void writeText(Path file, String text) throws IOException {
        Files.createDirectories(AtomicFile.folderOf(file));
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** The adapter as it was; closed by the caller. */
    Adapter adapter(GemmaConfig model) {
        try {
            return Adapter.load(folder, model);
        } catch (IOException e) {
            throw new FormatException("the adapter in " + folder + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Copies the moments into {@code optimizer}.
     *
     * @throws FormatException naming a moment that is missing or has another shape
     */
    void restore(AdamW optimizer) {
        Path path = folder.resolve(OPTIMIZER);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (AdamW.State parameter : optimizer.states()) {
                copy(file, path, "first." + parameter.parameter().name(), parameter.first());
                copy(file, path, "second." + parameter.parameter().name(), parameter.second());
            }
        } catch (IOException e) {
            throw new FormatException(path + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static void copy(SafetensorsFile file, Path path, String name, Tensor target) {
        if (!file.names().contains(name)) {
            throw FormatException.in(path, "tensor '" + name + "' is missing");
        }
        Tensor saved = file.tensor(name);
        if (!saved.shape().equals(target.shape()) || saved.dtype() != target.dtype()) {
            throw FormatException.in(
                    path,
                    "tensor '" + name + "' is " + saved.dtype() + " " + saved.shape() + ", the adapter wants "
                            + target.dtype() + " " + target.shape());
        }
        target.segment().copyFrom(saved.segment());
    }
}
