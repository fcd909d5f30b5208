package dev.jemma.engine.lora;

import dev.jemma.engine.api.ModelFiles;
import dev.jemma.engine.io.AtomicFile;
import dev.jemma.engine.io.StagedFolder;
import dev.jemma.engine.safetensors.SafetensorsWriter;
import dev.jemma.engine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.SequencedMap;

/**
 * The two files of an adapter, which must change together although a rename changes one. A new adapter gets its config
 * last: without it there is no adapter. New weights under the same config are one rename. Where both change, both are
 * first put into a hidden folder by one rename, from which they are then moved out; as long as one lies there it
 * counts, so that {@link #file} finds the old pair or the new one at every moment.
 */
final class AdapterFolder {
    static final String CONFIG = ModelFiles.ADAPTER_CONFIG;
    static final String WEIGHTS = ModelFiles.ADAPTER_WEIGHTS;
    private static final String PENDING = ".adapter.pending";

    private AdapterFolder() {}

    /** Where {@code name} of the adapter in {@code folder} lies. */
    static Path file(Path folder, String name) {
        Path pending = folder.resolve(PENDING).resolve(name);
        return Files.exists(pending) ? pending : folder.resolve(name);
    }

    static void save(Path folder, byte[] config, SequencedMap<String, Tensor> weights) throws IOException {
        Files.createDirectories(folder);
        finishPending(folder);
        Path configFile = folder.resolve(CONFIG);
        if (!Files.exists(configFile)) {
            SafetensorsWriter.write(folder.resolve(WEIGHTS), weights, SafetensorsWriter.PYTORCH);
            AtomicFile.write(configFile, config);
        } else if (Arrays.equals(Files.readAllBytes(configFile), config)) {
            SafetensorsWriter.write(folder.resolve(WEIGHTS), weights, SafetensorsWriter.PYTORCH);
        } else {
            try (StagedFolder staged = StagedFolder.open(folder.resolve(PENDING))) {
                SafetensorsWriter.write(staged.path().resolve(WEIGHTS), weights, SafetensorsWriter.PYTORCH);
                AtomicFile.write(staged.path().resolve(CONFIG), config);
                staged.commit();
            }
            finishPending(folder);
        }
    }

    private static void finishPending(Path folder) throws IOException {
        Path pending = folder.resolve(PENDING);
        for (String name : new String[] {WEIGHTS, CONFIG}) {
            if (Files.exists(pending.resolve(name))) {
                Files.move(
                        pending.resolve(name),
                        folder.resolve(name),
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        StagedFolder.delete(pending);
    }
}
